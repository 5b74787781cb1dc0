package meter

import "github.com/weft-network/weft/wasm/internal/code"

// deeper adds the function's weight to the depth, and traps above the limit.
func (f *function) deeper() {
	f.op1(code.OpGlobalGet, f.depth)
	f.constant32(f.shape.weight)
	f.out = append(f.out, code.OpI32Add)
	f.op1(code.OpGlobalSet, f.depth)
	f.op1(code.OpGlobalGet, f.depth)
	f.constant32(f.limit)
	f.out = append(f.out, code.OpI32GtS, code.OpIf, code.Void, code.OpUnreachable, code.OpEnd)
}

// shallower takes it away.
func (f *function) shallower() {
	f.op1(code.OpGlobalGet, f.depth)
	f.constant32(f.shape.weight)
	f.out = append(f.out, code.OpI32Sub)
	f.op1(code.OpGlobalSet, f.depth)
}

func (f *function) constant32(v uint32) {
	f.out = code.AppendSigned(append(f.out, code.OpI32Const), int64(v))
}
