package wasmtest

import (
	"encoding/binary"
	"slices"

	"github.com/weft-network/weft/wasm/abi"
)

// Kinds of exports.
const (
	KindFunction = 0
	KindTable    = 1
	KindMemory   = 2
	KindGlobal   = 3
)

// Section ids.
const (
	SectionCustom   = 0
	SectionType     = 1
	SectionImport   = 2
	SectionFunction = 3
	SectionTable    = 4
	SectionMemory   = 5
	SectionGlobal   = 6
	SectionExport   = 7
	SectionStart    = 8
	SectionElement  = 9
	SectionCode     = 10
	SectionData     = 11
)

// Module collects the parts of a module; Bytes writes them. Signatures and
// value types are written as in package abi, with "f" for f32 and "F" for f64
// besides.
type Module struct {
	types     []abi.Signature
	typeOf    map[abi.Signature]uint32
	imports   [][]byte
	functions []uint32 // types
	bodies    []Code
	tables    [][]byte
	memories  [][]byte
	globals   [][]byte
	exports   [][]byte
	start     []byte
	elements  [][]byte
	data      [][]byte
	custom    [][]byte
}

// NewModule returns an empty module.
func NewModule() *Module { return &Module{typeOf: make(map[abi.Signature]uint32)} }

// Type answers the index of a function type, one for equal signatures.
func (m *Module) Type(s abi.Signature) uint32 {
	index, ok := m.typeOf[s]
	if !ok {
		index = m.NewType(s)
		m.typeOf[s] = index
	}
	return index
}

// NewType adds a function type even if there is an equal one.
func (m *Module) NewType(s abi.Signature) uint32 {
	m.types = append(m.types, s)
	return uint32(len(m.types) - 1)
}

// Import adds an imported function and answers its index. Imports come before
// functions.
func (m *Module) Import(module, name string, s abi.Signature) uint32 {
	if len(m.functions) > 0 {
		panic("wasmtest: import after a function")
	}
	entry := append(str(module), str(name)...)
	entry = append(entry, KindFunction)
	m.imports = append(m.imports, binary.AppendUvarint(entry, uint64(m.Type(s))))
	return uint32(len(m.imports) - 1)
}

// Host imports a function of the chaincode ABI.
func (m *Module) Host(name string) uint32 { return m.Import(abi.Module, name, abi.Guest()[name]) }

// WASI imports a function of WASI preview 1.
func (m *Module) WASI(name string) uint32 { return m.Import(abi.WASI, name, abi.Preview1()[name]) }

// Func adds a function and answers its index. The locals are those besides the
// parameters; the end of the body is added.
func (m *Module) Func(s abi.Signature, locals string, body ...Code) uint32 {
	index := m.Declare(s)
	m.Define(index, locals, body...)
	return index
}

// Declare adds a function whose body Define gives later, so that others can
// call it.
func (m *Module) Declare(s abi.Signature) uint32 {
	m.functions = append(m.functions, m.Type(s))
	m.bodies = append(m.bodies, nil)
	return uint32(len(m.imports) + len(m.functions) - 1)
}

// Define gives the body of a declared function.
func (m *Module) Define(index uint32, locals string, body ...Code) {
	code := Code(declare(locals))
	for _, part := range body {
		code = append(code, part...)
	}
	m.bodies[int(index)-len(m.imports)] = append(code, opEnd)
}

// declare encodes locals, equal neighbours as one group.
func declare(locals string) []byte {
	var groups [][]byte
	for i := 0; i < len(locals); {
		n := 1
		for i+n < len(locals) && locals[i+n] == locals[i] {
			n++
		}
		groups = append(groups, append(binary.AppendUvarint(nil, uint64(n)), valueType(locals[i])))
		i += n
	}
	return vector(groups)
}

// Memory adds a memory of pages; maximum 0 is none.
func (m *Module) Memory(pages, maximum uint32) {
	m.memories = append(m.memories, limits(pages, maximum))
}

// Table adds a table of functions; maximum 0 is none.
func (m *Module) Table(entries, maximum uint32) uint32 {
	m.tables = append(m.tables, append([]byte{0x70}, limits(entries, maximum)...))
	return uint32(len(m.tables) - 1)
}

func limits(low, high uint32) []byte {
	if high == 0 {
		return binary.AppendUvarint([]byte{0}, uint64(low))
	}
	return binary.AppendUvarint(binary.AppendUvarint([]byte{1}, uint64(low)), uint64(high))
}

