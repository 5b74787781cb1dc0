package meter

import (
	"fmt"

	"github.com/weft-network/weft/wasm/internal/code"
)

// function rewrites one body at a time. It emits the guest's instructions and
// sums up what they cost; where control may go elsewhere, it sees to it that
// the sum is charged.
type function struct {
	body    code.Body
	imports uint32 // of the module, before refill
	fuel    uint32 // global
	depth   uint32 // global
	limit   uint32 // of depth
	bounded bool   // memory never is the whole address space
	shape   shape

	out     []byte
	pending int64 // cost of what was executed up to here and is not charged
	level   int   // number of emitted blocks that are open
	blocks  []opened
	// strict says that nothing is pending at any label; conflict, that it has
	// to be so in this function.
	strict, conflict bool
	// everywhere charges after every instruction; for tests.
	everywhere bool

	// Added local variables: their types, and the index of each, -1 until it is
	// needed.
	added  []byte
	budget int // fuel that is left, i64
	length int // i32
	nan32  int
	nan64  int
}

// rewriteBodies answers the metered bodies, each in an array of its own. The
// module's become what is metered: those with shorter jumps and stretches.
func rewriteBodies(m *code.Module, f *function) ([][]byte, error) {
	bodies := make([][]byte, len(m.Bodies))
	var j jumps
	var s stretches
	for i := range m.Bodies {
		var err error
		if m.Bodies[i], err = j.shorten(m, i); err == nil {
			m.Bodies[i], err = s.shorten(m, i, f.bounded)
		}
		if err == nil {
			bodies[i], err = f.rewrite(m, i)
		}
		if err != nil {
			return nil, fmt.Errorf("function %d: %w", len(m.Imports)+i, err)
		}
	}
	return bodies, nil
}

func (f *function) rewrite(m *code.Module, i int) ([]byte, error) {
	var err error
	if f.shape, err = measure(&f.body, m, i); err != nil {
		return nil, err
	}
	f.strict = f.everywhere
	if err := f.instructions(m, i); err != nil {
		return nil, err
	}
	if f.conflict {
		f.strict = true
		if err := f.instructions(m, i); err != nil {
			return nil, err
		}
	}
	return f.whole(), nil
}

// instructions emits the whole function into out.
func (f *function) instructions(m *code.Module, i int) error {
	if err := f.body.Open(m, i); err != nil {
		return err
	}
	f.out, f.pending, f.conflict = f.out[:0], 0, false
	f.blocks, f.level = f.blocks[:0], 0
	f.added, f.length, f.nan32, f.nan64 = f.added[:0], -1, -1, -1
	f.budget = -1
	f.local(&f.budget, code.I64)
	f.enter(m.Types[m.Functions[i]].Results)
	var in code.Instruction
	for !f.conflict && f.body.Next(&in) {
		f.instruction(&in)
	}
	f.leave()
	return f.body.Err()
}

// whole puts the declaration of locals before the instructions.
func (f *function) whole() []byte {
	b := make([]byte, 0, len(f.body.Groups)+2*len(f.added)+len(f.out)+5)
	b = code.AppendU32(b, f.body.Declared+uint32(len(f.added)))
	b = append(b, f.body.Groups...)
	for _, t := range f.added {
		b = append(b, 1, t)
	}
	return append(b, f.out...)
}

// local adds a local variable, once, and answers its index.
func (f *function) local(at *int, t byte) uint32 {
	if *at < 0 {
		*at = int(f.body.Locals) + len(f.added)
		f.added = append(f.added, t)
	}
	return uint32(*at)
}

// enter begins the function: the depth of calls, the fuel, and the block that
// all ways out lead to the end of.
func (f *function) enter(results []byte) {
	if f.shape.calls {
		f.pending += costDepth
		f.deeper()
	}
	f.load()
	if f.shape.tested {
		f.test()
	}
	t := byte(code.Void)
	if len(results) == 1 {
		t = results[0]
	}
	f.open(code.OpBlock, t)
	f.blocks = append(f.blocks, opened{level: f.level, known: f.strict})
}

// leave ends the function, after that block. The result lies on the stack, and
// stays there.
func (f *function) leave() {
	f.chargeGlobal()
	if f.shape.calls {
		f.shallower()
	}
	f.out = append(f.out, code.OpEnd)
}

// instruction emits one instruction of the guest. What cannot be reached stays
// as it is, so that a module that is invalid there stays invalid; it costs
// nothing.
func (f *function) instruction(in *code.Instruction) {
	if !in.Dead {
		f.pending += int64(cost(in.Op))
	}
	switch in.Op {
	case code.OpBlock, code.OpLoop, code.OpIf:
		f.begin(in)
	case code.OpElse:
		f.alternative(in)
	case code.OpEnd:
		f.end(in)
	case code.OpBr, code.OpBrIf, code.OpBrTable, code.OpReturn:
		f.branch(in)
	case code.OpCall, code.OpCallIndirect:
		f.call(in)
	case code.OpUnreachable:
		if !in.Dead {
			f.chargeGlobal()
		}
		f.out = append(f.out, in.Raw...)
	case code.OpMemoryCopy, code.OpMemoryFill:
		if !in.Dead {
			f.chargeLength()
		}
		f.out = append(f.out, in.Raw...)
	default:
		f.out = append(f.out, in.Raw...)
		if !in.Dead {
			f.canonical(in.Op)
		}
		if !in.Dead && f.everywhere {
			f.chargeTo(0)
		}
	}
}

// call emits a call, around which the fuel is in its global.
func (f *function) call(in *code.Instruction) {
	if !in.Dead {
		f.chargeGlobal()
	}
	if in.Op == code.OpCall {
		f.op1(code.OpCall, moved(in.Index, f.imports))
	} else {
		f.out = append(f.out, in.Raw...)
	}
	if !in.Dead {
		f.load()
	}
}
