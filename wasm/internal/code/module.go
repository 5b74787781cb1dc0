package code

import "fmt"

// Module is a module taken apart. Everything in it is a view of its bytes.
type Module struct {
	Types     []Type
	Imports   []Import // functions; nothing else can be imported
	Functions []uint32 // types of the module's own functions
	Table     *Limits
	Memory    *Limits
	Globals   []Global
	Exports   []Export
	Start     *uint32
	Elements  []Element
	Bodies    [][]byte
	Data      []Data
	Customs   []Custom
}

// Type is a function type.
type Type struct{ Params, Results []byte }

// Import is an imported function.
type Import struct {
	Module, Name string
	Type         uint32
}

// Limits are those of a table or a memory.
type Limits struct {
	Min, Max uint32
	Bounded  bool // there is a Max
}

// Global is one of the module's own.
type Global struct {
	Type    byte
	Mutable bool
	Init    []byte // a constant expression with its end
}

// Export is something that the host can reach.
type Export struct {
	Name  string
	Kind  byte
	Index uint32
}

// Element is a stretch of the table.
type Element struct {
	Offset    uint32
	Functions []uint32
}

// Data is a stretch of initial memory.
type Data struct {
	Offset uint32
	Bytes  []byte
}

// Custom is a custom section.
type Custom struct {
	Name  string
	Bytes []byte
}

// Most are the limits of Parse. A module above one is refused with its figure.
type Most struct {
	Types, Params, TypeValues      int
	Imports, Functions, BodyBytes  int
	TableEntries, Globals, Exports int
	Segments, Elements, NameBytes  int
	Customs, CustomBytes           int
}

// FunctionType is the type of a function by its index, nil if there is none.
func (m *Module) FunctionType(index uint32) *Type {
	i := uint64(index)
	if i < uint64(len(m.Imports)) {
		return &m.Types[m.Imports[i].Type]
	}
	if i -= uint64(len(m.Imports)); i < uint64(len(m.Functions)) {
		return &m.Types[m.Functions[i]]
	}
	return nil
}

// order says where a section may stand; the data count comes before the code.
var order = [...]int8{SectionType: 1, SectionImport: 2, SectionFunction: 3, SectionTable: 4,
	SectionMemory: 5, SectionGlobal: 6, SectionExport: 7, SectionStart: 8, SectionElement: 9,
	SectionDataCount: 10, SectionCode: 11, SectionData: 12}

// Parse takes a module apart.
func Parse(b []byte, most Most) (*Module, error) {
	p := &parser{Module: &Module{}, most: most, count: -1}
	if err := p.header(b); err != nil {
		return nil, err
	}
	r := &reader{b: b, at: len(Header)}
	last := int8(0)
	for r.err == nil && r.more() {
		id := r.byte()
		body := &reader{b: r.take(r.u32())}
		if r.err != nil {
			break
		}
		if id != SectionCustom {
			if int(id) >= len(order) {
				return nil, fmt.Errorf("section of unknown id %d: a feature that chaincode may not use%s", id, sectionFeature(id))
			}
			if order[id] <= last {
				return nil, fmt.Errorf("section %d is out of order or there twice", id)
			}
			last = order[id]
		}
		if err := p.section(id, body); err != nil {
			return nil, err
		}
	}
	if r.err != nil {
		return nil, fmt.Errorf("sections: %w", r.err)
	}
	return p.Module, p.whole()
}

func sectionFeature(id byte) string {
	if id == 13 {
		return " (exception handling)"
	}
	return ""
}

// section reads one section, which must be used up.
func (p *parser) section(id byte, r *reader) error {
	names := [...]string{"custom", "type", "import", "function", "table", "memory", "global",
		"export", "start", "element", "code", "data", "data count"}
	read := [...]func(*reader) error{p.custom, p.types, p.imports, p.functions, p.table, p.memory, p.globals,
		p.exports, p.start, p.elements, p.bodies, p.data, p.dataCount}
	if err := read[id](r); err != nil {
		return err
	}
	if r.err != nil {
		return fmt.Errorf("%s section: %w", names[id], r.err)
	}
	if r.more() {
		return fmt.Errorf("%s section: %d bytes are left over", names[id], r.left())
	}
	return nil
}