// Global adds a global with the constant that it begins with.
func (m *Module) Global(value byte, mutable bool, initial Code) uint32 {
	entry := []byte{valueType(value), 0}
	if mutable {
		entry[1] = 1
	}
	m.globals = append(m.globals, append(append(entry, initial...), opEnd))
	return uint32(len(m.globals) - 1)
}

// Export makes an item visible.
func (m *Module) Export(name string, kind byte, index uint32) {
	m.exports = append(m.exports, binary.AppendUvarint(append(str(name), kind), uint64(index)))
}

// Start names the function that runs at instantiation.
func (m *Module) Start(index uint32) { m.start = binary.AppendUvarint(nil, uint64(index)) }

// Elements fills a part of table 0 with functions.
func (m *Module) Elements(offset int32, functions ...uint32) {
	entry := append(append([]byte{0}, I32(offset)...), opEnd)
	entry = binary.AppendUvarint(entry, uint64(len(functions)))
	for _, f := range functions {
		entry = binary.AppendUvarint(entry, uint64(f))
	}
	m.elements = append(m.elements, entry)
}

// Data fills a part of memory.
func (m *Module) Data(offset int32, content []byte) {
	entry := append(append([]byte{0}, I32(offset)...), opEnd)
	entry = binary.AppendUvarint(entry, uint64(len(content)))
	m.data = append(m.data, append(entry, content...))
}

// Custom adds a custom section at the end.
func (m *Module) Custom(name string, content []byte) {
	m.custom = append(m.custom, append(str(name), content...))
}

// Bytes writes the module.
func (m *Module) Bytes() []byte {
	b := []byte("\x00asm\x01\x00\x00\x00")
	b = appendVector(b, SectionType, types(m.types))
	b = appendVector(b, SectionImport, m.imports)
	b = appendVector(b, SectionFunction, indexes(m.functions))
	b = appendVector(b, SectionTable, m.tables)
	b = appendVector(b, SectionMemory, m.memories)
	b = appendVector(b, SectionGlobal, m.globals)
	b = appendVector(b, SectionExport, m.exports)
	if m.start != nil {
		b = AppendSection(b, SectionStart, m.start)
	}
	b = appendVector(b, SectionElement, m.elements)
	b = appendVector(b, SectionCode, sized(m.bodies))
	b = appendVector(b, SectionData, m.data)
	for _, c := range m.custom {
		b = AppendSection(b, SectionCustom, c)
	}
	return b
}

// AppendSection appends a section of any content to a module.
func AppendSection(module []byte, id byte, content []byte) []byte {
	module = binary.AppendUvarint(append(module, id), uint64(len(content)))
	return append(module, content...)
}

func appendVector(module []byte, id byte, entries [][]byte) []byte {
	if len(entries) == 0 {
		return module
	}
	return AppendSection(module, id, vector(entries))
}

func vector(entries [][]byte) []byte {
	return append(binary.AppendUvarint(nil, uint64(len(entries))), slices.Concat(entries...)...)
}

func types(list []abi.Signature) [][]byte {
	out := make([][]byte, len(list))
	for i, s := range list {
		params, results := Split(s)
		out[i] = append(append([]byte{0x60}, values(params)...), values(results)...)
	}
	return out
}

// Split parts a signature into parameters and results.
func Split(s abi.Signature) (params, results string) {
	for i := range s {
		if s[i] == ':' {
			return string(s[:i]), string(s[i+1:])
		}
	}
	panic("wasmtest: signature without a colon: " + string(s))
}

func values(letters string) []byte {
	b := binary.AppendUvarint(nil, uint64(len(letters)))
	for i := range len(letters) {
		b = append(b, valueType(letters[i]))
	}
	return b
}

func valueType(letter byte) byte {
	switch letter {
	case 'i':
		return 0x7f
	case 'I':
		return 0x7e
	case 'f':
		return 0x7d
	case 'F':
		return 0x7c
	}
	panic("wasmtest: no value type " + string(letter))
}

func indexes(list []uint32) [][]byte {
	out := make([][]byte, len(list))
	for i, n := range list {
		out[i] = binary.AppendUvarint(nil, uint64(n))
	}
	return out
}

func sized(bodies []Code) [][]byte {
	out := make([][]byte, len(bodies))
	for i, body := range bodies {
		out[i] = append(binary.AppendUvarint(nil, uint64(len(body))), body...)
	}
	return out
}

func str(s string) []byte { return append(binary.AppendUvarint(nil, uint64(len(s))), s...) }
