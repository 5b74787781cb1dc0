// Package inspect tells what a chaincode module is made of, and how near it
// comes to the limits that wasm/check holds it to.
//
// It is pure and runs nothing of the module: bytes in, a report out.
package inspect

import (
	"crypto/sha256"
	"encoding/hex"

	"github.com/weft-network/weft/wasm/check"
	"github.com/weft-network/weft/wasm/internal/code"
	"github.com/weft-network/weft/wasm/warmup"
)

// Report is what there is to say about a module by its bytes.
type Report struct {
	Bytes  int    `json:"bytes"`
	SHA256 string `json:"sha256"`
	// Imports and Exports are in the module's order. Signatures are parameters,
	// a colon and the result: i is an i32, I an i64, f and F are floats.
	Imports []Import `json:"imports"`
	Exports []Export `json:"exports"`
	// Sections are in the module's order.
	Sections []Section `json:"sections"`
	// Limits are those of a module, in the order in which check looks at them.
	Limits []Limit `json:"limits"`
	// Warmup are the calls that it declares to be run before its snapshot.
	Warmup [][]string `json:"warmup,omitempty"`
}

// Import is a function of the host.
type Import struct {
	Module    string `json:"module"`
	Name      string `json:"name"`
	Signature string `json:"signature"`
}

// Export is what the host can reach.
type Export struct {
	Name string `json:"name"`
	// Kind is function, table, memory or global.
	Kind      string `json:"kind"`
	Signature string `json:"signature,omitempty"` // of a function
}

// Section is one section of the file.
type Section struct {
	Name  string `json:"name"`
	Bytes int    `json:"bytes"`
}

// Limit is a limit and how much of it the module uses.
type Limit struct {
	What string `json:"what"`
	Used int    `json:"used"`
	Most int    `json:"limit"`
}

// Module reports on a module. It refuses what check refuses, with the same
// words; memoryPages is the most memory that a node gives.
func Module(module []byte, memoryPages uint32) (*Report, error) {
	if err := check.Module(module, memoryPages); err != nil {
		return nil, err
	}
	m, err := code.Parse(module, check.Most())
	if err != nil {
		return nil, err
	}
	r := &Report{Bytes: len(module), Imports: imports(m), Exports: exports(m), Sections: sections(module)}
	sum := sha256.Sum256(module)
	r.SHA256 = hex.EncodeToString(sum[:])
	if r.Limits, err = limits(module, m, memoryPages); err != nil {
		return nil, err
	}
	vectors, err := warmup.Read(module)
	for _, v := range vectors {
		var call []string
		for _, arg := range v {
			call = append(call, string(arg))
		}
		r.Warmup = append(r.Warmup, call)
	}
	return r, err
}

func imports(m *code.Module) []Import {
	list := []Import{}
	for i, imp := range m.Imports {
		list = append(list, Import{imp.Module, imp.Name, signature(m, uint32(i))})
	}
	return list
}

func exports(m *code.Module) []Export {
	kinds := map[byte]string{code.KindFunction: "function", code.KindTable: "table", code.KindMemory: "memory", code.KindGlobal: "global"}
	list := []Export{}
	for _, exp := range m.Exports {
		e := Export{Name: exp.Name, Kind: kinds[exp.Kind]}
		if exp.Kind == code.KindFunction {
			e.Signature = signature(m, exp.Index)
		}
		list = append(list, e)
	}
	return list
}

func signature(m *code.Module, index uint32) string {
	t := m.FunctionType(index)
	if t == nil {
		return "?"
	}
	letters := map[byte]byte{code.I32: 'i', code.I64: 'I', code.F32: 'f', code.F64: 'F'}
	var s []byte
	for _, v := range t.Params {
		s = append(s, letters[v])
	}
	s = append(s, ':')
	for _, v := range t.Results {
		s = append(s, letters[v])
	}
	return string(s)
}

// limits compares the module with each limit of check.
func limits(module []byte, m *code.Module, memoryPages uint32) ([]Limit, error) {
	f, err := check.Measure(m)
	if err != nil {
		return nil, err
	}
	list := []Limit{
		{"bytes", len(module), check.MaxBytes},
		{"types", len(m.Types), check.MaxTypes},
		{"imports", len(m.Imports), check.MaxImports},
		{"functions", len(m.Functions), check.MaxFunctions},
		{"bytes of a function", f.BodyBytes, check.MaxBodyBytes},
		{"local variables of a function", f.Locals, check.MaxLocals},
		{"local variables of all functions", f.Frames, check.MaxFrames},
		{"blocks and branches of a function", f.Branches, check.MaxBranches},
		{"blocks inside one another", f.Nesting, check.MaxNesting},
		{"loops of a function", f.Loops, check.MaxLoops},
		{"memory.copy and memory.fill of a function", f.Bulk, check.MaxBulk},
		{"blocks and branches times local variables of a function", f.Merges, check.MaxMerges},
		{"globals", len(m.Globals), check.MaxGlobals},
		{"exports", len(m.Exports), check.MaxExports},
		{"data segments", len(m.Data), check.MaxSegments},
		{"element segments", len(m.Elements), check.MaxElements},
		{"custom sections", len(m.Customs), check.MaxCustoms},
	}
	if m.Table != nil {
		list = append(list, Limit{"table entries", int(m.Table.Min), check.MaxTableEntries})
	}
	if m.Memory != nil {
		list = append(list, Limit{"pages of memory at the start (64 KiB)", int(m.Memory.Min), int(memoryPages)})
	}
	return list, nil
}
