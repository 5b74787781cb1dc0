package check

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/weft-network/weft/wasm/internal/code"
)

// parsed is the smallest chaincode, to be changed.
func parsed(t testing.TB) *code.Module {
	m, err := code.Parse(chaincode(), Most())
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// add appends a function of the type :i or, with type 2, of no parameters.
func add(m *code.Module, locals int, instructions ...[]byte) {
	body := []byte{0}
	if locals > 0 {
		body = append(code.AppendU32([]byte{1}, uint32(locals)), code.I32)
	}
	body = append(append(body, bytes.Join(instructions, nil)...), code.OpEnd)
	m.Functions, m.Bodies = append(m.Functions, 2), append(m.Bodies, body)
}

func times(n int, b ...byte) []byte { return bytes.Repeat(b, n) }

var (
	block = []byte{code.OpBlock, code.Void, code.OpEnd}
	loop  = []byte{code.OpLoop, code.Void, code.OpEnd}
	fill  = []byte{code.OpI32Const, 0, code.OpI32Const, 0, code.OpI32Const, 0, 0xfc, 11, 0}
)

// table is a br_table with so many entries; the default is one more.
func table(n int) []byte {
	b := code.AppendU32([]byte{code.OpBlock, code.Void, code.OpI32Const, 0, code.OpBrTable}, uint32(n))
	return append(append(b, make([]byte, n+1)...), code.OpEnd)
}

// Each limit: a module that has n of something, for n of the limit and one above.
func TestLimitsAreTakenAndNothingAbove(t *testing.T) {
	for name, c := range map[string]struct {
		limit int
		make  func(m *code.Module, n int)
		want  string
	}{
		"types":      {MaxTypes, func(m *code.Module, n int) { m.Types = append(m.Types, make([]code.Type, n-3)...) }, "20001 types"},
		"parameters": {MaxParams, func(m *code.Module, n int) { m.Types = append(m.Types, code.Type{Params: times(n, code.I32)}) }, "101 parameters"},
		"type values": {MaxTypeValues, func(m *code.Module, n int) {
			for n -= 3; n > 0; n -= MaxParams {
				m.Types = append(m.Types, code.Type{Params: times(min(n, MaxParams), code.I64)})
			}
		}, "more than 200000 parameters and results"},
		"imports": {MaxImports, func(m *code.Module, n int) {
			for range n {
				m.Imports = append(m.Imports, code.Import{Module: "wasi_snapshot_preview1", Name: "sched_yield"})
			}
			for i := range m.Exports[1:] {
				m.Exports[i+1].Index += uint32(n)
			}
		}, "201 imports"},
		"functions": {MaxFunctions, func(m *code.Module, n int) {
			for range n - 3 {
				add(m, 0)
			}
		}, "20001 functions"},
		"body bytes": {MaxBodyBytes, func(m *code.Module, n int) { add(m, 0, times(n-2, code.OpNop)) }, "131073 bytes long"},
		"locals":     {MaxLocals, func(m *code.Module, n int) { add(m, n) }, "4097 local variables"},
		"frames": {MaxFrames, func(m *code.Module, n int) {
			for n--; n > 0; n -= MaxLocals { // cc_invoke has one
				add(m, min(n, MaxLocals))
			}
		}, "more than 1000000 parameters and local variables"},
		"blocks":          {MaxBranches, func(m *code.Module, n int) { add(m, 0, bytes.Repeat(block, n)) }, "more than 8192 blocks"},
		"br_if":           {MaxBranches, func(m *code.Module, n int) { add(m, 0, times(n, code.OpI32Const, 0, code.OpBrIf, 0)) }, "more than 8192 blocks"},
		"br_table":        {MaxBranches, func(m *code.Module, n int) { add(m, 0, table(n-2)) }, "more than 8192 blocks"},
		"nesting":         {MaxNesting, func(m *code.Module, n int) { add(m, 0, times(n, code.OpBlock, code.Void), times(n, code.OpEnd)) }, "more than 4096 blocks inside"},
		"loops":           {MaxLoops, func(m *code.Module, n int) { add(m, 0, bytes.Repeat(loop, n)) }, "more than 512 loops"},
		"bulk":            {MaxBulk, func(m *code.Module, n int) { add(m, 0, bytes.Repeat(fill, n)) }, "more than 1024 memory.copy"},
		"merges":          {MaxMerges / 250, func(m *code.Module, n int) { add(m, n, bytes.Repeat(block, 250)) }, "times local variables"},
		"tables' entries": {MaxTableEntries, func(m *code.Module, n int) { m.Table = &code.Limits{Min: uint32(n)} }, "table of 100001 entries"},
		"named functions": {MaxTableEntries, func(m *code.Module, n int) {
			m.Table = &code.Limits{Min: MaxTableEntries}
			m.Elements = []code.Element{{Functions: make([]uint32, n/2)}, {Functions: make([]uint32, n-n/2)}}
		}, "more than 100000 functions together"},
		"globals": {MaxGlobals, func(m *code.Module, n int) {
			for range n {
				m.Globals = append(m.Globals, code.Global{Type: code.I32, Init: []byte{code.OpI32Const, 0, code.OpEnd}})
			}
		}, "10001 globals"},
		"exports": {MaxExports, func(m *code.Module, n int) {
			for i := range n - 4 {
				m.Exports = append(m.Exports, code.Export{Name: fmt.Sprint(i), Kind: code.KindFunction})
			}
		}, "1001 exports"},
		"data segments":    {MaxSegments, func(m *code.Module, n int) { m.Data = make([]code.Data, n) }, "100001 data segments"},
		"element segments": {MaxElements, func(m *code.Module, n int) { m.Table, m.Elements = &code.Limits{}, make([]code.Element, n) }, "10001 element segments"},
		"name bytes": {MaxNameBytes, func(m *code.Module, n int) {
			m.Exports = append(m.Exports, code.Export{Name: strings.Repeat("x", n), Kind: code.KindFunction})
		}, "name of 1025 bytes"},
		"memory": {16, func(m *code.Module, n int) { m.Memory.Min = uint32(n) }, "memory of 17 pages"},
	} {
		for n, taken := range map[int]bool{c.limit: true, c.limit + 1: false} {
			m := parsed(t)
			c.make(m, n)
			err := Module(m.Encode(), 16)
			if taken && err != nil || !taken && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("%s: with %d: %v; want %q above %d", name, n, err, c.want, c.limit)
			}
		}
	}
}

