package meter_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/weft-network/weft/wasm/check"
	"github.com/weft-network/weft/wasm/internal/code"
	"github.com/weft-network/weft/wasm/meter"
)

func rewritten(t *testing.T, module []byte, o meter.Options) (*meter.Module, *code.Module) {
	t.Helper()
	m, err := meter.Rewrite(module, o)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := code.Parse(m.Code, check.Most())
	if err != nil {
		t.Fatal(err)
	}
	return m, parsed
}

// Pieces of rewritten bodies of one(0, 0, …): the fuel is global 1, the depth
// global 2, refill function 0, and the fuel is kept in local 0.
var (
	take   = []byte{code.OpGlobalGet, 1, code.OpLocalSet, 0}
	put    = []byte{code.OpLocalGet, 0, code.OpGlobalSet, 1}
	refill = join([]byte{code.OpLocalGet, 0, code.OpI64Const, 0, code.OpI64LtS, code.OpIf, code.Void}, put, []byte{code.OpCall, 0}, take, end)
	begin  = []byte{code.OpBlock, code.I64}
	end    = []byte{code.OpEnd}
)

// pay subtracts from the fuel and stores it.
func pay(units byte) []byte {
	return []byte{code.OpLocalGet, 0, code.OpI64Const, units, code.OpI64Sub, code.OpGlobalSet, 1}
}

func TestWhatBodiesBecome(t *testing.T) {
	f32 := []byte{code.OpF32Const, 0, 0, 0, 0}
	deeper := []byte{code.OpGlobalGet, 2, code.OpI32Const, 9, code.OpI32Add, code.OpGlobalSet, 2,
		code.OpGlobalGet, 2, code.OpI32Const, 50, code.OpI32GtS, code.OpIf, code.Void, code.OpUnreachable, code.OpEnd}
	shallower := []byte{code.OpGlobalGet, 2, code.OpI32Const, 9, code.OpI32Sub, code.OpGlobalSet, 2}
	for name, c := range map[string]struct{ body, want []byte }{
		"a small leaf pays at its end": {
			[]byte{code.OpI64Const, 7},
			join([]byte{1, 1, code.I64}, take, begin, []byte{code.OpI64Const, 7}, end, pay(1), end)},
		"a return goes where the end is": {
			[]byte{code.OpI64Const, 7, code.OpReturn},
			join([]byte{1, 1, code.I64}, take, begin, []byte{code.OpI64Const, 7, code.OpBr, 0}, end, pay(2), end)},
		"a NaN becomes the NaN": {
			join(f32, f32, []byte{0x92, code.OpDrop, code.OpI64Const, 7}),
			join([]byte{2, 1, code.I64, 1, code.F32}, take, begin, f32, f32,
				[]byte{0x92, code.OpLocalTee, 1, code.OpF32Const, 0, 0, 0xc0, 0x7f, code.OpLocalGet, 1, code.OpLocalGet, 1, code.OpF32Eq, code.OpSelect},
				[]byte{code.OpDrop, code.OpI64Const, 7}, end, pay(11), end)},
		"a call has its depth, and the fuel in its global": {
			[]byte{code.OpCall, 0},
			join([]byte{1, 1, code.I64}, deeper, take, refill, begin, pay(17), []byte{code.OpCall, 1}, take, end, put, shallower, end)},
		"a loop buys outside of itself": {
			[]byte{code.OpLoop, code.I64, code.OpI64Const, 7, code.OpEnd},
			join([]byte{1, 1, code.I64}, take, begin,
				[]byte{code.OpLocalGet, 0, code.OpI64Const, 1, code.OpI64Sub, code.OpLocalSet, 0},
				[]byte{code.OpLoop, code.I64}, refill,
				[]byte{code.OpLoop, code.I64, code.OpLocalGet, 0, code.OpI64Const, 0, code.OpI64GeS, code.OpIf, code.I64, code.OpI64Const, 7},
				[]byte{code.OpElse, code.OpBr, 2, code.OpEnd, code.OpEnd, code.OpEnd}, end, pay(1), end)},
		"what is dead stays": {
			[]byte{code.OpUnreachable, code.OpLoop, code.Void, code.OpCall, 0, code.OpReturn, code.OpEnd},
			join([]byte{1, 1, code.I64}, take, begin, pay(1),
				[]byte{code.OpUnreachable, code.OpLoop, code.Void, code.OpCall, 1, code.OpBr, 1, code.OpEnd}, end, put, end)},
		"a fill pays for its length": {
			[]byte{code.OpI32Const, 0, code.OpI32Const, 0, code.OpI32Const, 8, 0xfc, 11, 0, code.OpI64Const, 7},
			join([]byte{2, 1, code.I64, 1, code.I32}, take, begin, []byte{code.OpI32Const, 0, code.OpI32Const, 0, code.OpI32Const, 8},
				[]byte{code.OpLocalTee, 1, code.OpLocalGet, 0, code.OpI64Const, 8, code.OpI64Sub,
					code.OpLocalGet, 1, code.OpI64ExtendU, code.OpI64Const, 3, code.OpI64ShrU, code.OpI64Sub, code.OpLocalSet, 0},
				refill, []byte{0xfc, 11, 0, code.OpI64Const, 7}, end, pay(1), end)},
	} {
		_, m := rewritten(t, one(0, 0, c.body), meter.Options{MemoryPages: 16, DepthLimit: 50})
		if got := m.Bodies[0]; !bytes.Equal(got, c.want) {
			t.Errorf("%s:\n got %x\nwant %x", name, got, c.want)
		}
	}
}

