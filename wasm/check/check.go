// Package check refuses a module by its bytes, before any compiler sees it:
// what is not WebAssembly, what is not chaincode of the ABI, and what is so
// large in some count that compiling or starting it would harm the node.
//
// It is pure: no clock, no I/O, and time and memory in proportion to the bytes
// given. It reads the sections and not the instructions; those are validated
// by the compiler, whose set of features is as small.
package check

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"github.com/weft-network/weft/wasm/abi"
)

// Limits of a module. They are above what unmodified Fabric chaincode compiles
// to (17,467 functions, a body of 107 KB, 21,563 table entries) and below what
// makes a compiler take minutes.
const (
	MaxBytes        = 32 << 20
	MaxTypes        = 20_000
	MaxParams       = 100
	MaxTypeValues   = 200_000 // parameters and results of all types
	MaxImports      = 200     // the two modules export fewer
	MaxFunctions    = 20_000
	MaxBodyBytes    = 128 << 10
	MaxLocals       = 4_096
	MaxTables       = 4
	MaxTableEntries = 100_000
	MaxGlobals      = 10_000
	MaxExports      = 1_000
	MaxSegments     = 100_000 // Go's linker emits exactly that many
	MaxNameBytes    = 1_024
	// MaxPages is the whole address space.
	MaxPages = 65_536
)

// section ids, in the order they have in a file
const (
	secCustom    = 0
	secType      = 1
	secImport    = 2
	secFunction  = 3
	secTable     = 4
	secMemory    = 5
	secGlobal    = 6
	secExport    = 7
	secStart     = 8
	secElement   = 9
	secDataCount = 12
	secCode      = 10
	secData      = 11
)

// order says where a section may stand; the data count comes before the code.
var order = []byte{secType, secImport, secFunction, secTable, secMemory, secGlobal,
	secExport, secStart, secElement, secDataCount, secCode, secData}

// Module refuses code that is not chaincode, or that asks for more than
// memoryPages of memory. The error says what was found and what is allowed.
func Module(code []byte, memoryPages uint32) error {
	if len(code) > MaxBytes {
		return fmt.Errorf("module is %d bytes; at most %d are taken", len(code), MaxBytes)
	}
	m := &module{pages: memoryPages, exports: make(map[string]export)}
	if err := m.sections(code); err != nil {
		return err
	}
	return m.chaincode()
}

func (m *module) sections(code []byte) error {
	r := &reader{b: code}
	if magic := r.take(4); !bytes.Equal(magic, []byte("\x00asm")) {
		return errors.New("not a WebAssembly module: it does not begin with \\0asm")
	}
	if version := r.take(4); !bytes.Equal(version, []byte{1, 0, 0, 0}) {
		return fmt.Errorf("not a core WebAssembly module of version 1, but % x (a component?)", version)
	}
	last := -1
	for r.err == nil && len(r.b) > 0 {
		id := r.byte()
		body := &reader{b: r.take(r.u32())}
		if r.err != nil {
			break
		}
		if id == secCustom {
			continue
		}
		at := slices.Index(order, id)
		if at < 0 {
			return fmt.Errorf("section of unknown id %d: a feature that chaincode may not use", id)
		}
		if at <= last {
			return fmt.Errorf("section %d is out of order or there twice", id)
		}
		last = at
		if err := m.section(id, body); err != nil {
			return err
		}
	}
	if r.err != nil {
		return fmt.Errorf("sections: %w", r.err)
	}
	if len(m.functions) != m.bodies {
		return fmt.Errorf("%d functions are declared and %d are there", len(m.functions), m.bodies)
	}
	return nil
}

// section reads one section, which must be used up.
func (m *module) section(id byte, r *reader) error {
	name, read := m.parser(id)
	if err := read(r); err != nil {
		return err
	}
	if r.err != nil {
		return fmt.Errorf("%s section: %w", name, r.err)
	}
	if len(r.b) > 0 {
		return fmt.Errorf("%s section: %d bytes are left over", name, len(r.b))
	}
	return nil
}

func (m *module) parser(id byte) (string, func(*reader) error) {
	switch id {
	case secType:
		return "type", m.readTypes
	case secImport:
		return "import", m.readImports
	case secFunction:
		return "function", m.readFunctions
	case secTable:
		return "table", m.readTables
	case secMemory:
		return "memory", m.readMemories
	case secGlobal:
		return "global", m.readGlobals
	case secExport:
		return "export", m.readExports
	case secStart, secDataCount:
		return "start or data count", func(r *reader) error { r.u32(); return nil }
	case secElement:
		return "element", m.readElements
	case secCode:
		return "code", m.readBodies
	}
	return "data", m.readData
}

// chaincode checks the exports.
func (m *module) chaincode() error {
	if _, command := m.exports["_start"]; command {
		if _, ok := m.exports[abi.ExportInvoke]; !ok {
			return fmt.Errorf("module is a WASI command, not a chaincode: no export %s; build it with weft chaincode build", abi.ExportInvoke)
		}
	}
	if e, ok := m.exports[abi.ExportMemory]; !ok || e.kind != kindMemory {
		return fmt.Errorf("module is not a chaincode: no export %s; build it with weft chaincode build", abi.ExportMemory)
	}
	want := abi.Exports()
	for _, name := range []string{abi.ExportVersion, abi.ExportInit, abi.ExportInvoke} {
		e, ok := m.exports[name]
		if !ok || e.kind != kindFunction {
			return fmt.Errorf("module is not a chaincode: no export %s; build it with weft chaincode build", name)
		}
		if got := m.signature(e.index); got != want[name] {
			return fmt.Errorf("export %s has the type %q; the chaincode ABI wants %q", name, got, want[name])
		}
	}
	for name, want := range abi.OptionalExports() {
		e, ok := m.exports[name]
		if !ok {
			continue
		}
		if e.kind != kindFunction {
			return fmt.Errorf("export %s must be a function; the chaincode ABI wants the type %q", name, want)
		}
		if got := m.signature(e.index); got != want {
			return fmt.Errorf("export %s has the type %q; the chaincode ABI wants %q", name, got, want)
		}
	}
	return nil
}
