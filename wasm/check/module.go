package check

import (
	"fmt"
	"strings"

	"github.com/weft-network/weft/wasm/abi"
)

// kinds of imports and exports
const (
	kindFunction = 0
	kindTable    = 1
	kindMemory   = 2
	kindGlobal   = 3
)

type export struct {
	kind  byte
	index uint32
}

// module is what the checks remember while they read.
type module struct {
	pages     uint32
	types     []abi.Signature
	imported  []uint32 // types of imported functions
	functions []uint32 // types of defined functions
	exports   map[string]export
	bodies    int
}

// signature of a function by its index, "?" if there is none.
func (m *module) signature(index uint32) abi.Signature {
	all := uint64(len(m.imported) + len(m.functions))
	if uint64(index) >= all {
		return "?"
	}
	if index < uint32(len(m.imported)) {
		return m.types[m.imported[index]]
	}
	return m.types[m.functions[index-uint32(len(m.imported))]]
}

func (m *module) readTypes(r *reader) error {
	values := uint32(0)
	for range r.count(MaxTypes, "types") {
		if form := r.byte(); r.err == nil && form != 0x60 {
			return fmt.Errorf("type %d is no function type (%#x)", len(m.types), form)
		}
		var s strings.Builder
		params := r.values(&s, MaxParams, "parameters")
		s.WriteByte(':')
		results := r.values(&s, 1, "results")
		if values += params + results; values > MaxTypeValues {
			return fmt.Errorf("types have more than %d parameters and results together", MaxTypeValues)
		}
		if r.err != nil {
			return nil // section says so
		}
		m.types = append(m.types, abi.Signature(s.String()))
	}
	return nil
}

func (r *reader) values(s *strings.Builder, limit uint32, what string) uint32 {
	n := r.count(limit, what)
	for range n {
		s.WriteByte(r.valueType())
	}
	return n
}

// valueType answers the letter of abi.Signature; floats are f and F there,
// which no function of the ABI has.
func (r *reader) valueType() byte {
	switch t := r.byte(); t {
	case 0x7f:
		return 'i'
	case 0x7e:
		return 'I'
	case 0x7d:
		return 'f'
	case 0x7c:
		return 'F'
	default:
		r.fail(fmt.Errorf("value type %#x is not available to chaincode", t))
		return '?'
	}
}

func (m *module) readImports(r *reader) error {
	tables := map[string]map[string]abi.Signature{abi.Module: abi.Guest(), abi.WASI: abi.Preview1()}
	for range r.count(MaxImports, "imports") {
		from, name, kind := r.name(), r.name(), r.byte()
		if r.err != nil {
			return nil
		}
		table, ok := tables[from]
		if !ok {
			return fmt.Errorf("import %q of module %q: chaincode may import from %s and %s only", name, from, abi.Module, abi.WASI)
		}
		if kind != kindFunction {
			return fmt.Errorf("import %q of module %q is no function; memories, tables and globals are not imported", name, from)
		}
		want, ok := table[name]
		if !ok {
			return fmt.Errorf("import %q of module %q: there is no such function", name, from)
		}
		index := r.u32()
		if r.err == nil && uint64(index) >= uint64(len(m.types)) {
			return fmt.Errorf("import %q of module %q has no type", name, from)
		}
		if r.err == nil && m.types[index] != want {
			return fmt.Errorf("import %q of module %q has the type %q; it is %q", name, from, m.types[index], want)
		}
		m.imported = append(m.imported, index)
	}
	return nil
}

func (m *module) readFunctions(r *reader) error {
	n := r.count(MaxFunctions, "functions")
	m.functions = make([]uint32, 0, n)
	for i := range n {
		index := r.u32()
		if uint64(index) >= uint64(len(m.types)) {
			return fmt.Errorf("function %d has no type", i)
		}
		m.functions = append(m.functions, index)
	}
	return nil
}

func (m *module) readTables(r *reader) error {
	for range r.count(MaxTables, "tables") {
		if t := r.byte(); r.err == nil && t != 0x70 {
			return fmt.Errorf("table of type %#x; only function tables are available to chaincode", t)
		}
		if low, _, _ := r.limits(); low > MaxTableEntries {
			return fmt.Errorf("table of %d entries; at most %d are taken", low, MaxTableEntries)
		}
	}
	return nil
}

func (m *module) readMemories(r *reader) error {
	if n := r.count(1, "memories"); n == 0 {
		return nil
	}
	low, high, bounded := r.limits()
	if low > m.pages || bounded && high > m.pages {
		return fmt.Errorf("memory of %d pages (64 KiB each); at most %d are available to chaincode", max(low, high), m.pages)
	}
	if bounded && high < low {
		return fmt.Errorf("memory of at least %d and at most %d pages", low, high)
	}
	return nil
}

func (m *module) readGlobals(r *reader) error {
	for range r.count(MaxGlobals, "globals") {
		r.valueType()
		if mutable := r.byte(); mutable > 1 {
			return fmt.Errorf("global of mutability %d", mutable)
		}
		r.constant()
	}
	return nil
}

func (m *module) readExports(r *reader) error {
	for range r.count(MaxExports, "exports") {
		name, e := r.name(), export{kind: r.byte(), index: r.u32()}
		if r.err != nil {
			return nil
		}
		if _, twice := m.exports[name]; twice {
			return fmt.Errorf("export %q is there twice", name)
		}
		if e.kind > kindGlobal {
			return fmt.Errorf("export %q is of unknown kind %d", name, e.kind)
		}
		m.exports[name] = e
	}
	return nil
}

func (m *module) readElements(r *reader) error {
	n := r.count(MaxSegments, "element segments")
	for i := range n {
		if flag := r.u32(); r.err == nil && flag != 0 {
			return fmt.Errorf("element segment %d is of kind %d; only active ones are available to chaincode", i, flag)
		}
		r.constant()
		for range r.count(MaxTableEntries, "functions in an element segment") {
			r.u32()
		}
		if r.err != nil {
			break
		}
	}
	return nil
}

func (m *module) readBodies(r *reader) error {
	n := r.count(MaxFunctions, "function bodies")
	for i := range n {
		size := r.u32()
		if size > MaxBodyBytes {
			return fmt.Errorf("function %d is %d bytes long; at most %d are taken", i, size, MaxBodyBytes)
		}
		if err := locals(&reader{b: r.take(size)}, i); err != nil {
			return err
		}
		if r.err != nil {
			break
		}
	}
	m.bodies = int(n)
	return nil
}

// locals sums up what a body declares, in 64 bit: the counts may be any u32.
func locals(r *reader, function uint32) error {
	var sum uint64
	for range r.count(MaxLocals, "groups of locals") {
		sum += uint64(r.u32())
		r.valueType()
		if r.err != nil {
			break
		}
		if sum > MaxLocals {
			return fmt.Errorf("function %d has %d local variables; at most %d are taken", function, sum, MaxLocals)
		}
	}
	if r.err != nil {
		return fmt.Errorf("function %d: %w", function, r.err)
	}
	return nil
}

func (m *module) readData(r *reader) error {
	n := r.count(MaxSegments, "data segments")
	for i := range n {
		flag := r.u32()
		if r.err == nil && flag != 0 {
			return fmt.Errorf("data segment %d is of kind %d; only active ones are available to chaincode", i, flag)
		}
		r.constant()
		r.take(r.u32())
		if r.err != nil {
			break
		}
	}
	return nil
}
