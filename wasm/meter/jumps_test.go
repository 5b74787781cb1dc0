package meter_test

import (
	"bytes"
	"testing"

	"github.com/weft-network/weft/wasm/internal/code"
	"github.com/weft-network/weft/wasm/meter"
)

func TestAJumpThroughATableLeadsWhereItEnds(t *testing.T) {
	set := func(number, local byte) []byte { return []byte{code.OpI32Const, number, code.OpLocalSet, local} }
	branch := func(label byte) []byte { return []byte{code.OpBr, label} }
	within := func(op byte, inner ...[]byte) []byte { return join([]byte{op, code.Void}, join(inner...), end) }
	// Three blocks in a loop, the innermost of which holds the table. What is
	// given stands in the outermost: the others are closed.
	body := func(head, piece []byte) []byte {
		return join([]byte{1, 2, code.I32}, []byte{code.OpLoop, code.Void}, times(3, code.OpBlock, code.Void), head,
			end, end, piece, end, end, end)
	}
	head := []byte{code.OpLocalGet, 0, code.OpBrTable, 3, 0, 1, 2, 2}
	for name, c := range map[string]struct{ head, piece, want []byte }{
		"forward":                            {head, join(set(2, 0), branch(1)), join(set(2, 0), branch(0))},
		"forward, beyond the table":          {head, join(set(9, 0), branch(1)), join(set(9, 0), branch(0))},
		"forward, by a number below zero":    {head, join(set(0x7f, 0), branch(1)), join(set(0x7f, 0), branch(0))},
		"forward, from within":               {head, within(code.OpBlock, set(2, 0), branch(2)), within(code.OpBlock, set(2, 0), branch(1))},
		"back":                               {head, join(set(1, 0), branch(1)), nil},
		"back, to a level that is open anew": {head, within(code.OpBlock, set(1, 0), branch(2)), nil},
		"by another variable":                {head, join(set(2, 1), branch(1)), nil},
		"not to the loop":                    {head, join(set(2, 0), branch(2)), nil},
		"with something between":             {head, join(set(2, 0), []byte{code.OpNop}, branch(1)), nil},
		"by no constant":                     {head, join([]byte{code.OpLocalGet, 1, code.OpLocalSet, 0}, branch(1)), nil},
		"where nothing comes":                {head, join([]byte{code.OpUnreachable}, set(2, 0), branch(1)), nil},
		"a table after something else":       {join([]byte{code.OpNop}, head), join(set(2, 0), branch(1)), nil},
		"a table by two variables":           {join([]byte{code.OpLocalGet, 1}, head), join(set(2, 0), branch(1)), nil},
		"a table where nothing comes":        {join([]byte{code.OpUnreachable}, head), join(set(2, 0), branch(1)), nil},
		"a table in an if":                   {join([]byte{code.OpLocalGet, 1}, within(code.OpIf, head)), join(set(2, 0), branch(1)), nil},
	} {
		if c.want == nil {
			c.want = c.piece
		}
		got, err := meter.ShorterJumps(body(c.head, c.piece))
		if err != nil {
			t.Fatal(name, err)
		}
		if want := body(c.head, c.want); !bytes.Equal(got, want) {
			t.Errorf("%s:\n got %x\nwant %x", name, got, want)
		}
	}
}

