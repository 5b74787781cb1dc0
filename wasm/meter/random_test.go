package meter_test

import (
	"context"
	"flag"
	"math/rand/v2"
	"testing"

	"github.com/tetratelabs/wazero"

	"github.com/weft-network/weft/wasm/internal/code"
	"github.com/weft-network/weft/wasm/meter"
)

var seed = flag.Uint64("seed", 1, "seed of random modules")

// author writes random functions of valid structure: blocks, loops that end,
// branches of all kinds out of any depth, jumps through tables, dead code, floats,
// calls.
type author struct {
	*rand.Rand
	b      []byte
	labels []byte // kinds of open blocks, the innermost last
	loops  int
	size   int
}

const (
	parameters = 2 // i64; local 0 counts turns down, so that all loops end
	scratch    = 3 // a local of type f64
	number     = 4 // one of type i32
)

// statement leaves the stack as it was.
func (a *author) statement(depth int) {
	if a.size++; a.size > 300 {
		return
	}
	switch n := a.IntN(14); {
	case n < 3 || depth == 0:
		a.emit(code.OpLocalGet, 1, code.OpI64Const, byte(a.IntN(64)), byte(code.OpI64Add+a.IntN(3)), code.OpLocalSet, 1)
	case n == 3:
		a.emit(code.OpLocalGet, scratch, code.OpLocalGet, scratch, byte(0xa0+a.IntN(7)), byte(0x99+a.IntN(7)), code.OpLocalSet, scratch)
	case n == 4:
		a.block(code.OpBlock, depth)
	case n == 5:
		a.condition()
		a.block(code.OpIf, depth)
	case n == 6 && a.loops < 3:
		a.loops++
		a.block(code.OpLoop, depth)
		a.loops--
	case n == 7:
		a.condition()
		a.emit(code.OpBrIf, a.target())
	case n == 8:
		a.condition()
		a.emit(code.OpBrTable, 2, a.target(), a.target(), a.target())
	case n == 9 && a.IntN(3) == 0:
		a.emit(code.OpBr, a.target())
	case n == 10 && a.IntN(4) == 0:
		a.emit(code.OpLocalGet, 1, code.OpReturn)
	case n == 11:
		a.emit(code.OpLocalGet, 0, code.OpLocalGet, 1, code.OpCall, 1, code.OpLocalSet, 1)
	case n == 12:
		a.emit(code.OpI32Const, 8, code.OpI32Const, 0, code.OpLocalGet, 1, 0xa7, code.OpI32Const, 63, 0x71, 0xfc, 11, 0)
	case n == 13 && a.loops < 3:
		a.loops++
		a.numbered(depth)
		a.loops--
	default:
		a.emit(code.OpNop)
	}
}

func (a *author) emit(b ...byte) { a.b = append(a.b, b...) }

func (a *author) condition() { a.emit(code.OpLocalGet, 1, 0xa7, code.OpI32Const, 3, 0x71) }

// target is any label; loops count their turns.
func (a *author) target() byte { return byte(a.IntN(len(a.labels))) }

// turn leaves the function when turns are used up.
func (a *author) turn() {
	a.emit(code.OpLocalGet, 0, code.OpI64Const, 1, code.OpI64Sub, code.OpLocalTee, 0, code.OpI64Const, 0, 0x53,
		code.OpIf, code.Void, code.OpLocalGet, 1, code.OpReturn, code.OpEnd)
}

// numbered writes pieces that jump to each other as Go's compiler has them.
func (a *author) numbered(depth int) {
	pieces := 2 + a.IntN(4)
	a.labels = append(a.labels, code.OpLoop)
	a.emit(code.OpLoop, code.Void)
	for range pieces {
		a.labels = append(a.labels, code.OpBlock)
		a.emit(code.OpBlock, code.Void)
	}
	a.emit(code.OpLocalGet, number, code.OpBrTable, byte(pieces))
	for range pieces + 1 {
		a.emit(byte(a.IntN(pieces)))
	}
	for left := pieces - 1; left >= 0; left-- {
		a.emit(code.OpEnd)
		a.labels = a.labels[:len(a.labels)-1]
		a.turn()
		a.statement(depth - 1)
		a.condition()
		a.emit(code.OpIf, code.Void, code.OpI32Const, byte(a.IntN(pieces+2)), code.OpLocalSet, number, code.OpBr, byte(left+1), code.OpEnd)
	}
	a.emit(code.OpEnd)
	a.labels = a.labels[:len(a.labels)-1]
}

