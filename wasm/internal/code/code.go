// Package code reads and writes the part of WebAssembly that chaincode may use:
// version 1.0 with sign extension, saturating conversion, memory.copy and
// memory.fill. Everything else is refused by the name of the feature it belongs
// to.
//
// It is pure. Reading takes time and memory in proportion to the bytes given,
// whatever they are: counts that a module only claims allocate nothing. What is
// read are views of those bytes, and nothing here writes to them.
//
// Reading checks the form of a module, and every index in it. It does not check
// the types of operands; a compiler does that.
package code

// Header begins every module: the magic number and version 1.
const Header = "\x00asm\x01\x00\x00\x00"

// Sections of a module, by id.
const (
	SectionCustom    = 0
	SectionType      = 1
	SectionImport    = 2
	SectionFunction  = 3
	SectionTable     = 4
	SectionMemory    = 5
	SectionGlobal    = 6
	SectionExport    = 7
	SectionStart     = 8
	SectionElement   = 9
	SectionCode      = 10
	SectionData      = 11
	SectionDataCount = 12
)

// Kinds of imports and exports.
const (
	KindFunction = 0
	KindTable    = 1
	KindMemory   = 2
	KindGlobal   = 3
)

// Value types, and the type of a block without result.
const (
	I32  = 0x7f
	I64  = 0x7e
	F32  = 0x7d
	F64  = 0x7c
	Void = 0x40

	funcref  = 0x70
	funcType = 0x60
)

// Opcodes that this module's users ask about by name. Those with the prefix
// 0xfc have it in their upper byte.
const (
	OpUnreachable  = 0x00
	OpNop          = 0x01
	OpBlock        = 0x02
	OpLoop         = 0x03
	OpIf           = 0x04
	OpElse         = 0x05
	OpEnd          = 0x0b
	OpBr           = 0x0c
	OpBrIf         = 0x0d
	OpBrTable      = 0x0e
	OpReturn       = 0x0f
	OpCall         = 0x10
	OpCallIndirect = 0x11
	OpDrop         = 0x1a
	OpSelect       = 0x1b
	OpLocalGet     = 0x20
	OpLocalSet     = 0x21
	OpLocalTee     = 0x22
	OpGlobalGet    = 0x23
	OpGlobalSet    = 0x24
	OpI32Load      = 0x28
	OpI32Load8U    = 0x2d
	OpI64Load32U   = 0x35
	OpI32Store     = 0x36
	OpI64Store32   = 0x3e
	OpMemorySize   = 0x3f
	OpMemoryGrow   = 0x40
	OpI32Const     = 0x41
	OpI64Const     = 0x42
	OpF32Const     = 0x43
	OpF64Const     = 0x44
	OpI32Eqz       = 0x45
	OpI32Ne        = 0x47
	OpI32GtS       = 0x4a
	OpI64Eqz       = 0x50
	OpI64Ne        = 0x52
	OpI64LtS       = 0x53
	OpI64GeS       = 0x59
	OpI64GeU       = 0x5a
	OpF32Eq        = 0x5b
	OpF64Eq        = 0x61
	OpF64Ge        = 0x66
	OpI32Add       = 0x6a
	OpI32Sub       = 0x6b
	OpI64Add       = 0x7c
	OpI64Sub       = 0x7d
	OpI64ShrU      = 0x88
	OpF32Ceil      = 0x8d
	OpF32Max       = 0x97
	OpF64Ceil      = 0x9b
	OpF64Max       = 0xa5
	OpI32Wrap      = 0xa7
	OpI64ExtendU   = 0xad
	OpF32Demote    = 0xb6
	OpF64Promote   = 0xbb
	OpMemoryCopy   = 0xfc0a
	OpMemoryFill   = 0xfc0b
)
