package meter_test

import (
	"bytes"
	"context"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"

	"github.com/weft-network/weft/wasm/internal/code"
	"github.com/weft-network/weft/wasm/meter"
)

// walker writes functions that read and write memory at addresses near each other,
// which are computed in many ways, and conditions. Local variables: 0 to 1 are i32,
// 2 to 3 i64, 4 is an i64 of what was read.
type walker struct {
	*rand.Rand
	b []byte
}

const sumOfAll = 4

func (w *walker) emit(b ...byte) { w.b = append(w.b, b...) }

// constant is near 0, and now and then not.
func (w *walker) constant(op byte) {
	n := int64(w.IntN(64))
	if w.IntN(40) == 0 {
		n = []int64{-1, -8, 1 << 16, 1<<16 + 1, 65528, -(1 << 16), -(1 << 31)}[w.IntN(7)]
	}
	if op == code.OpI64Const && w.IntN(40) == 0 {
		n = math.MinInt64
	}
	w.b = code.AppendSigned(append(w.b, op), n)
}

func (w *walker) address() {
	if w.IntN(3) == 0 {
		w.emit(code.OpLocalGet, byte(2+w.IntN(2)))
		if w.IntN(2) == 0 {
			w.constant(code.OpI64Const)
			w.emit(byte(code.OpI64Add + w.IntN(2)))
		}
		w.emit(code.OpI32Wrap)
		return
	}
	w.emit(code.OpLocalGet, byte(w.IntN(2)))
	switch w.IntN(4) {
	case 0:
		w.emit(code.OpI64ExtendU)
		w.constant(code.OpI64Const)
		w.emit(code.OpI64Add, code.OpI32Wrap)
	case 1:
		w.constant(code.OpI32Const)
		w.emit(byte(code.OpI32Add + w.IntN(2)))
	}
}

func (w *walker) condition() {
	w.emit(code.OpLocalGet, sumOfAll, code.OpLocalGet, byte(2+w.IntN(2)), byte(0x51+w.IntN(10)))
	for range w.IntN(3) {
		w.emit(code.OpI64ExtendU, code.OpI64Eqz)
	}
	for range w.IntN(3) {
		w.emit(code.OpI32Eqz)
	}
}

func (w *walker) statement(depth int) {
	offset := byte(w.IntN(40))
	switch n := w.IntN(16); {
	case n < 6: // i64.load8_u … i64.load
		w.emit(code.OpLocalGet, sumOfAll)
		w.address()
		w.emit([]byte{0x29, 0x31, 0x33, 0x35}[w.IntN(4)], 0, offset, 0x85)
		w.emit(code.OpLocalSet, sumOfAll)
	case n < 9:
		w.address()
		w.emit(code.OpLocalGet, sumOfAll, []byte{0x37, 0x3c, 0x3e}[w.IntN(3)], 0, offset)
	case n == 9:
		w.address()
		w.emit(code.OpLocalSet, byte(w.IntN(2)))
	case n == 10:
		w.address()
		w.emit(code.OpLocalTee, byte(w.IntN(2)), code.OpI64ExtendU, code.OpLocalSet, byte(2+w.IntN(2)))
	case n == 11 && w.IntN(4) == 0:
		w.address()
		w.emit(0x28, 0, offset, code.OpLocalSet, byte(w.IntN(2)))
	case n == 12:
		w.condition()
		w.emit(code.OpI64ExtendU, code.OpLocalGet, sumOfAll, code.OpI64Add, code.OpLocalSet, sumOfAll)
	case n == 13 && depth > 0:
		w.condition()
		w.emit(code.OpIf, code.Void)
		w.statement(depth - 1)
		w.statement(depth - 1)
		w.emit(code.OpEnd)
	case n == 14 && w.IntN(4) == 0:
		w.emit(code.OpLocalGet, sumOfAll, code.OpLocalGet, 2, code.OpI64Const, 7, 0x83, 0x82, code.OpLocalSet, sumOfAll)
	default:
		w.emit(code.OpLocalGet, byte(w.IntN(2)), code.OpLocalSet, byte(w.IntN(2)))
	}
}