func TestCustomSectionsAreBounded(t *testing.T) {
	custom := section(code.SectionCustom, text("name")...)
	for n, taken := range map[int]bool{MaxCustoms: true, MaxCustoms + 1: false} {
		if err := Module(append(chaincode(), bytes.Repeat(custom, n)...), 16); (err == nil) != taken {
			t.Errorf("%d: %v", n, err)
		}
	}
}

func TestModulesAreBounded(t *testing.T) {
	code := make([]byte, MaxBytes+1)
	if err := Module(code, 16); err == nil || !strings.Contains(err.Error(), "at most 33554432") {
		t.Error(err)
	}
}

// Names that metering adds cannot be a guest's, so that a metered module is
// refused, too.
func TestReservedNamesAreRefused(t *testing.T) {
	m := parsed(t)
	m.Exports = append(m.Exports, code.Export{Name: "weft.fuel", Kind: code.KindFunction})
	if err := Module(m.Encode(), 16); err == nil || !strings.Contains(err.Error(), "reserved") {
		t.Error(err)
	}
	if err := Module(sections(types, imports("weft_v1", "refill", 0, 2)), 16); err == nil || !strings.Contains(err.Error(), "no such function") {
		t.Error(err)
	}
}

// Modules that would take a compiler seconds to minutes are refused, and what is
// read of them is not read twice: this test would take minutes otherwise.
func TestCompileBombsAreRefused(t *testing.T) {
	million := func(m *code.Module) {
		for range 1_000_000 {
			m.Functions, m.Bodies = append(m.Functions, 2), append(m.Bodies, []byte{0, code.OpEnd})
		}
	}
	for name, change := range map[string]func(m *code.Module){
		"40,000 loops":         func(m *code.Module) { add(m, 0, bytes.Repeat(loop, 40_000)) },
		"40,000 nested blocks": func(m *code.Module) { add(m, 0, times(40_000, code.OpBlock, code.Void), times(40_000, code.OpEnd)) },
		"18,000 if/else": func(m *code.Module) {
			add(m, 0, times(18_000, code.OpI32Const, 0, code.OpIf, code.Void, code.OpElse, code.OpEnd))
		},
		"a million functions": million,
		"a million globals": func(m *code.Module) {
			m.Globals = make([]code.Global, 1_000_000)
			for i := range m.Globals {
				m.Globals[i] = code.Global{Type: code.I32, Init: []byte{code.OpI32Const, 0, code.OpEnd}}
			}
		},
		"a table of 2^27": func(m *code.Module) { m.Table = &code.Limits{Min: 1 << 27} },
		"a gibibyte":      func(m *code.Module) { m.Memory.Min = 1 << 14 },
		"19,000 × 4,096 locals": func(m *code.Module) {
			for range 19_000 {
				add(m, MaxLocals)
			}
		},
	} {
		m := parsed(t)
		change(m)
		bomb := m.Encode()
		start := time.Now()
		if err := Module(bomb, 1024); err == nil {
			t.Errorf("%s is taken", name)
		}
		t.Logf("%s: %d bytes refused in %v", name, len(bomb), time.Since(start))
	}
	tables := sections(types, funcs, section(code.SectionTable, 2, 0x70, 0, 1, 0x70, 0, 1))
	if err := Module(tables, 16); err == nil || !strings.Contains(err.Error(), "reference types") {
		t.Error(err)
	}
}
