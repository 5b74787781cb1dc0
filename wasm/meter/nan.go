package meter

import "github.com/weft-network/weft/wasm/internal/code"

// floats says of what type the result of an instruction is whose NaN depends on
// the processor, 0 for all other instructions. abs, neg, copysign, loads and
// reinterpretations are exact to the bit.
func floats(op uint16) byte {
	switch {
	case op >= code.OpF32Ceil && op <= code.OpF32Max, op == code.OpF32Demote:
		return code.F32
	case op >= code.OpF64Ceil && op <= code.OpF64Max, op == code.OpF64Promote:
		return code.F64
	}
	return 0
}

// The canonical NaNs, little endian.
var (
	nan32 = [...]byte{code.OpF32Const, 0, 0, 0xc0, 0x7f}
	nan64 = [...]byte{code.OpF64Const, 0, 0, 0, 0, 0, 0, 0xf8, 0x7f}
)

// canonical replaces a NaN on top of the stack by the canonical one, after an
// instruction that may have made another: x if x equals itself, else NaN.
func (f *function) canonical(op uint16) {
	var t uint32
	var equal byte
	switch floats(op) {
	case code.F32:
		t, equal = f.local(&f.nan32, code.F32), code.OpF32Eq
		f.op1(code.OpLocalTee, t)
		f.out = append(f.out, nan32[:]...)
	case code.F64:
		t, equal = f.local(&f.nan64, code.F64), code.OpF64Eq
		f.op1(code.OpLocalTee, t)
		f.out = append(f.out, nan64[:]...)
	default:
		return
	}
	f.op1(code.OpLocalGet, t)
	f.op1(code.OpLocalGet, t)
	f.out = append(f.out, equal, code.OpSelect)
}
