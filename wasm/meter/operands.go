package meter

import "github.com/weft-network/weft/wasm/internal/code"

// takes is how many operands an instruction takes that neither moves control nor
// traps but for a place outside of memory; it leaves one, or none if leaves is
// false. ok is false for all other instructions.
func takes(op uint16) (n int, leaves, ok bool) {
	switch {
	case op == code.OpNop:
		return 0, false, true
	case op == code.OpDrop, op == code.OpLocalSet, op == code.OpGlobalSet:
		return 1, false, true
	case op == code.OpSelect:
		return 3, true, true
	case op == code.OpLocalGet, op == code.OpGlobalGet, op == code.OpMemorySize,
		op >= code.OpI32Const && op <= code.OpF64Const:
		return 0, true, true
	case stores(op):
		return 2, false, true
	case op >= 0x6d && op <= 0x70, op >= 0x7f && op <= 0x82, // integers divided
		op >= 0xa8 && op <= 0xab, op >= 0xae && op <= 0xb1: // floats truncated
		return 0, false, false
	case op >= 0x46 && op <= 0x4f, op >= 0x51 && op <= 0x66, // comparisons
		op >= 0x6a && op <= 0x78, op >= 0x7c && op <= 0x8a, // arithmetic of integers
		op >= 0x92 && op <= 0x98, op >= 0xa0 && op <= 0xa6: // and of floats
		return 2, true, true
	case op == code.OpLocalTee, loads(op), op >= 0x45 && op <= 0xc4, op >= 0xfc00 && op <= 0xfc07:
		return 1, true, true
	}
	return 0, false, false
}

func loads(op uint16) bool { return op >= code.OpI32Load && op <= code.OpI64Load32U }

func stores(op uint16) bool { return op >= code.OpI32Store && op <= code.OpI64Store32 }
