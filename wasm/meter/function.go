package meter

import (
	"fmt"

	"github.com/weft-network/weft/wasm/internal/code"
)

// function rewrites one body. It emits instructions and sums up what they cost;
// where control may go elsewhere, it emits the charge for the sum first.
type function struct {
	body    code.Body
	imports uint32 // of the module, before refill
	fuel    uint32 // global
	depth   uint32 // global
	limit   uint32 // of depth
	shape   shape

	out     []byte
	pending uint64 // cost of what was emitted and not charged

	// Added locals, by type; none has been added where the index is 0, since
	// local 0 is never one of them when any of these is in use.
	added  []byte // types, in order
	budget int    // fuel that is left, i64; -1 if it stays in the global
	length int    // i32; -1 until needed
	nan32  int
	nan64  int
}

// rewriteBodies answers the metered bodies. Each lies in an array of its own
// that nobody else uses.
func rewriteBodies(m *code.Module, limit uint32) ([][]byte, error) {
	f := &function{
		imports: uint32(len(m.Imports)),
		fuel:    uint32(len(m.Globals)),
		depth:   uint32(len(m.Globals)) + 1,
		limit:   limit,
	}
	bodies := make([][]byte, len(m.Bodies))
	for i := range m.Bodies {
		b, err := f.rewrite(m, i)
		if err != nil {
			return nil, fmt.Errorf("function %d (of the module's own): %w", i, err)
		}
		bodies[i] = b
	}
	return bodies, nil
}

func (f *function) rewrite(m *code.Module, i int) ([]byte, error) {
	var err error
	if f.shape, err = measure(&f.body, m, i); err != nil {
		return nil, err
	}
	if err := f.body.Open(m, i); err != nil {
		return nil, err
	}
	f.out, f.pending = f.out[:0], 0
	f.added, f.budget, f.length, f.nan32, f.nan64 = f.added[:0], -1, -1, -1, -1
	f.enter(m.Types[m.Functions[i]].Results)
	var in code.Instruction
	for f.body.Next(&in) {
		f.instruction(&in)
	}
	if err := f.body.Err(); err != nil {
		return nil, err
	}
	f.leave()
	return f.whole(), nil
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

// local adds a local variable, once.
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
	if f.shape.register {
		f.local(&f.budget, code.I64)
	}
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
	f.out = append(f.out, code.OpBlock, t)
}

// leave ends the function, after the block. The result lies on the stack, and
// stays there.
func (f *function) leave() {
	f.store()
	if f.shape.calls {
		f.op1(code.OpGlobalGet, f.depth)
		f.constant32(f.shape.weight)
		f.out = append(f.out, code.OpI32Sub)
		f.op1(code.OpGlobalSet, f.depth)
	}
	f.out = append(f.out, code.OpEnd)
}

func (f *function) deeper() {
	f.op1(code.OpGlobalGet, f.depth)
	f.constant32(f.shape.weight)
	f.out = append(f.out, code.OpI32Add)
	f.op1(code.OpGlobalSet, f.depth)
	f.op1(code.OpGlobalGet, f.depth)
	f.constant32(f.limit)
	f.out = append(f.out, code.OpI32GtS, code.OpIf, code.Void, code.OpUnreachable, code.OpEnd)
}

// instruction emits one instruction of the guest.
func (f *function) instruction(in *code.Instruction) {
	if in.Dead {
		f.dead(in)
		return
	}
	f.pending += cost(in.Op)
	switch in.Op {
	case code.OpLoop:
		f.charge()
		f.out = append(f.out, in.Raw...)
		f.test()
	case code.OpIf, code.OpElse, code.OpBr, code.OpBrIf, code.OpBrTable:
		f.charge()
		f.out = append(f.out, in.Raw...)
	case code.OpEnd:
		if in.Targeted || f.body.Depth() < 0 {
			f.charge()
		}
		f.out = append(f.out, in.Raw...)
	case code.OpReturn:
		f.charge()
		f.op1(code.OpBr, uint32(f.body.Depth()))
	case code.OpUnreachable:
		f.chargeGlobal()
		f.out = append(f.out, in.Raw...)
	case code.OpCall:
		f.chargeGlobal()
		f.op1(code.OpCall, moved(in.Index, f.imports))
		f.load()
	case code.OpCallIndirect:
		f.chargeGlobal()
		f.out = append(f.out, in.Raw...)
		f.load()
	case code.OpMemoryCopy, code.OpMemoryFill:
		f.chargeLength()
		f.out = append(f.out, in.Raw...)
	default:
		f.out = append(f.out, in.Raw...)
		f.canonical(in.Op)
	}
}

// dead emits an instruction that is never reached. It stays, so that a module
// that is invalid there stays invalid, and costs nothing.
func (f *function) dead(in *code.Instruction) {
	switch in.Op {
	case code.OpReturn:
		f.op1(code.OpBr, uint32(f.body.Depth()))
	case code.OpCall:
		f.op1(code.OpCall, moved(in.Index, f.imports))
	default:
		f.out = append(f.out, in.Raw...)
	}
}
