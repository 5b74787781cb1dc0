package meter_test

import (
	"context"
	"testing"

	"github.com/tetratelabs/wazero"

	"github.com/weft-network/weft/wasm/internal/code"
	"github.com/weft-network/weft/wasm/meter"
)

var call0 = []byte{code.OpCall, 0}

// frames of functions that call themselves without end.
var frames = map[string][]byte{
	"bare":         one(0, 0, call0),
	"8 parameters": one(8, 0, gets(8), call0, gets(8), times(8, code.OpI64Add)),
	"100 locals":   one(0, 100, call0, []byte{code.OpLocalSet, 0}, gets(100), times(99, code.OpI64Add)),
	"1000 results": one(0, 0, times(1000, call0...), times(999, code.OpI64Add)),
	"1000 loads":   one(1, 0, times(1000, code.OpLocalGet, 0, 0xa7, 0x29, 3, 8), gets(1), call0, times(1000, code.OpI64Add)),
	"indirect":     one(0, 0, []byte{code.OpI32Const, 0, code.OpCallIndirect, 0, 0}),
}

func TestDepthEndsAtTheLimitOnBothEngines(t *testing.T) {
	for name, module := range frames {
		var depths []uint32
		for _, m := range machines(t) {
			g, err := m.load(module, meter.Options{MemoryPages: 1, DepthLimit: 5000}, "")
			if err != nil {
				t.Fatal(err)
			}
			if _, err := g.call("f", make([]uint64, len(g.ExportedFunction("f").Definition().ParamTypes()))...); err == nil {
				t.Errorf("%s: recursion without end returns", name)
			}
			if g.depth() <= 5000 {
				t.Errorf("%s: depth %d after the trap; it must show that it was the reason", name, g.depth())
			}
			depths = append(depths, g.depth())
		}
		if depths[0] != depths[1] {
			t.Errorf("%s: depth %d and %d", name, depths[0], depths[1])
		}
	}
}

// The compiler's stack ends the recursion here: it doubles until it is 84 MB.
func TestAUnitOfDepthIsTenBytesOfStack(t *testing.T) {
	if testing.Short() {
		t.Skip("needs 84 MB of stack")
	}
	const engineStack = 10 << 10 << 13
	for name, module := range frames {
		m := newMachine(t, "compiler", wazero.NewRuntimeConfigCompiler())
		g, err := m.load(module, meter.Options{MemoryPages: 1, DepthLimit: 1 << 30}, "")
		if err != nil {
			t.Fatal(err)
		}
		if _, err = g.call("f", make([]uint64, len(g.ExportedFunction("f").Definition().ParamTypes()))...); err == nil {
			t.Errorf("%s: recursion without end returns", name)
		}
		if perUnit := float64(engineStack) / float64(g.depth()); perUnit > 10 {
			t.Errorf("%s: a unit of depth is %.1f bytes of stack", name, perUnit)
		}
		_ = m.Close(context.Background())
	}
	if meter.DefaultDepthLimit*10 > 10<<20 {
		t.Error("the default depth lets the stack double beyond 10 MiB")
	}
}