func TestAJumpIntoACycleFromOutsideStays(t *testing.T) {
	head := []byte{code.OpLocalGet, 0, code.OpBrTable, 3, 0, 1, 2, 3}
	body := func(pieces [4][]byte) []byte {
		b := join([]byte{1, 1, code.I32}, []byte{code.OpLoop, code.Void}, times(4, code.OpBlock, code.Void), head)
		for _, piece := range pieces {
			b = join(b, end, piece)
		}
		return join(b, end, end)
	}
	// A jump from one piece to another: by way of the table, and straight.
	by := func(from, to byte) []byte {
		return []byte{code.OpI32Const, to, code.OpLocalSet, 0, code.OpBr, 3 - from}
	}
	straight := func(from, to byte) []byte {
		return []byte{code.OpI32Const, to, code.OpLocalSet, 0, code.OpBr, to - from - 1}
	}
	for name, c := range map[string]struct{ pieces, want [4][]byte }{
		"no cycle":            {[4][]byte{by(0, 2)}, [4][]byte{straight(0, 2)}},
		"to its beginning":    {[4][]byte{by(0, 1), nil, by(2, 1)}, [4][]byte{by(0, 1), nil, by(2, 1)}},
		"to its end":          {[4][]byte{by(0, 2), nil, by(2, 1)}, [4][]byte{by(0, 2), nil, by(2, 1)}},
		"into its middle":     {[4][]byte{by(0, 2), nil, nil, by(3, 1)}, [4][]byte{by(0, 2), nil, nil, by(3, 1)}},
		"into one piece":      {[4][]byte{by(0, 2), nil, by(2, 2)}, [4][]byte{by(0, 2), nil, by(2, 2)}},
		"beyond it":           {[4][]byte{by(0, 3), nil, by(2, 1)}, [4][]byte{straight(0, 3), nil, by(2, 1)}},
		"before it":           {[4][]byte{by(0, 1), nil, nil, by(3, 2)}, [4][]byte{straight(0, 1), nil, nil, by(3, 2)}},
		"within it":           {[4][]byte{nil, by(1, 2), by(2, 1)}, [4][]byte{nil, straight(1, 2), by(2, 1)}},
		"out of it":           {[4][]byte{nil, by(1, 3), by(2, 1)}, [4][]byte{nil, straight(1, 3), by(2, 1)}},
		"into an inner one":   {[4][]byte{by(0, 2), nil, by(2, 1), by(3, 0)}, [4][]byte{by(0, 2), nil, by(2, 1), by(3, 0)}},
		"within an outer one": {[4][]byte{by(0, 2), nil, by(2, 3), by(3, 0)}, [4][]byte{straight(0, 2), nil, straight(2, 3), by(3, 0)}},
	} {
		got, err := meter.ShorterJumps(body(c.pieces))
		if err != nil {
			t.Fatal(name, err)
		}
		if want := body(c.want); !bytes.Equal(got, want) {
			t.Errorf("%s:\n got %x\nwant %x", name, got, want)
		}
	}
}

func TestACallComesToTheFirstPieceWithoutTheTable(t *testing.T) {
	table := func(local byte) []byte { return []byte{code.OpLocalGet, local, code.OpBrTable, 2, 1, 0, 1} }
	straight := []byte{code.OpLocalGet, 0, code.OpI32Eqz, code.OpBrIf, 1}
	block := []byte{code.OpBlock, code.Void}
	within := func(parts ...[]byte) []byte {
		return join([]byte{1, 1, code.I32}, times(2, code.OpBlock, code.Void), join(parts...), end, end, end)
	}
	for name, c := range map[string]struct{ body, want []byte }{
		"by the parameter":      {within(table(0)), within(straight, table(0))},
		"by another variable":   {within(table(1)), nil},
		"not the first table":   {within(block, table(1), end, table(0)), nil},
		"where nothing comes":   {within([]byte{code.OpUnreachable}, table(0)), nil},
		"by what becomes of it": {within([]byte{code.OpLocalGet, 0, code.OpI32Eqz, code.OpBrTable, 1, 1, 0}), nil},
		"where a jump comes back to it": {join([]byte{1, 1, code.I32}, []byte{code.OpLoop, code.Void}, times(2, code.OpBlock, code.Void), table(0), end, end,
			[]byte{code.OpI32Const, 0, code.OpLocalSet, 0, code.OpBr, 0}, end, end), nil},
		"only the first of two of it": {within(block, table(0), end, table(0)), within(block, straight, table(0), end, table(0))},
	} {
		if c.want == nil {
			c.want = c.body
		}
		got, err := meter.ShorterJumps(c.body, code.I32)
		if err != nil || !bytes.Equal(got, c.want) {
			t.Errorf("%s:\n got %x, %v\nwant %x", name, got, err, c.want)
		}
	}
}