func (a *author) block(op byte, depth int) {
	a.labels = append(a.labels, op)
	a.emit(op, code.Void)
	if op == code.OpLoop {
		a.turn()
	}
	for range 1 + a.IntN(4) {
		a.statement(depth - 1)
	}
	if op == code.OpIf && a.IntN(2) == 0 {
		a.emit(code.OpElse)
		for range a.IntN(3) {
			a.statement(depth - 1)
		}
	}
	a.emit(code.OpEnd)
	a.labels = a.labels[:len(a.labels)-1]
}

// function is a body of type (i64, i64) → i64. Which NaN a float is does not show
// in it: that is what differs before and after.
func (a *author) function(statements int) []byte {
	a.b, a.size, a.labels = []byte{3, 1, code.I64, 1, code.F64, 1, code.I32, code.OpBlock, code.Void}, 0, []byte{code.OpBlock}
	for range statements {
		a.statement(5)
	}
	a.emit(code.OpEnd, code.OpLocalGet, 1, code.OpLocalGet, scratch, 0xfc, 6, code.OpI64Add, code.OpEnd)
	return a.b
}

func (a *author) module() []byte {
	long := a.function(12)
	callee := []byte{0, code.OpLocalGet, 0, code.OpI64Const, 3, 0x83, 0x50, code.OpIf, code.I64, code.OpLocalGet, 1, code.OpElse,
		code.OpLocalGet, 1, code.OpI64Const, 7, 0x85, code.OpEnd, code.OpEnd}
	m := &code.Module{
		Types:     []code.Type{{Params: []byte{code.I64, code.I64}, Results: []byte{code.I64}}},
		Functions: []uint32{0, 0},
		Memory:    &code.Limits{Min: 1},
		Exports:   []code.Export{{Name: "f", Kind: code.KindFunction}},
		Bodies:    [][]byte{long, callee},
	}
	return m.Encode()
}

// Random functions answer the same before and after, on both engines, and cost
// the same on both, and as if every instruction were charged for on its own.
func TestRandomFunctionsAnswerAndCostTheSame(t *testing.T) {
	const perEngine = 25 // modules; an engine keeps what it has compiled
	ctx := context.Background()
	engines := uint64(12)
	if testing.Short() {
		engines = 1
	}
	for i := range engines {
		s := *seed + i
		a := &author{Rand: rand.New(rand.NewPCG(s, 0))}
		naive := newMachine(t, "naive meter", wazero.NewRuntimeConfigInterpreter())
		naive.rewrite = meter.RewriteEverywhere
		plain := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigInterpreter().WithCoreFeatures(features))
		all := append(machines(t), naive)
		for n := range perEngine {
			module := a.module()
			original, err := plain.InstantiateWithConfig(ctx, module, wazero.NewModuleConfig().WithName(""))
			if err != nil {
				t.Fatalf("seed %d, module %d is not valid: %v\n%x", s, n, err, module)
			}
			for _, arg := range []uint64{0, 1, 7, 0xfffffffffffffff3} {
				want, err := original.ExportedFunction("f").Call(ctx, 40, arg)
				if err != nil {
					t.Fatalf("seed %d, module %d: %v", s, n, err)
				}
				var fuel []int64
				for _, m := range all {
					g := load(t, m, module)
					got, err := g.call("f", 40, arg)
					if err != nil || got[0] != want[0] {
						t.Fatalf("seed %d, module %d on the %s: f(40, %d) = %x, %v; want %x\n%x", s, n, m.name, arg, got, err, want, module)
					}
					fuel = append(fuel, g.used())
					_ = g.Close(ctx)
				}
				if fuel[0] != fuel[1] || fuel[0] != fuel[2] {
					t.Fatalf("seed %d, module %d: f(40, %d) costs %d, %d, naively %d\n%x", s, n, arg, fuel[0], fuel[1], fuel[2], module)
				}
			}
			_ = original.Close(ctx)
		}
		_ = plain.Close(ctx)
		for _, m := range all {
			_ = m.Close(ctx)
		}
	}
}
