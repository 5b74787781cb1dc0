// Package check refuses a module by its bytes, before any compiler sees it:
// what is not WebAssembly of the features that chaincode may use, what is not
// chaincode of the ABI, and what is so large in some count that compiling or
// starting it would harm the node.
//
// It is pure: no clock, no I/O, and time and memory in proportion to the bytes
// given. It reads every instruction and every index; only the types of operands
// are left to the compiler.
package check

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/weft-network/weft/wasm/abi"
	"github.com/weft-network/weft/wasm/internal/code"
)

// reserved begins the names that metering adds to a module.
const reserved = "weft."

// Module refuses code that is not chaincode, or that asks for more than
// memoryPages of memory. The error says what was found and what is allowed.
func Module(module []byte, memoryPages uint32) error {
	if len(module) > MaxBytes {
		return fmt.Errorf("module is %d bytes; at most %d are taken", len(module), MaxBytes)
	}
	m, err := code.Parse(module, Most())
	if err != nil {
		return err
	}
	if err := memoryFits(m, memoryPages); err != nil {
		return err
	}
	if err := importsExist(m); err != nil {
		return err
	}
	if err := exportsFit(m); err != nil {
		return err
	}
	return bodiesFit(m)
}

// Imports lists the functions that a module imports, as "module.name", in their
// order. It is for reports; Module is what decides.
func Imports(module []byte) ([]string, error) {
	m, err := code.Parse(module, Most())
	if err != nil {
		return nil, err
	}
	var names []string
	for _, i := range m.Imports {
		names = append(names, i.Module+"."+i.Name)
	}
	return names, nil
}

func memoryFits(m *code.Module, pages uint32) error {
	if l := m.Memory; l != nil && (l.Min > pages || l.Bounded && l.Max > pages) {
		return fmt.Errorf("memory of %d pages (64 KiB each); at most %d are available to chaincode", max(l.Min, l.Max), pages)
	}
	return nil
}

// importsExist checks that the host offers what the module imports.
func importsExist(m *code.Module) error {
	tables := map[string]map[string]abi.Signature{abi.Module: abi.Guest(), abi.WASI: abi.Preview1()}
	for _, i := range m.Imports {
		table, ok := tables[i.Module]
		if !ok {
			return fmt.Errorf("import %q of module %q: chaincode may import from %s and %s only", i.Name, i.Module, abi.Module, abi.WASI)
		}
		want, ok := table[i.Name]
		if !ok {
			return fmt.Errorf("import %q of module %q: there is no such function", i.Name, i.Module)
		}
		if got := signature(&m.Types[i.Type]); got != want {
			return fmt.Errorf("import %q of module %q has the type %q; it is %q", i.Name, i.Module, got, want)
		}
	}
	return nil
}

// signature writes a type as the ABI does. Floats are f and F there, which no
// function of the ABI has.
func signature(t *code.Type) abi.Signature {
	letters := map[byte]byte{code.I32: 'i', code.I64: 'I', code.F32: 'f', code.F64: 'F'}
	var s strings.Builder
	for _, p := range t.Params {
		s.WriteByte(letters[p])
	}
	s.WriteByte(':')
	for _, r := range t.Results {
		s.WriteByte(letters[r])
	}
	return abi.Signature(s.String())
}

// exportsFit checks that the module offers what the host calls.
func exportsFit(m *code.Module) error {
	found := make(map[string]code.Export, len(m.Exports))
	for _, e := range m.Exports {
		if strings.HasPrefix(e.Name, reserved) {
			return fmt.Errorf("export %q: names that begin with %q are reserved for the host", e.Name, reserved)
		}
		found[e.Name] = e
	}
	if _, command := found["_start"]; command {
		if _, ok := found[abi.ExportInvoke]; !ok {
			return fmt.Errorf("module is a WASI command, not a chaincode: no export %s; build it with weft chaincode build", abi.ExportInvoke)
		}
	}
	if e, ok := found[abi.ExportMemory]; !ok || e.Kind != code.KindMemory {
		return fmt.Errorf("module is not a chaincode: no export %s; build it with weft chaincode build", abi.ExportMemory)
	}
	want, optional := abi.Exports(), abi.OptionalExports()
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if e, ok := found[name]; !ok || e.Kind != code.KindFunction {
			return fmt.Errorf("module is not a chaincode: no export %s; build it with weft chaincode build", name)
		}
		optional[name] = want[name]
	}
	for _, name := range slices.Sorted(maps.Keys(optional)) {
		e, ok := found[name]
		if !ok {
			continue
		}
		if e.Kind != code.KindFunction {
			return fmt.Errorf("export %s must be a function; the chaincode ABI wants the type %q", name, optional[name])
		}
		if got := signature(m.FunctionType(e.Index)); got != optional[name] {
			return fmt.Errorf("export %s has the type %q; the chaincode ABI wants %q", name, got, optional[name])
		}
	}
	return nil
}
