package meter_test

import (
	"bytes"
	"testing"

	"github.com/weft-network/weft/wasm/internal/code"
	"github.com/weft-network/weft/wasm/meter"
)

// Instructions of bodies whose local variables 0 and 1 are parameters, i32 and i64,
// and 2 the first one that is added.
var (
	pointer = []byte{code.OpLocalGet, 0}
	wide    = []byte{code.OpLocalGet, 1, code.OpI32Wrap}
	added   = []byte{code.OpLocalGet, 2}
	drop    = []byte{code.OpDrop}
)

// above is what Go's compiler writes to add a number to an i32.
func above(n byte) []byte {
	return []byte{code.OpI64ExtendU, code.OpI64Const, n, code.OpI64Add, code.OpI32Wrap}
}

func read64(offset byte) []byte { return []byte{0x29, 3, offset} }

// look is the check of bytes below end.
func look(end byte) []byte { return []byte{code.OpI32Load8U, 0, end - 1, code.OpDrop} }

func TestAddressesOfAStretchAreOffsetsToOne(t *testing.T) {
	get := func(address []byte, offset byte) []byte { return join(address, read64(offset), drop) }
	lower := []byte{code.OpLocalGet, 0, code.OpI32Const, 8, code.OpI32Sub, code.OpLocalSet, 0}
	set := func(instructions ...byte) []byte { return append(instructions, code.OpLocalSet, 2) }
	for name, c := range map[string]struct{ body, want []byte }{
		"one":                {get(pointer, 8), nil},
		"the furthest last":  {join(get(pointer, 0), get(pointer, 8)), join(pointer, look(16), get(pointer, 0), get(pointer, 8))},
		"the furthest first": {join(get(pointer, 8), get(pointer, 0)), nil},
		"a sum, where the address is known to be within memory": {join(get(pointer, 0), get(join(pointer, above(8)), 4)),
			join(pointer, look(20), get(pointer, 0), get(pointer, 12))},
		"a sum before that": {join(get(join(pointer, above(8)), 4), get(pointer, 0)),
			join(get(pointer, 12), get(pointer, 0))},
		"a sum of which nothing else is known": {get(join(pointer, above(8)), 4),
			get(join(pointer, []byte{code.OpI32Const, 8, code.OpI32Add}), 4)},
		"an i64 is made an i32 once": {join(get(wide, 0), get(wide, 8)),
			join([]byte{0}, set(code.OpLocalGet, 1, code.OpI32Wrap), added, look(16), get(added, 0), get(added, 8))},
		"an i64 that is used once": {get(wide, 8), nil},
		"one that is lowered": {join(get(pointer, 4), lower, get(pointer, 0)),
			join([]byte{0}, set(code.OpLocalGet, 0, code.OpI32Const, 0x78, code.OpI32Add), get(added, 12), added,
				[]byte{code.OpLocalSet, 0}, get(added, 0))},
		"one that becomes unknown": {join(get(pointer, 0), []byte{code.OpI32Const, 0, code.OpLocalSet, 0}, get(pointer, 8)), nil},
		"across a block's end":     {join(get(pointer, 0), []byte{code.OpBlock, code.Void, code.OpEnd}, get(pointer, 8)), nil},
		"across what may trap":     {join(get(pointer, 0), pointer, pointer, []byte{0x6d}, drop, get(pointer, 8)), nil},
		"where nothing comes":      {join([]byte{code.OpUnreachable}, get(pointer, 0), get(pointer, 8)), nil},
		"a sum too far":            {join(get(pointer, 0), get(join(pointer, []byte{code.OpI32Const, 0x81, 0x80, 0x04, code.OpI32Add}), 0)), nil},
		"the least number":         {join(get(pointer, 0), get(join(pointer, []byte{code.OpI64ExtendU, code.OpI64Const}, times(9, 0x80), []byte{0x7f, code.OpI64Add, code.OpI32Wrap}), 0)), nil},
		"a sum of other types":     {join(get(pointer, 0), get(join(pointer, []byte{code.OpI64Const, 8, code.OpI32Add}), 0)), nil},
	} {
		want := []byte{0}
		switch {
		case c.want == nil:
			want = join(want, c.body, end)
		case c.want[0] == 0: // with a local variable more
			want = join([]byte{1, 1, code.I32}, c.want[1:], end)
		default:
			want = join(want, c.want, end)
		}
		got, err := meter.ShorterStretches(join([]byte{0}, c.body, end))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s:\n got %x, %v\nwant %x", name, got, err, want)
		}
	}
}

func TestConditionsAreWrittenInTheirShortestForm(t *testing.T) {
	const eqz32, eqz64, extend, wrap = code.OpI32Eqz, code.OpI64Eqz, code.OpI64ExtendU, code.OpI32Wrap
	for name, c := range map[string]struct{ from, want []byte }{
		"less, turned around":   {[]byte{0x53, eqz32}, []byte{0x59}},
		"less, turned twice":    {[]byte{0x53, eqz32, eqz32}, []byte{0x53}},
		"less, longer and back": {[]byte{0x53, extend, wrap}, []byte{0x53}},
		"less, longer":          {[]byte{0x53, extend}, nil},
		"less, as Go has it":    {[]byte{0x53, extend, eqz64, eqz32}, []byte{0x53}},
		"less, longer, turned":  {[]byte{0x53, extend, eqz64, extend}, []byte{0x59, extend}},
		"zero, turned around":   {[]byte{eqz64, eqz32}, []byte{code.OpI64Const, 0, code.OpI64Ne}},
		"zero, turned twice":    {[]byte{eqz32, eqz32, eqz32}, []byte{eqz32}},
		"floats, turned around": {[]byte{0x63, eqz32}, nil},
		"floats, turned twice":  {[]byte{0x63, eqz32, eqz32}, []byte{0x63}},
		"no comparison":         {[]byte{0x7c, eqz64}, nil},
		"of another type":       {[]byte{0x53, eqz64}, nil},
	} {
		if c.want == nil {
			c.want = c.from
		}
		got, err := meter.ShorterStretches(join([]byte{0}, c.from, drop, end))
		if want := join([]byte{0}, c.want, drop, end); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s:\n got %x, %v\nwant %x", name, got, err, want)
		}
	}
}
