package code

import (
	"errors"
	"fmt"
)

// parser fills a Module, section by section.
type parser struct {
	*Module
	most        Most
	values      int // parameters and results of all types
	slots       int // table entries of all element segments
	customBytes int
	count       int // of data segments, as announced; -1 if it is not
}

func (p *parser) header(b []byte) error {
	if len(b) < 4 || string(b[:4]) != Header[:4] {
		return errors.New("not a WebAssembly module: it does not begin with \\0asm")
	}
	if len(b) < 8 || string(b[:8]) != Header {
		return fmt.Errorf("not a core WebAssembly module of version 1, but % x (a component?)", b[4:min(8, len(b))])
	}
	return nil
}

// whole checks what concerns several sections.
func (p *parser) whole() error {
	if len(p.Functions) != len(p.Bodies) {
		return fmt.Errorf("%d functions are declared and %d are there", len(p.Functions), len(p.Bodies))
	}
	if p.count >= 0 && p.count != len(p.Data) {
		return fmt.Errorf("%d data segments are announced and %d are there", p.count, len(p.Data))
	}
	return nil
}

func (p *parser) types(r *reader) error {
	n := r.count(p.most.Types, "types")
	p.Types = make([]Type, 0, n)
	for i := range n {
		if form := r.byte(); r.err == nil && form != funcType {
			return fmt.Errorf("type %d is no function type (%#x)", i, form)
		}
		t := Type{r.valueTypes(p.most.Params, "parameters"), r.valueTypes(1, "results (multiple values are not available to chaincode)")}
		if r.err != nil {
			return nil // section says so
		}
		if p.values += len(t.Params) + len(t.Results); p.values > p.most.TypeValues {
			return fmt.Errorf("types have more than %d parameters and results together", p.most.TypeValues)
		}
		p.Types = append(p.Types, t)
	}
	return nil
}

func (r *reader) valueTypes(limit int, what string) []byte {
	n := r.count(limit, what)
	from := r.at
	for range n {
		r.valueType()
	}
	if r.err != nil {
		return nil
	}
	return r.b[from:r.at]
}

func (p *parser) imports(r *reader) error {
	n := r.count(p.most.Imports, "imports")
	p.Imports = make([]Import, 0, n)
	for range n {
		i := Import{Module: r.name(p.most.NameBytes), Name: r.name(p.most.NameBytes)}
		if kind := r.byte(); r.err == nil && kind != KindFunction {
			return fmt.Errorf("import %q of module %q is no function; memories, tables and globals are not imported", i.Name, i.Module)
		}
		i.Type = r.u32()
		if r.err != nil {
			return nil
		}
		if uint64(i.Type) >= uint64(len(p.Types)) {
			return fmt.Errorf("import %q of module %q has no type", i.Name, i.Module)
		}
		p.Imports = append(p.Imports, i)
	}
	return nil
}

func (p *parser) functions(r *reader) error {
	n := r.count(p.most.Functions, "functions")
	p.Functions = make([]uint32, 0, n)
	for i := range n {
		index := r.u32()
		if r.err == nil && uint64(index) >= uint64(len(p.Types)) {
			return fmt.Errorf("function %d has no type", i)
		}
		p.Functions = append(p.Functions, index)
	}
	return nil
}

func (p *parser) table(r *reader) error {
	if r.count(1, "tables (more are the feature reference types)") == 0 {
		return nil
	}
	if t := r.byte(); r.err == nil && t != funcref {
		return fmt.Errorf("table of type %#x; only function tables are available to chaincode", t)
	}
	l := r.limits()
	if uint64(l.Min) > uint64(p.most.TableEntries) {
		return fmt.Errorf("table of %d entries; at most %d are taken", l.Min, p.most.TableEntries)
	}
	if r.err == nil && l.Bounded && l.Max < l.Min {
		return fmt.Errorf("table of at least %d and at most %d entries", l.Min, l.Max)
	}
	p.Table = &l
	return nil
}

