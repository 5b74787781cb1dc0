package code

import "fmt"

// kind says what follows an opcode.
type kind uint8

const (
	plain kind = iota
	block      // a block type
	label
	labels // a vector of labels and one more
	function
	indirect // a type and a table
	local
	global
	access // alignment and offset
	oneMemory
	i32
	i64
	f32
	f64
	prefixed
	refused
)

// kinds of all opcodes of one byte.
var kinds = func() (k [256]kind) {
	for op := range k {
		k[op] = refused
	}
	set := func(from, to int, what kind) {
		for op := from; op <= to; op++ {
			k[op] = what
		}
	}
	set(OpUnreachable, OpNop, plain)
	set(OpBlock, OpIf, block)
	k[OpElse], k[OpEnd], k[OpReturn] = plain, plain, plain
	set(OpBr, OpBrIf, label)
	k[OpBrTable], k[OpCall], k[OpCallIndirect] = labels, function, indirect
	set(OpDrop, OpSelect, plain)
	set(OpLocalGet, OpLocalTee, local)
	set(OpGlobalGet, OpGlobalSet, global)
	set(0x28, 0x3e, access)
	set(OpMemorySize, OpMemoryGrow, oneMemory)
	k[OpI32Const], k[OpI64Const], k[OpF32Const], k[OpF64Const] = i32, i64, f32, f64
	set(0x45, 0xc4, plain)
	k[0xfc] = prefixed
	return k
}()

// naturalAlign is the greatest alignment exponent of loads and stores, from 0x28.
var naturalAlign = [...]uint8{
	2, 3, 2, 3, // i32.load, i64.load, f32.load, f64.load
	0, 0, 1, 1, // i32.load8, load16
	0, 0, 1, 1, 2, 2, // i64.load8, load16, load32
	2, 3, 2, 3, // stores
	0, 1, 0, 1, 2, // narrow stores
}

// AccessBytes is how many bytes a load or a store touches. Other opcodes panic.
func AccessBytes(op uint16) uint32 { return 1 << naturalAlign[op-OpI32Load] }

// feature names what an opcode belongs to that chaincode may not use.
func feature(op byte) string {
	switch {
	case op >= 0x06 && op <= 0x0a, op == 0x18, op == 0x19, op == 0x1f:
		return "exception handling"
	case op == 0x12 || op == 0x13:
		return "tail calls"
	case op == 0x14 || op == 0x15:
		return "typed function references"
	case op == 0x1c, op == 0x25, op == 0x26, op >= 0xd0 && op <= 0xd2:
		return "reference types"
	case op == 0xfb:
		return "garbage collection"
	case op == 0xfd:
		return "SIMD"
	case op == 0xfe:
		return "threads"
	}
	return "an unknown feature"
}

// bulkFeature names instructions with the prefix 0xfc that are refused.
func bulkFeature(op uint32) string {
	names := []string{8: "memory.init (passive segments)", 9: "data.drop (passive segments)",
		12: "table.init (passive segments)", 13: "elem.drop (passive segments)", 14: "table.copy",
		15: "table.grow (reference types)", 16: "table.size (reference types)", 17: "table.fill (reference types)"}
	if op >= 18 && op <= 22 {
		return "wide arithmetic"
	}
	if uint64(op) < uint64(len(names)) && names[op] != "" {
		return names[op]
	}
	return "an unknown feature"
}

func refuse(what, name string) error {
	return fmt.Errorf("%s is not available to chaincode: %s", what, name)
}
