package wasmtest

import "github.com/weft-network/weft/wasm/abi"

// op is a numeric instruction: what it takes and gives, and whether what it
// gives may be a NaN of any bits.
type op struct {
	code      Code
	signature abi.Signature
	nan       bool
}

// traps says that many operands make it trap: divisions, and conversions to
// integers that do not saturate.
func (o op) traps() bool {
	b := o.code[0]
	return b >= 0x6d && b <= 0x70 || b >= 0x7f && b <= 0x82 || b >= 0xa8 && b <= 0xab || b >= 0xae && b <= 0xb1
}

// numericOps are all numeric instructions of the features that chaincode may
// use, constants aside.
func numericOps() []op {
	var all []op
	add := func(signature abi.Signature, nan bool, first, last byte) {
		for b := int(first); b <= int(last); b++ {
			all = append(all, op{Code{byte(b)}, signature, nan})
		}
	}
	add("i:i", false, 0x45, 0x45) // eqz
	add("ii:i", false, 0x46, 0x4f)
	add("I:i", false, 0x50, 0x50)
	add("II:i", false, 0x51, 0x5a)
	add("ff:i", false, 0x5b, 0x60)
	add("FF:i", false, 0x61, 0x66)
	add("i:i", false, 0x67, 0x69) // clz, ctz, popcnt
	add("ii:i", false, 0x6a, 0x78)
	add("I:I", false, 0x79, 0x7b)
	add("II:I", false, 0x7c, 0x8a)
	add("f:f", false, 0x8b, 0x8c) // abs, neg
	add("f:f", true, 0x8d, 0x91)  // ceil, floor, trunc, nearest, sqrt
	add("ff:f", true, 0x92, 0x97) // add, sub, mul, div, min, max
	add("ff:f", false, 0x98, 0x98)
	add("F:F", false, 0x99, 0x9a)
	add("F:F", true, 0x9b, 0x9f)
	add("FF:F", true, 0xa0, 0xa5)
	add("FF:F", false, 0xa6, 0xa6)
	add("I:i", false, 0xa7, 0xa7) // wrap
	add("f:i", false, 0xa8, 0xa9)
	add("F:i", false, 0xaa, 0xab)
	add("i:I", false, 0xac, 0xad)
	add("f:I", false, 0xae, 0xaf)
	add("F:I", false, 0xb0, 0xb1)
	add("i:f", false, 0xb2, 0xb3)
	add("I:f", false, 0xb4, 0xb5)
	add("F:f", true, 0xb6, 0xb6) // demote
	add("i:F", false, 0xb7, 0xb8)
	add("I:F", false, 0xb9, 0xba)
	add("f:F", true, 0xbb, 0xbb) // promote
	add("f:i", false, 0xbc, 0xbc)
	add("F:I", false, 0xbd, 0xbd)
	add("i:f", false, 0xbe, 0xbe)
	add("I:F", false, 0xbf, 0xbf)
	add("i:i", false, 0xc0, 0xc1) // sign extension
	add("I:I", false, 0xc2, 0xc4)
	for i, s := range []abi.Signature{"f:i", "f:i", "F:i", "F:i", "f:I", "f:I", "F:I", "F:I"} {
		all = append(all, op{Code{opPrefix, byte(i)}, s, false}) // saturating
	}
	return all
}

// access is a load or store of a type.
type access struct {
	op    byte
	value byte
}

func loads() []access {
	return []access{{0x28, 'i'}, {0x29, 'I'}, {0x2a, 'f'}, {0x2b, 'F'},
		{0x2c, 'i'}, {0x2d, 'i'}, {0x2e, 'i'}, {0x2f, 'i'},
		{0x30, 'I'}, {0x31, 'I'}, {0x32, 'I'}, {0x33, 'I'}, {0x34, 'I'}, {0x35, 'I'}}
}

func stores() []access {
	return []access{{0x36, 'i'}, {0x37, 'I'}, {0x38, 'f'}, {0x39, 'F'},
		{0x3a, 'i'}, {0x3b, 'i'}, {0x3c, 'I'}, {0x3d, 'I'}, {0x3e, 'I'}}
}
