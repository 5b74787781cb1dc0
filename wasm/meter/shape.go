package meter

import "github.com/weft-network/weft/wasm/internal/code"

// shape is what has to be known of a function before it is rewritten.
type shape struct {
	calls  bool   // it calls other functions
	tested bool   // the fuel is tested when it is entered
	weight uint32 // what it adds to the depth of calls
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
	total := uint64(0)
	var in code.Instruction
	for b.Next(&in) {
		if in.Dead {
			continue
		}
		total += cost(in.Op)
		s.calls = s.calls || in.Op == code.OpCall || in.Op == code.OpCallIndirect
	}
	if err := b.Err(); err != nil {
		return shape{}, err
	}
	s.tested = s.calls || total > untestedCost
	return s, nil
}
