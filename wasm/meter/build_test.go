package meter_test

import (
	"bytes"
	"testing"

	"github.com/weft-network/weft/wasm/internal/code"
)

func times(n int, b ...byte) []byte { return bytes.Repeat(b, n) }

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

// one is a module with one function, exported as f, of i64 parameters and
// result, with i64 locals. It has a memory of a page, the mutable global 0 (i64),
// and a table whose entry 0 is the function.
func one(params, locals int, instructions ...[]byte) []byte {
	body := []byte{0}
	if locals > 0 {
		body = append(code.AppendU32([]byte{1}, uint32(locals)), code.I64)
	}
	m := &code.Module{
		Types:     []code.Type{{Params: times(params, code.I64), Results: []byte{code.I64}}},
		Functions: []uint32{0},
		Table:     &code.Limits{Min: 1},
		Memory:    &code.Limits{Min: 1},
		Globals:   []code.Global{{Type: code.I64, Mutable: true, Init: []byte{code.OpI64Const, 0, code.OpEnd}}},
		Exports:   []code.Export{{Name: "f", Kind: code.KindFunction}},
		Elements:  []code.Element{{Functions: []uint32{0}}},
		Bodies:    [][]byte{append(append(body, join(instructions...)...), code.OpEnd)},
	}
	return m.Encode()
}

// gets pushes the first locals.
func gets(n int) (b []byte) {
	for i := range n {
		b = code.AppendU32(append(b, code.OpLocalGet), uint32(i))
	}
	return b
}

func load(t testing.TB, m *machine, module []byte) *guest {
	t.Helper()
	g, err := m.load(module, options, "")
	if err != nil {
		t.Fatalf("%s: %v", m.name, err)
	}
	return g
}