// module has one function of type (i32, i32, i64, i64)→i64.
func (w *walker) module() []byte {
	w.b = []byte{1, 1, code.I64}
	for range 4 + w.IntN(30) {
		w.statement(2)
	}
	w.emit(code.OpLocalGet, sumOfAll, code.OpEnd)
	m := &code.Module{
		Types:     []code.Type{{Params: []byte{code.I32, code.I32, code.I64, code.I64}, Results: []byte{code.I64}}},
		Functions: []uint32{0},
		Memory:    &code.Limits{Min: 1},
		Exports:   []code.Export{{Name: "f", Kind: code.KindFunction}, {Name: "memory", Kind: code.KindMemory}},
		Bodies:    [][]byte{w.b},
	}
	return m.Encode()
}

// reason is what a call ended with, without where.
func reason(err error) string {
	if err == nil {
		return ""
	}
	first, _, _ := strings.Cut(err.Error(), "\n")
	return first
}

// Functions answer the same, leave the same memory, and trap for the same reason
// before and after, wherever in the address space they look.
func TestRandomAddressesAreTheSame(t *testing.T) {
	ctx := context.Background()
	modules := 300
	if testing.Short() {
		modules = 30
	}
	w := &walker{Rand: rand.New(rand.NewPCG(*seed, 1))}
	plain := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigInterpreter().WithCoreFeatures(features))
	defer plain.Close(ctx)
	naive := newMachine(t, "naive meter", wazero.NewRuntimeConfigInterpreter())
	naive.rewrite = meter.RewriteEverywhere
	all := append(machines(t), naive)
	ended := map[string]int{}
	places := []uint64{0, 4, 40, 100, 200, 1000, 2000, 3000, 4000, 5000, 6000, 1<<16 - 100, 1<<16 - 20, 1<<16 - 8, 1 << 16, 1<<32 - 8, 1<<32 - 40, 1<<32 - 1<<16}
	for n := range modules {
		module := w.module()
		for range 4 {
			place := func() uint64 { return places[w.IntN(len(places))] }
			args := []uint64{place(), place(), place(), place()}
			original, err := plain.InstantiateWithConfig(ctx, module, wazero.NewModuleConfig().WithName(""))
			if err != nil {
				t.Fatalf("module %d is not valid: %v\n%x", n, err, module)
			}
			want, wantErr := original.ExportedFunction("f").Call(ctx, args...)
			memory, _ := original.Memory().Read(0, original.Memory().Size())
			ended[reason(wantErr)]++
			var fuel []int64
			for _, m := range all {
				g := load(t, m, module)
				got, err := g.call("f", args...)
				if reason(err) != reason(wantErr) || err == nil && got[0] != want[0] {
					t.Fatalf("module %d on the %s: f%x = %x, %v; want %x, %v\n%x", n, m.name, args, got, err, want, wantErr, module)
				}
				if after, _ := g.Memory().Read(0, g.Memory().Size()); err == nil && !bytes.Equal(after, memory) {
					t.Fatalf("module %d on the %s: f%x leaves another memory\n%x", n, m.name, args, module)
				}
				fuel = append(fuel, g.used())
				_ = g.Close(ctx)
			}
			if fuel[0] != fuel[1] || wantErr == nil && fuel[0] != fuel[2] {
				t.Fatalf("module %d: f%x costs %d, %d, naively %d\n%x", n, args, fuel[0], fuel[1], fuel[2], module)
			}
			_ = original.Close(ctx)
		}
	}
	if len(ended) != 3 || ended[""] < modules/4 {
		t.Errorf("calls ended so: %v; all three ways are to be seen", ended)
	}
}
