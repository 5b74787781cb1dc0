package meter

import "github.com/weft-network/weft/wasm/internal/code"

// shape is what has to be known of a function before it is rewritten.
type shape struct {
	calls    bool   // it calls other functions
	loops    bool   // it has a loop
	tested   bool   // the fuel is tested when it is entered
	register bool   // the fuel is kept in a local variable
	weight   uint32 // what it adds to the depth of calls
}

// Weights of a call: a frame has a fixed part, a place for each parameter and
// local variable, and more the more there is to compute.
const (
	weightFrame = 4
	weightCode  = 64 // bytes of the body for a unit
)

// measure reads a body to the end.
func measure(b *code.Body, m *code.Module, i int) (shape, error) {
	if err := b.Open(m, i); err != nil {
		return shape{}, err
	}
	s := shape{weight: weightFrame + b.Locals + uint32(len(m.Bodies[i])/weightCode)}
	total, stretches := uint64(0), 0
	var in code.Instruction
	for b.Next(&in) {
		if in.Dead {
			continue
		}
		total += cost(in.Op)
		switch in.Op {
		case code.OpLoop:
			s.loops = true
		case code.OpCall, code.OpCallIndirect:
			s.calls = true
		case code.OpIf, code.OpElse, code.OpBrIf, code.OpBrTable, code.OpMemoryCopy, code.OpMemoryFill:
			stretches++
		}
	}
	if err := b.Err(); err != nil {
		return shape{}, err
	}
	s.tested = s.calls || total > untestedCost
	s.register = !s.calls && (s.loops || stretches > 1)
	return s, nil
}
