package shim

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

// Composite keys sort as the lists of their parts do, and those in the range of
// a prefix are those whose parts begin with its parts.
func FuzzCompositeKey(f *testing.F) {
	f.Add("type", "x", "y", "type", "x", "", byte(0x33))
	f.Add("a", "", "", "a", "", "", byte(0x12))
	f.Add("é", "\U0010FFFE", "a", "é", "\U0010FFFE\x01", "a", byte(0x32))
	f.Add("a", "b\x00", "", "\xff", "\U0010FFFF", "", byte(0x33))
	f.Add("a\x01", "b", "", "a", "\x01b", "", byte(0x22))
	f.Fuzz(func(t *testing.T, a0, a1, a2, b0, b1, b2 string, lengths byte) {
		checkOrder(t, []string{a0, a1, a2}[:1+lengths&0xf%3], []string{b0, b1, b2}[:1+lengths>>4%3])
	})
}

func TestCompositeKeysKeepTheOrderOfTheirParts(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	letters := []string{"", "a", "b", "\x01", "\x7f", "é", "\U0010FFFE", "\x00", "\U0010FFFF", "\xff"}
	list := func() (parts []string) {
		for range 1 + rng.IntN(3) {
			part := ""
			for range rng.IntN(3) {
				part += letters[rng.IntN(len(letters)-3+3*rng.IntN(20)/19)]
			}
			parts = append(parts, part)
		}
		return parts
	}
	for range 20_000 {
		checkOrder(t, list(), list())
	}
}

func checkOrder(t *testing.T, a, b []string) {
	t.Helper()
	x, errX := CreateCompositeKey(a[0], a[1:])
	y, errY := CreateCompositeKey(b[0], b[1:])
	if (errX == nil) != fit(a) || (errY == nil) != fit(b) {
		t.Fatalf("%q: %v; %q: %v", a, errX, b, errY)
	}
	if errX != nil || errY != nil {
		return
	}
	kind, rest, err := (&ChaincodeStub{}).SplitCompositeKey(x)
	if err != nil || !slices.Equal(append([]string{kind}, rest...), a) {
		t.Fatalf("%q became %q and then %q %q, %v", a, x, kind, rest, err)
	}
	if strings.Compare(x, y) != slices.Compare(a, b) {
		t.Fatalf("%q and %q are in another order than %q and %q", x, y, a, b)
	}
	begins := len(b) >= len(a) && slices.Equal(b[:len(a)], a)
	if in := y >= x && y < x+lastRune; in != begins {
		t.Fatalf("%q is in the range of %q: %t", y, x, in)
	}
}

// fit tells whether the parts can stand in a key, in the plainest way.
func fit(parts []string) bool {
	return !slices.ContainsFunc(parts, func(part string) bool {
		return strings.ToValidUTF8(part, "\x00") != part || strings.ContainsAny(part, "\x00\U0010FFFF")
	})
}
