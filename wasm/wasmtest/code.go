package wasmtest

import (
	"encoding/binary"
	"math"
	"slices"
)

// Code is a stretch of instructions.
type Code []byte

// Opcodes that tests name; numeric ones are written by Op.
const (
	opUnreachable  = 0x00
	opNop          = 0x01
	opBlock        = 0x02
	opLoop         = 0x03
	opIf           = 0x04
	opElse         = 0x05
	opEnd          = 0x0b
	opBr           = 0x0c
	opBrIf         = 0x0d
	opBrTable      = 0x0e
	opReturn       = 0x0f
	opCall         = 0x10
	opCallIndirect = 0x11
	opDrop         = 0x1a
	opSelect       = 0x1b
	opLocalGet     = 0x20
	opLocalSet     = 0x21
	opLocalTee     = 0x22
	opGlobalGet    = 0x23
	opGlobalSet    = 0x24
	opMemorySize   = 0x3f
	opMemoryGrow   = 0x40
	opI32Const     = 0x41
	opI64Const     = 0x42
	opF32Const     = 0x43
	opF64Const     = 0x44
	opPrefix       = 0xfc
	opMemoryCopy   = 10
	opMemoryFill   = 11
)

// Instructions without operands in the code.
var (
	Unreachable = Code{opUnreachable}
	Nop         = Code{opNop}
	Return      = Code{opReturn}
	Drop        = Code{opDrop}
	Select      = Code{opSelect}
	MemorySize  = Code{opMemorySize, 0}
	MemoryGrow  = Code{opMemoryGrow, 0}
	MemoryCopy  = Code{opPrefix, opMemoryCopy, 0, 0}
	MemoryFill  = Code{opPrefix, opMemoryFill, 0}

	I32Eqz = Code{0x45}
	I32Eq  = Code{0x46}
	I32Ne  = Code{0x47}
	I32LtS = Code{0x48}
	I32LtU = Code{0x49}
	I32GeU = Code{0x4f}
	F32Eq  = Code{0x5b}
	F64Eq  = Code{0x61}
	I32Add = Code{0x6a}
	I32Sub = Code{0x6b}
	I32Mul = Code{0x6c}
	I32And = Code{0x71}
	I64Add = Code{0x7c}
	I64Sub = Code{0x7d}
	F64Add = Code{0xa0}
	F64Div = Code{0xa3}
	// ReinterpretF64 gives the bits of an f64 as an i64.
	ReinterpretF64 = Code{0xbd}
)

// Op is any instruction of one byte.
func Op(b byte) Code { return Code{b} }

// Seq is one stretch after the other.
func Seq(parts ...Code) Code { return slices.Concat(parts...) }

// Repeat is the code n times.
func Repeat(n int, c Code) Code { return Code(slices.Repeat(c, n)) }

// Block, Loop and If are blocks of a result type: 0 for none, or a letter.
func Block(result byte, body ...Code) Code { return nest(opBlock, result, Seq(body...)) }

// Loop is a loop; a branch to it goes to its head.
func Loop(result byte, body ...Code) Code { return nest(opLoop, result, Seq(body...)) }

// If takes the condition off the stack.
func If(result byte, then ...Code) Code { return nest(opIf, result, Seq(then...)) }

// IfElse takes the condition off the stack.
func IfElse(result byte, then, otherwise Code) Code {
	return nest(opIf, result, Seq(then, Code{opElse}, otherwise))
}

func nest(op, result byte, body Code) Code {
	blockType := byte(0x40)
	if result != 0 {
		blockType = valueType(result)
	}
	return Seq(Code{op, blockType}, body, Code{opEnd})
}

// Br leaves as many blocks and one more.
func Br(depth uint32) Code { return operand(opBr, depth) }

// BrIf is Br if the condition on the stack holds.
func BrIf(depth uint32) Code { return operand(opBrIf, depth) }

// BrTable branches to one of depths, and to the last one otherwise.
func BrTable(depths ...uint32) Code {
	c := operand(opBrTable, uint32(len(depths)-1))
	for _, d := range depths {
		c = binary.AppendUvarint(c, uint64(d))
	}
	return c
}

// Call calls a function by index.
func Call(function uint32) Code { return operand(opCall, function) }

// CallIndirect calls the function that lies in table 0.
func CallIndirect(typeIndex uint32) Code { return append(operand(opCallIndirect, typeIndex), 0) }

// LocalGet reads a parameter or local.
func LocalGet(index uint32) Code { return operand(opLocalGet, index) }

// LocalSet writes a parameter or local.
func LocalSet(index uint32) Code { return operand(opLocalSet, index) }

// LocalTee writes a parameter or local and leaves the value.
func LocalTee(index uint32) Code { return operand(opLocalTee, index) }

// GlobalGet reads a global.
func GlobalGet(index uint32) Code { return operand(opGlobalGet, index) }

// GlobalSet writes a global.
func GlobalSet(index uint32) Code { return operand(opGlobalSet, index) }

// I32 is a constant.
func I32(v int32) Code { return leb(Code{opI32Const}, int64(v)) }

// I64 is a constant.
func I64(v int64) Code { return leb(Code{opI64Const}, v) }

// F32 is a constant of these bits.
func F32(bits uint32) Code { return binary.LittleEndian.AppendUint32(Code{opF32Const}, bits) }

// F64 is a constant of these bits.
func F64(bits uint64) Code { return binary.LittleEndian.AppendUint64(Code{opF64Const}, bits) }

// F64Value is a constant.
func F64Value(v float64) Code { return F64(math.Float64bits(v)) }

// Access is a load or store of one byte's opcode, without alignment hint.
func Access(op byte, offset uint32) Code {
	return binary.AppendUvarint(Code{op, 0}, uint64(offset))
}

// Loads and stores that tests name.
func Load32(offset uint32) Code { return Access(0x28, offset) }

// Load8 loads a byte, unsigned.
func Load8(offset uint32) Code { return Access(0x2d, offset) }

// Store32 stores an i32.
func Store32(offset uint32) Code { return Access(0x36, offset) }

// Store64 stores an i64.
func Store64(offset uint32) Code { return Access(0x37, offset) }

// Store8 stores a byte.
func Store8(offset uint32) Code { return Access(0x3a, offset) }

func operand(op byte, n uint32) Code { return binary.AppendUvarint(Code{op}, uint64(n)) }

// leb appends a signed LEB128 number.
func leb(c Code, v int64) Code {
	for {
		b := byte(v & 0x7f)
		v >>= 7
		if v == 0 && b&0x40 == 0 || v == -1 && b&0x40 != 0 {
			return append(c, b)
		}
		c = append(c, b|0x80)
	}
}
