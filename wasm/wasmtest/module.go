package wasmtest

import (
	"bytes"
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
	types     vector
	typeOf    map[abi.Signature]uint32
	imports   vector
	functions vector // types
	bodies    []Code
	tables    vector
	memories  vector
	globals   vector
	exports   vector
	start     []byte
	elements  vector
	data      vector
	custom    [][]byte
}

// vector is a counted list of entries.
type vector struct {
	count   uint32
	entries []byte
}

// add answers the entry's index.
func (v *vector) add(entry []byte) uint32 {
	v.entries = append(v.entries, entry...)
	v.count++
	return v.count - 1
}

// addMany adds n equal entries.
func (v *vector) addMany(n int, entry []byte) {
	v.entries = append(v.entries, bytes.Repeat(entry, n)...)
	v.count += uint32(n)
}

func (v *vector) bytes() []byte {
	return append(binary.AppendUvarint(nil, uint64(v.count)), v.entries...)
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
	params, results := Split(s)
	return m.types.add(slices.Concat([]byte{0x60}, values(params), values(results)))
}

// Import adds an imported function and answers its index. Imports come before
// functions.
func (m *Module) Import(module, name string, s abi.Signature) uint32 {
	if m.functions.count > 0 {
		panic("wasmtest: import after a function")
	}
	entry := append(str(module), str(name)...)
	entry = append(entry, KindFunction)
	return m.imports.add(binary.AppendUvarint(entry, uint64(m.Type(s))))
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
	m.bodies = append(m.bodies, nil)
	return m.imports.count + m.functions.add(binary.AppendUvarint(nil, uint64(m.Type(s))))
}

// Define gives the body of a declared function.
func (m *Module) Define(index uint32, locals string, body ...Code) {
	code := Code(declare(locals))
	for _, part := range body {
		code = append(code, part...)
	}
	m.bodies[index-m.imports.count] = append(code, opEnd)
}

// declare encodes locals, equal neighbours as one group.
func declare(locals string) []byte {
	var groups vector
	for i := 0; i < len(locals); {
		n := 1
		for i+n < len(locals) && locals[i+n] == locals[i] {
			n++
		}
		groups.add(append(binary.AppendUvarint(nil, uint64(n)), valueType(locals[i])))
		i += n
	}
	return groups.bytes()
}

// Memory adds a memory of pages; maximum 0 is none.
func (m *Module) Memory(pages, maximum uint32) {
	m.memories.add(limits(pages, maximum))
}

// Table adds a table of functions; maximum 0 is none.
func (m *Module) Table(entries, maximum uint32) uint32 {
	return m.tables.add(append([]byte{0x70}, limits(entries, maximum)...))
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
	return m.globals.add(append(append(entry, initial...), opEnd))
}

// Export makes an item visible.
func (m *Module) Export(name string, kind byte, index uint32) {
	m.exports.add(binary.AppendUvarint(append(str(name), kind), uint64(index)))
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
	m.elements.add(entry)
}

// Data fills a part of memory.
func (m *Module) Data(offset int32, content []byte) {
	entry := append(append([]byte{0}, I32(offset)...), opEnd)
	entry = binary.AppendUvarint(entry, uint64(len(content)))
	m.data.add(append(entry, content...))
}

// Custom adds a custom section at the end.
func (m *Module) Custom(name string, content []byte) {
	m.custom = append(m.custom, append(str(name), content...))
}

// Bytes writes the module.
func (m *Module) Bytes() []byte {
	b := []byte("\x00asm\x01\x00\x00\x00")
	b = m.types.appendTo(b, SectionType)
	b = m.imports.appendTo(b, SectionImport)
	b = m.functions.appendTo(b, SectionFunction)
	b = m.tables.appendTo(b, SectionTable)
	b = m.memories.appendTo(b, SectionMemory)
	b = m.globals.appendTo(b, SectionGlobal)
	b = m.exports.appendTo(b, SectionExport)
	if m.start != nil {
		b = AppendSection(b, SectionStart, m.start)
	}
	b = m.elements.appendTo(b, SectionElement)
	var code vector
	for _, body := range m.bodies {
		code.add(append(binary.AppendUvarint(nil, uint64(len(body))), body...))
	}
	b = code.appendTo(b, SectionCode)
	b = m.data.appendTo(b, SectionData)
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

// appendTo leaves out an empty section.
func (v *vector) appendTo(module []byte, id byte) []byte {
	if v.count == 0 {
		return module
	}
	return AppendSection(module, id, v.bytes())
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

func str(s string) []byte { return append(binary.AppendUvarint(nil, uint64(len(s))), s...) }
