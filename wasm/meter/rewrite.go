package meter

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/weft-network/weft/wasm/check"
	"github.com/weft-network/weft/wasm/internal/code"
)

// maxPages is the whole address space.
const maxPages = 1 << 16

// maxDepthLimit leaves room in an i32 for the weight of one more function.
const maxDepthLimit = 1 << 30

// Rewrite makes a metered module of one that check.Module has let through. It
// answers an error for anything it cannot meter; it never panics.
func Rewrite(module []byte, o Options) (*Module, error) {
	return rewrite(module, o, false)
}

func rewrite(module []byte, o Options, everywhere bool) (*Module, error) {
	if o.MemoryPages == 0 || o.MemoryPages > maxPages {
		return nil, fmt.Errorf("meter: a memory limit of %d pages; 1 to %d are possible", o.MemoryPages, maxPages)
	}
	if o.DepthLimit == 0 {
		o.DepthLimit = DefaultDepthLimit
	}
	if o.DepthLimit > maxDepthLimit {
		return nil, fmt.Errorf("meter: a depth limit of %d; at most %d is possible", o.DepthLimit, maxDepthLimit)
	}
	m, err := code.Parse(module, check.Most())
	if err != nil {
		return nil, err
	}
	if err := unreserved(m); err != nil {
		return nil, err
	}
	bodies, err := rewriteBodies(m, &function{
		imports:    uint32(len(m.Imports)),
		fuel:       uint32(len(m.Globals)),
		depth:      uint32(len(m.Globals)) + 1,
		limit:      o.DepthLimit,
		bounded:    o.MemoryPages < maxPages,
		everywhere: everywhere,
	})
	if err != nil {
		return nil, err
	}
	out := &Module{Start: m.Start != nil}
	for _, d := range m.Data {
		out.Segments = append(out.Segments, Segment{d.Offset, d.Bytes})
	}
	m.Bodies, m.Data, m.Customs = bodies, nil, nil
	addRefill(m)
	addExports(m, out)
	limitMemory(m, out, o.MemoryPages)
	out.Code = m.Encode()
	return out, nil
}

// unreserved refuses a module that uses the names which Rewrite adds, such as
// its own output.
func unreserved(m *code.Module) error {
	for _, e := range m.Exports {
		if strings.HasPrefix(e.Name, Reserved) {
			return fmt.Errorf("export %q: names that begin with %q are reserved", e.Name, Reserved)
		}
	}
	for _, i := range m.Imports {
		if i.Module == ImportModule && i.Name == ImportRefill || strings.HasPrefix(i.Name, Reserved) {
			return fmt.Errorf("import %q of module %q is reserved", i.Name, i.Module)
		}
	}
	return nil
}

// addRefill appends the import, and moves up the indices of all functions of
// the module's own that are named outside of bodies.
func addRefill(m *code.Module) {
	own := uint32(len(m.Imports))
	t := slices.IndexFunc(m.Types, func(t code.Type) bool { return len(t.Params)+len(t.Results) == 0 })
	if t < 0 {
		t = len(m.Types)
		m.Types = append(m.Types, code.Type{})
	}
	m.Imports = append(m.Imports, code.Import{Module: ImportModule, Name: ImportRefill, Type: uint32(t)})
	for i := range m.Exports {
		if e := &m.Exports[i]; e.Kind == code.KindFunction {
			e.Index = moved(e.Index, own)
		}
	}
	for _, e := range m.Elements {
		for i, f := range e.Functions {
			e.Functions[i] = moved(f, own)
		}
	}
	if m.Start != nil {
		m.Exports = append(m.Exports, code.Export{Name: ExportStart, Kind: code.KindFunction, Index: moved(*m.Start, own)})
		m.Start = nil
	}
}

// moved is the index of a function after one import was added.
func moved(index, imports uint32) uint32 {
	if index < imports {
		return index
	}
	return index + 1
}

// addExports adds the globals of fuel and depth, in this order, and exports
// every mutable global.
func addExports(m *code.Module, out *Module) {
	export := func(name string, index int) {
		out.Globals = append(out.Globals, name)
		m.Exports = append(m.Exports, code.Export{Name: name, Kind: code.KindGlobal, Index: uint32(index)})
	}
	for i, g := range m.Globals {
		if g.Mutable {
			export(GlobalPrefix+strconv.Itoa(i), i)
		}
	}
	export(ExportFuel, len(m.Globals))
	export(ExportDepth, len(m.Globals)+1)
	m.Globals = append(m.Globals,
		code.Global{Type: code.I64, Mutable: true, Init: []byte{code.OpI64Const, 0, code.OpEnd}},
		code.Global{Type: code.I32, Mutable: true, Init: []byte{code.OpI32Const, 0, code.OpEnd}})
}

// limitMemory declares the whole address space, so that every request to grow
// comes to the host's allocator: it can then tell a guest that wanted too much
// from others, and grow by one page to give the engine a new view of memory.
func limitMemory(m *code.Module, out *Module, pages uint32) {
	if m.Memory == nil {
		return
	}
	out.MinPages, out.MaxPages = m.Memory.Min, pages
	if m.Memory.Bounded {
		out.MaxPages = min(pages, m.Memory.Max)
	}
	m.Memory = &code.Limits{Min: m.Memory.Min, Max: maxPages, Bounded: true}
}