func (p *parser) memory(r *reader) error {
	if r.count(1, "memories") == 0 {
		return nil
	}
	l := r.limits()
	const pages = 1 << 16 // the whole address space
	if l.Min > pages || l.Bounded && l.Max > pages {
		return fmt.Errorf("memory of %d pages (64 KiB each); the address space has %d", max(l.Min, l.Max), pages)
	}
	if r.err == nil && l.Bounded && l.Max < l.Min {
		return fmt.Errorf("memory of at least %d and at most %d pages", l.Min, l.Max)
	}
	p.Memory = &l
	return nil
}

// limits reads minimum and maximum.
func (r *reader) limits() (l Limits) {
	switch flag := r.byte(); {
	case r.err != nil:
	case flag == 0:
		l.Min = r.u32()
	case flag == 1:
		l = Limits{Min: r.u32(), Max: r.u32(), Bounded: true}
	default:
		r.fail(fmt.Errorf("limits of kind %#x: shared or 64-bit memory (threads, memory64) is not available to chaincode", flag))
	}
	return l
}

func (p *parser) globals(r *reader) error {
	n := r.count(p.most.Globals, "globals")
	p.Globals = make([]Global, 0, n)
	for i := range n {
		g := Global{Type: r.valueType()}
		mutable := r.byte()
		if mutable > 1 {
			return fmt.Errorf("global of mutability %d", mutable)
		}
		g.Mutable = mutable == 1
		var t byte
		g.Init, t = r.constant()
		if r.err == nil && t != g.Type {
			return fmt.Errorf("global %d and its initial value are of different types", i)
		}
		p.Globals = append(p.Globals, g)
	}
	return nil
}

// constant reads a constant expression: one constant. A value of an imported
// global would be another, but there are none.
func (r *reader) constant() (expr []byte, t byte) {
	from := r.at
	switch op := r.byte(); op {
	case OpI32Const:
		t = I32
		r.signed(32)
	case OpI64Const:
		t = I64
		r.signed(64)
	case OpF32Const:
		t = F32
		r.take(4)
	case OpF64Const:
		t = F64
		r.take(8)
	default:
		r.fail(fmt.Errorf("instruction %#x in a constant expression; only one constant is available to chaincode", op))
	}
	if end := r.byte(); r.err == nil && end != OpEnd {
		r.fail(fmt.Errorf("instruction %#x in a constant expression; only one constant is available to chaincode", end))
	}
	if r.err != nil {
		return nil, t
	}
	return r.b[from:r.at], t
}

// offset reads the place of a segment.
func (r *reader) offset() uint32 {
	expr, t := r.constant()
	if r.err != nil {
		return 0
	}
	if t != I32 {
		r.fail(errors.New("the place of a segment is no i32"))
		return 0
	}
	c := reader{b: expr, at: 1}
	return uint32(c.signed(32))
}

func (p *parser) exports(r *reader) error {
	n := r.count(p.most.Exports, "exports")
	p.Exports = make([]Export, 0, n)
	seen := make(map[string]bool, n)
	for range n {
		e := Export{Name: r.name(p.most.NameBytes), Kind: r.byte(), Index: r.u32()}
		if r.err != nil {
			return nil
		}
		if seen[e.Name] {
			return fmt.Errorf("export %q is there twice", e.Name)
		}
		seen[e.Name] = true
		if err := p.exported(e); err != nil {
			return err
		}
		p.Exports = append(p.Exports, e)
	}
	return nil
}

// exported checks that there is what an export names.
func (p *parser) exported(e Export) error {
	n := 0
	switch e.Kind {
	case KindFunction:
		n = len(p.Imports) + len(p.Functions)
	case KindTable:
		n = count(p.Table != nil)
	case KindMemory:
		n = count(p.Memory != nil)
	case KindGlobal:
		n = len(p.Globals)
	default:
		return fmt.Errorf("export %q is of unknown kind %d", e.Name, e.Kind)
	}
	if uint64(e.Index) >= uint64(n) {
		return fmt.Errorf("export %q names number %d of %d", e.Name, e.Index, n)
	}
	return nil
}