func TestWhatAModuleBecomes(t *testing.T) {
	start := uint32(2)
	original := &code.Module{
		Types:     []code.Type{{Params: []byte{code.I32}}, {}},
		Imports:   []code.Import{{Module: "weft_v1", Name: "iter_close"}},
		Functions: []uint32{1, 1},
		Table:     &code.Limits{Min: 2},
		Memory:    &code.Limits{Min: 1, Max: 9, Bounded: true},
		Globals: []code.Global{{Type: code.I32, Init: []byte{code.OpI32Const, 0, code.OpEnd}},
			{Type: code.I32, Mutable: true, Init: []byte{code.OpI32Const, 0, code.OpEnd}}},
		Exports:  []code.Export{{Name: "memory", Kind: code.KindMemory}, {Name: "close", Kind: code.KindFunction}, {Name: "f", Kind: code.KindFunction, Index: 1}},
		Start:    &start,
		Elements: []code.Element{{Functions: []uint32{0, 2}}},
		Bodies:   [][]byte{{0, code.OpCall, 2, code.OpEnd}, {0, code.OpEnd}},
		Data:     []code.Data{{Offset: 7, Bytes: []byte("abc")}},
	}
	encoded := original.Encode()
	custom := append(encoded, 0, 5, 4, 'n', 'a', 'm', 'e')
	out, m := rewritten(t, custom, meter.Options{MemoryPages: 16})
	if last := m.Imports[len(m.Imports)-1]; len(m.Imports) != 2 || last.Module != meter.ImportModule || last.Name != meter.ImportRefill || last.Type != 1 {
		t.Errorf("imports: %+v", m.Imports)
	}
	if !slices.Equal(m.Elements[0].Functions, []uint32{0, 3}) {
		t.Errorf("elements: %v", m.Elements)
	}
	want := []code.Export{{Name: "memory", Kind: code.KindMemory}, {Name: "close", Kind: code.KindFunction}, {Name: "f", Kind: code.KindFunction, Index: 2},
		{Name: "weft.start", Kind: code.KindFunction, Index: 3}, {Name: "weft.global.1", Kind: code.KindGlobal, Index: 1},
		{Name: "weft.fuel", Kind: code.KindGlobal, Index: 2}, {Name: "weft.depth", Kind: code.KindGlobal, Index: 3}}
	if !slices.Equal(m.Exports, want) {
		t.Errorf("exports: %+v", m.Exports)
	}
	if !slices.Equal(out.Globals, []string{"weft.global.1", "weft.fuel", "weft.depth"}) {
		t.Errorf("globals: %v", out.Globals)
	}
	if *m.Memory != (code.Limits{Min: 1, Max: 1 << 16, Bounded: true}) || out.MinPages != 1 || out.MaxPages != 9 {
		t.Errorf("memory: %+v, %d to %d pages", *m.Memory, out.MinPages, out.MaxPages)
	}
	if m.Start != nil || !out.Start || len(m.Data)+len(m.Customs) > 0 {
		t.Errorf("start, data or custom sections are still there")
	}
	if len(out.Segments) != 1 || out.Segments[0].Offset != 7 || string(out.Segments[0].Bytes) != "abc" {
		t.Errorf("segments: %+v", out.Segments)
	}
	if again, err := meter.Rewrite(custom, meter.Options{MemoryPages: 16}); err != nil || !bytes.Equal(again.Code, out.Code) {
		t.Error("rewriting twice makes two modules")
	}
	if !bytes.Equal(encoded, original.Encode()) {
		t.Error("the original was written to")
	}
}

func TestReservedNamesAreRefused(t *testing.T) {
	out, _ := rewritten(t, one(0, 0, []byte{code.OpI64Const, 7}), options)
	if _, err := meter.Rewrite(out.Code, options); err == nil || !strings.Contains(err.Error(), "reserved") {
		t.Errorf("its own output: %v", err)
	}
	if _, err := meter.Rewrite(nil, meter.Options{}); err == nil || !strings.Contains(err.Error(), "memory limit of 0 pages") {
		t.Error(err)
	}
	if _, err := meter.Rewrite(nil, meter.Options{MemoryPages: 1, DepthLimit: 1 << 31}); err == nil || !strings.Contains(err.Error(), "depth limit") {
		t.Error(err)
	}
}
