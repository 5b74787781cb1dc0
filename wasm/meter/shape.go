package meter

import "github.com/weft-network/weft/wasm/internal/code"

// shape is what has to be known of a function before it is rewritten.
type shape struct {
	calls  bool   // it calls other functions
	tested bool   // the fuel is tested when it is entered
	weight uint32 // what it adds to the depth of calls
}

// The weight of a frame, in units of about one machine word: a fixed part, a
// place for each parameter and local variable and for each operand at once, and
// something for what a compiler keeps besides.
const (
	weightFrame = 8
	weightCode  = 64 // bytes of the body for a unit
)

// measure reads a body to the end.
func measure(b *code.Body, m *code.Module, i int) (shape, error) {
	if err := b.Open(m, i); err != nil {
		return shape{}, err
	}
	s, total := shape{}, uint64(0)
	h := heights{module: m}
	h.enter(code.Void)
	var in code.Instruction
	for b.Next(&in) {
		h.step(&in)
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
	s.weight = weightFrame + b.Locals + uint32(h.most) + uint32(len(m.Bodies[i])/weightCode)
	return s, nil
}

// heights follows how many operands a function has at once. For a body that is
// not valid the answer means nothing.
type heights struct {
	module    *code.Module
	now, most int
	blocks    []opening
}

// opening is the height below an open block, and the number of its results.
type opening struct{ height, results int }

func (h *heights) enter(block byte) {
	o := opening{height: h.now}
	if block != code.Void {
		o.results = 1
	}
	h.blocks = append(h.blocks, o)
}

func (h *heights) step(in *code.Instruction) {
	switch in.Op {
	case code.OpBlock, code.OpLoop, code.OpIf:
		if in.Op == code.OpIf && !in.Dead {
			h.add(-1)
		}
		h.enter(in.Block)
	case code.OpElse:
		h.now = h.blocks[len(h.blocks)-1].height
	case code.OpEnd:
		o := h.blocks[len(h.blocks)-1]
		h.blocks = h.blocks[:len(h.blocks)-1]
		h.now = o.height
		h.add(o.results)
	default:
		if !in.Dead {
			h.add(h.effect(in))
		}
	}
}

func (h *heights) add(n int) {
	h.now = max(0, h.now+n)
	h.most = max(h.most, h.now)
}

// effect is how many operands an instruction leaves more than it takes.
func (h *heights) effect(in *code.Instruction) int {
	switch op := in.Op; {
	case op == code.OpCall:
		t := h.module.FunctionType(in.Index)
		return len(t.Results) - len(t.Params)
	case op == code.OpCallIndirect:
		t := &h.module.Types[in.Index]
		return len(t.Results) - len(t.Params) - 1
	case op == code.OpLocalGet, op == code.OpGlobalGet, op == code.OpMemorySize,
		op >= code.OpI32Const && op <= code.OpF64Const:
		return 1
	case op == code.OpDrop, op == code.OpLocalSet, op == code.OpGlobalSet, op == code.OpBrIf:
		return -1
	case op == code.OpSelect, op >= 0x36 && op <= 0x3e: // stores
		return -2
	case op == code.OpMemoryCopy, op == code.OpMemoryFill:
		return -3
	case op >= 0x46 && op <= 0x4f, op >= 0x51 && op <= 0x66, // comparisons
		op >= 0x6a && op <= 0x78, op >= 0x7c && op <= 0x8a, // arithmetic of integers
		op >= 0x92 && op <= 0x98, op >= 0xa0 && op <= 0xa6: // and of floats
		return -1
	}
	return 0
}
