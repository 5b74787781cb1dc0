package meter_test

import (
	"errors"
	"testing"

	"github.com/weft-network/weft/wasm/internal/code"
	"github.com/weft-network/weft/wasm/meter"
)

// What a function costs, said in numbers: any change is another version.
func TestTheScheduleIsWhatTheVersionNames(t *testing.T) {
	if meter.Version != "meter 3: jumps 2, stretches 1, nan 1, depth 1, fuel 1" {
		t.Error("another version: say what it costs here")
	}
	fconst := []byte{code.OpF64Const, 0, 0, 0, 0, 0, 0, 0, 0}
	for name, c := range map[string]struct {
		module []byte
		fuel   int64
	}{
		"a constant":        {one(0, 0, []byte{code.OpI64Const, 1}), 1},
		"blocks are free":   {one(0, 0, []byte{code.OpNop, code.OpBlock, code.Void, code.OpEnd, code.OpI64Const, 1}), 1},
		"return":            {one(0, 0, []byte{code.OpI64Const, 1, code.OpReturn}), 2},
		"dead code is free": {one(0, 0, []byte{code.OpI64Const, 1, code.OpReturn, code.OpI64Const, 1, code.OpDrop}), 2},
		"a float":           {one(0, 0, fconst, fconst, []byte{0xa0, 0xbd}), 2 + 7 + 1},
		"if taken":          {one(0, 0, []byte{code.OpI32Const, 1, code.OpIf, code.I64, code.OpI64Const, 1, code.OpElse, code.OpI64Const, 1, code.OpI64Const, 1, code.OpI64Add, code.OpEnd}), 3},
		"if not taken":      {one(0, 0, []byte{code.OpI32Const, 0, code.OpIf, code.I64, code.OpI64Const, 1, code.OpElse, code.OpI64Const, 1, code.OpI64Const, 1, code.OpI64Add, code.OpEnd}), 5},
		"growing":           {one(0, 0, []byte{code.OpI32Const, 0, code.OpMemoryGrow, 0, 0xac}), 52},
		"filling 800":       {one(0, 0, []byte{code.OpI32Const, 0, code.OpI32Const, 0, code.OpI32Const, 0xa0, 6, 0xfc, 11, 0, code.OpI64Const, 1}), 3 + 5 + 100 + 1},
		"copying 7":         {one(0, 0, []byte{code.OpI32Const, 0, code.OpI32Const, 0, code.OpI32Const, 7, 0xfc, 10, 0, 0, code.OpI64Const, 1}), 3 + 5 + 1},
		// calls itself once: the condition is the parameter
		"calls": {one(1, 0, []byte{code.OpLocalGet, 0, 0x50, code.OpIf, code.Void, code.OpI64Const, 0, code.OpReturn, code.OpEnd,
			code.OpI64Const, 0, code.OpCall, 0}), 12 + 3 + 1 + 5 + 12 + 3 + 2},
		// the loop itself is executed once
		"a loop": {one(0, 1, []byte{code.OpLoop, code.Void, code.OpLocalGet, 0, code.OpI64Const, 1, code.OpI64Add, code.OpLocalSet, 0,
			code.OpLocalGet, 0, code.OpI64Const, 10, 0x54, code.OpBrIf, 0, code.OpEnd, code.OpI64Const, 1}), 1 + 10*8 + 1},
	} {
		for _, m := range machines(t) {
			g := load(t, m, c.module)
			args := []uint64{1}[:len(g.ExportedFunction("f").Definition().ParamTypes())]
			if _, err := g.call("f", args...); err != nil {
				t.Errorf("%s on the %s: %v", name, m.name, err)
			}
			if g.used() != c.fuel {
				t.Errorf("%s on the %s: %d units, want %d", name, m.name, g.used(), c.fuel)
			}
		}
	}
}

// Endless work of every kind ends where the budget does, soon after it, and at
// the same unit on both engines.
func TestEndlessWorkEndsWithTheBudget(t *testing.T) {
	fill := []byte{code.OpI32Const, 0, code.OpI32Const, 0, code.OpI32Const, 0x80, 0x80, 4, 0xfc, 11, 0}
	for name, module := range map[string][]byte{
		"an empty loop":     one(0, 0, []byte{code.OpLoop, code.Void, code.OpBr, 0, code.OpEnd, code.OpUnreachable}),
		"a loop of br_if":   one(0, 0, []byte{code.OpLoop, code.Void, code.OpI32Const, 1, code.OpBrIf, 0, code.OpEnd, code.OpUnreachable}),
		"a loop of a table": one(0, 0, []byte{code.OpLoop, code.Void, code.OpBlock, code.Void, code.OpI32Const, 1, code.OpBrTable, 2, 0, 1, 0, code.OpEnd, code.OpEnd, code.OpUnreachable}),
		"nested loops": one(0, 0, []byte{code.OpLoop, code.Void, code.OpLoop, code.Void, code.OpI32Const, 1, code.OpBrIf, 1, code.OpEnd,
			code.OpBr, 0, code.OpEnd, code.OpUnreachable}),
		"exponential calls": one(1, 0, []byte{code.OpLocalGet, 0, code.OpI64Const, 0xe8, 7, 0x53, code.OpIf, code.Void,
			code.OpLocalGet, 0, code.OpI64Const, 1, code.OpI64Add, code.OpCall, 0, code.OpDrop,
			code.OpLocalGet, 0, code.OpI64Const, 1, code.OpI64Add, code.OpCall, 0, code.OpDrop, code.OpEnd, code.OpI64Const, 0}),
		"straight fills": one(0, 0, times(1000, fill...), []byte{code.OpI64Const, 0}),
	} {
		var used []int64
		for _, m := range machines(t) {
			m.budget = 1_000_000
			g := load(t, m, module)
			_, err := g.call("f", make([]uint64, len(g.ExportedFunction("f").Definition().ParamTypes()))...)
			if !errors.Is(err, errExhausted) {
				t.Errorf("%s on the %s: %v", name, m.name, err)
			}
			if over := g.used() - m.budget; over < 0 || over > 10_000 {
				t.Errorf("%s on the %s: ended %d units after the budget", name, m.name, over)
			}
			used = append(used, g.used())
		}
		if used[0] != used[1] {
			t.Errorf("%s: %d units on one engine, %d on the other", name, used[0], used[1])
		}
	}
}
