package check

import (
	"strings"
	"testing"

	"github.com/weft-network/weft/wasm/internal/code"
)

// A module is put together of sections; leb is what lengths below 128 are.
func sections(parts ...[]byte) []byte {
	b := []byte("\x00asm\x01\x00\x00\x00")
	for _, p := range parts {
		b = append(b, p...)
	}
	return b
}

func section(id byte, body ...byte) []byte {
	return append([]byte{id, byte(len(body))}, body...)
}

func text(s string) []byte { return append([]byte{byte(len(s))}, s...) }

func exports(list ...[]byte) []byte {
	body := []byte{byte(len(list))}
	for _, e := range list {
		body = append(body, e...)
	}
	return section(code.SectionExport, body...)
}

func function(name string, index byte) []byte { return append(text(name), code.KindFunction, index) }

func imports(module, name string, kind, index byte) []byte {
	body := append([]byte{1}, append(text(module), text(name)...)...)
	return section(code.SectionImport, append(body, kind, index)...)
}

var (
	types  = section(code.SectionType, 3, 0x60, 0, 1, 0x7f, 0x60, 1, 0x7f, 1, 0x7f, 0x60, 0, 0) // :i, i:i, ':'
	funcs  = section(code.SectionFunction, 3, 0, 0, 1)
	memory = section(code.SectionMemory, 1, 0, 1)
	whole  = exports(append(text("memory"), code.KindMemory, 0), function("weft_abi", 0), function("cc_init", 1), function("cc_invoke", 2))
	bodies = section(code.SectionCode, 3, 4, 0, 0x41, 0, 0x0b, 4, 0, 0x41, 0, 0x0b, 4, 0, 0x41, 0, 0x0b)
)

func chaincode() []byte { return sections(types, funcs, memory, whole, bodies) }

func TestTheSmallestChaincodeIsTaken(t *testing.T) {
	if err := Module(chaincode(), 16); err != nil {
		t.Fatal(err)
	}
}

func TestWhatIsNoChaincodeIsRefusedByName(t *testing.T) {
	manyLocals := section(code.SectionCode, 3, 9, 1, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x7f, 0, 0x0b, 4, 0, 0x41, 0, 0x0b, 4, 0, 0x41, 0, 0x0b)
	for name, c := range map[string]struct {
		code []byte
		want string
	}{
		"text":                 {[]byte("package main"), "not a WebAssembly module"},
		"component":            {[]byte("\x00asm\x0d\x00\x01\x00"), "not a core WebAssembly module"},
		"empty module":         {sections(), "not a chaincode: no export memory"},
		"WASI command":         {sections(types, section(code.SectionFunction, 1, 2), memory, exports(append(text("memory"), code.KindMemory, 0), function("_start", 0)), section(code.SectionCode, 1, 2, 0, 0x0b)), "is a WASI command, not a chaincode: no export cc_invoke; build it with weft chaincode build"},
		"no cc_invoke":         {sections(types, funcs, memory, exports(append(text("memory"), code.KindMemory, 0), function("weft_abi", 0), function("cc_init", 1)), bodies), "no export cc_invoke"},
		"cc_invoke's type":     {sections(types, funcs, memory, exports(append(text("memory"), code.KindMemory, 0), function("weft_abi", 0), function("cc_init", 1), function("cc_invoke", 1)), bodies), `export cc_invoke has the type ":i"`},
		"warm-up's type":       {sections(types, funcs, memory, exports(append(text("memory"), code.KindMemory, 0), function("weft_abi", 0), function("cc_init", 1), function("cc_invoke", 2), function("cc_warmup", 2)), bodies), `export cc_warmup has the type "i:i"; the chaincode ABI wants ":i"`},
		"initialize is memory": {sections(types, funcs, memory, exports(append(text("memory"), code.KindMemory, 0), function("weft_abi", 0), function("cc_init", 1), function("cc_invoke", 2), append(text("_initialize"), code.KindMemory, 0)), bodies), "export _initialize must be a function"},
		"other module":         {sections(types, imports("env", "abort", 0, 0)), `import "abort" of module "env"`},
		"sockets":              {sections(types, imports("wasi_snapshot_preview1", "sock_open", 0, 0)), `import "sock_open" of module "wasi_snapshot_preview1": there is no such function`},
		"import's type":        {sections(types, imports("weft_v1", "ctx_get", 0, 1)), `import "ctx_get" of module "weft_v1" has the type "i:i"; it is "iii:i"`},
		"imported memory":      {sections(types, imports("weft_v1", "memory", code.KindMemory, 0)), "is no function"},
		"much memory":          {sections(section(code.SectionMemory, 1, 0, 17)), "memory of 17 pages"},
		"4 GiB of memory":      {sections(section(code.SectionMemory, 1, 1, 1, 0x80, 0x80, 4)), "memory of 65536 pages"},
		"shared memory":        {sections(section(code.SectionMemory, 1, 3, 1, 1)), "shared or 64-bit"},
		"two memories":         {sections(section(code.SectionMemory, 2, 0, 1, 0, 1)), "at most 1"},
		"huge table":           {sections(section(code.SectionTable, 1, 0x70, 0, 0xff, 0xff, 0xff, 0x0f)), "table of 33554431 entries"},
		"SIMD type":            {sections(section(code.SectionType, 1, 0x60, 1, 0x7b, 0)), "value type 0x7b"},
		"two results":          {sections(section(code.SectionType, 1, 0x60, 0, 2, 0x7f, 0x7f)), "at most 1"},
		"many locals":          {sections(types, funcs, memory, whole, manyLocals), "local variables"},
		"twice":                {sections(types, types), "out of order or there twice"},
		"order":                {sections(memory, types), "out of order"},
		"unknown section":      {sections(section(13, 0)), "unknown id 13"},
		"passive data":         {sections(section(code.SectionData, 1, 1, 0)), "kind 1"},
		"bodies missing":       {sections(types, funcs), "3 functions are declared and 0 are there"},
		"cut":                  {chaincode()[:20], "ends too early"},
		"left over":            {sections(section(code.SectionMemory, 1, 0, 1, 9)), "left over"},
		"longer than LEB":      {sections([]byte{1, 0xff, 0xff, 0xff, 0xff, 0xff}), "number is longer"},
		"count that is lie":    {sections(section(code.SectionType, 0xff, 0x01)), "ends too early"},
	} {
		if err := Module(c.code, 16); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
	}
}

func FuzzModuleCheck(f *testing.F) {
	f.Add(chaincode())
	f.Add(sections(types, imports("weft_v1", "iter_close", 0, 1)))
	f.Fuzz(func(t *testing.T, b []byte) {
		_, _ = Imports(b)
		if Module(b, 16) == nil && len(b) < len(whole) {
			t.Fatalf("%x is taken for a chaincode", b)
		}
	})
}