func count(there bool) int {
	if there {
		return 1
	}
	return 0
}

func (p *parser) start(r *reader) error {
	index := r.u32()
	if r.err != nil {
		return nil
	}
	t := p.FunctionType(index)
	if t == nil || len(t.Params)+len(t.Results) > 0 {
		return fmt.Errorf("the start function %d is none without parameters and results", index)
	}
	p.Start = &index
	return nil
}

func (p *parser) elements(r *reader) error {
	n := r.count(p.most.Elements, "element segments")
	p.Elements = make([]Element, 0, n)
	for i := range n {
		if flag := r.u32(); r.err == nil && flag != 0 {
			return fmt.Errorf("element segment %d is of kind %d; only active ones are available to chaincode", i, flag)
		}
		e := Element{Offset: r.offset()}
		slots := r.count(p.most.TableEntries, "functions in an element segment")
		if p.slots += slots; p.slots > p.most.TableEntries {
			return fmt.Errorf("element segments have more than %d functions together", p.most.TableEntries)
		}
		e.Functions = make([]uint32, 0, slots)
		for range slots {
			f := r.u32()
			if uint64(f) >= uint64(len(p.Imports)+len(p.Functions)) && r.err == nil {
				return fmt.Errorf("element segment %d names function %d, which is not there", i, f)
			}
			e.Functions = append(e.Functions, f)
		}
		if r.err != nil {
			return nil
		}
		if p.Table == nil || uint64(e.Offset)+uint64(slots) > uint64(p.Table.Min) {
			return fmt.Errorf("element segment %d does not fit into the table", i)
		}
		p.Elements = append(p.Elements, e)
	}
	return nil
}

func (p *parser) bodies(r *reader) error {
	n := r.count(p.most.Functions, "function bodies")
	p.Bodies = make([][]byte, 0, n)
	for i := range n {
		size := r.u32()
		if uint64(size) > uint64(p.most.BodyBytes) {
			return fmt.Errorf("function %d is %d bytes long; at most %d are taken", i, size, p.most.BodyBytes)
		}
		p.Bodies = append(p.Bodies, r.take(size))
		if r.err != nil {
			break
		}
	}
	return nil
}

func (p *parser) dataCount(r *reader) error {
	p.count = int(r.u32())
	return nil
}

func (p *parser) data(r *reader) error {
	n := r.count(p.most.Segments, "data segments")
	p.Data = make([]Data, 0, n)
	for i := range n {
		flag := r.u32()
		if r.err == nil && flag != 0 {
			return fmt.Errorf("data segment %d is of kind %d; only active ones are available to chaincode", i, flag)
		}
		d := Data{Offset: r.offset(), Bytes: r.take(r.u32())}
		if r.err != nil {
			return nil
		}
		if p.Memory == nil || uint64(d.Offset)+uint64(len(d.Bytes)) > uint64(p.Memory.Min)<<16 {
			return fmt.Errorf("data segment %d does not fit into the initial memory", i)
		}
		p.Data = append(p.Data, d)
	}
	return nil
}

func (p *parser) custom(r *reader) error {
	if len(p.Customs) >= p.most.Customs {
		return fmt.Errorf("more than %d custom sections", p.most.Customs)
	}
	c := Custom{Name: r.name(p.most.NameBytes)}
	c.Bytes = r.take(uint32(r.left()))
	if r.err != nil {
		return nil
	}
	if p.customBytes += len(c.Bytes); p.customBytes > p.most.CustomBytes {
		return fmt.Errorf("custom sections of more than %d bytes together", p.most.CustomBytes)
	}
	p.Customs = append(p.Customs, c)
	return nil
}
