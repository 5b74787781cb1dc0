//go:build (amd64 || arm64) && !purego

package ident

import (
	"bytes"
	"crypto/ecdsa"
	"math/big"
	"math/rand/v2"
	"testing"

	"filippo.io/nistec"
)

// Every entry is the multiple that it stands for, also of keys whose multiples
// are the generator's own.
func TestTablesHoldEachMultipleOfTheirKey(t *testing.T) {
	g := newGroup()
	keys := g.edgeKeys()
	if testing.Short() {
		keys = keys[len(keys)-1:]
	}
	for _, k := range keys {
		q := g.point(t, nil, k)
		table := newPoints(q.Bytes(), keyBits)
		for i := range table.windows() {
			base := g.point(t, q, new(big.Int).Lsh(big.NewInt(1), uint(i)*keyBits))
			sum := nistec.NewP256Point()
			for d, got := range table.at[i*table.digits():][:table.digits()] {
				sum.Add(sum, base)
				if raw := g.uncompressed(g.number(t, got.x), g.number(t, got.y)); !bytes.Equal(raw, sum.Bytes()) {
					t.Fatalf("key %x, window %d, digit %d: %x, want %x", k, i, d+1, raw, sum.Bytes())
				}
			}
		}
	}
}

// digitsOf is how a scalar is cut: from the lowest window, to the nearest
// multiple of a window, upwards from half.
func digitsOf(tb testing.TB, k *big.Int, windows int, bits uint) []int64 {
	tb.Helper()
	out := make([]int64, windows)
	rest := new(big.Int).Set(k)
	for i := range out {
		d := new(big.Int).And(rest, big.NewInt(1<<bits-1)).Int64()
		if d > 1<<(bits-1) {
			d -= 1 << bits
		}
		out[i] = d
		rest.Sub(rest, big.NewInt(d)).Rsh(rest, bits)
	}
	if rest.Sign() != 0 {
		tb.Fatalf("%x has more windows", k)
	}
	return out
}

// product is what a table computes before it judges: u1·G + u2·Q.
func (t *table) product(u1, u2 *big.Int) jacobian {
	var k [32]byte
	list := t.generator.pick(nil, (*[32]byte)(u1.FillBytes(k[:])))
	return sum(t.multiples.pick(list, (*[32]byte)(u2.FillBytes(k[:]))))
}

// scalars have the largest and the smallest digits of windows of a size, and none,
// with carries that run through all windows into the last.
func (g group) scalars(bits uint, rnd *rand.Rand) []*big.Int {
	half, full := int64(1)<<(bits-1), int64(1)<<bits
	choice := []int64{0, 1, half - 1, half, half + 1, full - 2, full - 1}
	var all []*big.Int
	for _, low := range choice {
		for _, rest := range choice {
			for _, high := range choice {
				k := big.NewInt(high)
				for range 256/bits - 1 {
					k.Lsh(k, bits).Add(k, big.NewInt(rest))
				}
				k.Lsh(k, bits).Add(k, big.NewInt(low))
				all = append(all, g.mod(k))
			}
		}
	}
	for _, k := range g.edges() {
		all = append(all, g.mod(k))
	}
	for range 50 {
		all = append(all, g.random(rnd))
	}
	return all
}

func TestTablesMultiplyByDigitsOfEverySize(t *testing.T) {
	g := newGroup()
	const seed = 31
	rnd := rand.New(rand.NewPCG(seed, seed))
	q := g.point(t, nil, big.NewInt(1234567))
	table := &table{multiples: newPoints(q.Bytes(), keyBits), generator: multiplesOfG()}
	for _, p := range []*points{table.multiples, table.generator} {
		windows, digits := p.windows(), int64(p.digits())
		seen, carried := map[int64]bool{}, false
		for _, k := range g.scalars(p.bits, rnd) {
			cut := digitsOf(t, k, windows, p.bits)
			for _, d := range cut[:windows-1] {
				seen[d] = true
			}
			top := new(big.Int).Rsh(k, uint(windows-1)*p.bits)
			carried = carried || cut[windows-1] == top.Int64()+1
			zero := new(big.Int)
			if got, want := g.read(t, table.product(k, zero)), g.point(t, nil, k).Bytes(); !bytes.Equal(got, want) {
				t.Fatalf("%x·G is %x, want %x", k, got, want)
			}
			if got, want := g.read(t, table.product(zero, k)), g.point(t, q, k).Bytes(); !bytes.Equal(got, want) {
				t.Fatalf("%x·Q is %x, want %x", k, got, want)
			}
		}
		for _, d := range []int64{digits, digits - 1, 1, 0, -1, 1 - digits} {
			if !seen[d] {
				t.Errorf("no scalar had the digit %d of %d bits", d, p.bits)
			}
		}
		if !carried {
			t.Errorf("no scalar had a carry into the last window of %d bits", p.bits)
		}
	}
}

// A sum of table entries may meet its next addend, or that one's negative, at any
// window of the key: the formula does not cover that, so the library must judge,
// and nothing that comes after may hide it. The generator's windows come first and
// none of their sums is large enough to meet.
func TestTablesLeaveSumsThatMeetToTheLibrary(t *testing.T) {
	g := newGroup()
	const seed = 11
	rnd := rand.New(rand.NewPCG(seed, seed))
	keys := append(g.edgeKeys(), g.random(rnd))
	if testing.Short() {
		keys = keys[len(keys)-2:]
	}
	for _, d := range keys {
		pub := &privateKey(t, d).PublicKey
		table := newTable(pub)
		for window := range table.multiples.windows() {
			for _, sign := range []int64{1, -1} {
				u1, u2 := g.meeting(t, d, table.multiples, window, sign, rnd)
				if p := table.product(u1, u2); p.z != (element{}) {
					t.Fatalf("key %x: sums do not meet at window %d (%d)", d, window, sign)
				}
				g.checkProducts(t, table, pub, d, u1, u2, rnd)
			}
		}
	}
}

// meeting gives numbers for which the sum of u1·G and the lower windows of u2·Q
// is the addend of a window, times sign.
func (g group) meeting(tb testing.TB, d *big.Int, q *points, window int, sign int64, rnd *rand.Rand) (u1, u2 *big.Int) {
	tb.Helper()
	for range 10_000 {
		u2 = g.random(rnd)
		cut := digitsOf(tb, u2, q.windows(), q.bits)
		if cut[window] == 0 {
			continue // most of all the last one, which only takes a carry
		}
		low, at := new(big.Int), uint(window)*q.bits
		for i, digit := range cut[:window] {
			low.Add(low, new(big.Int).Lsh(big.NewInt(digit), uint(i)*q.bits))
		}
		addend := new(big.Int).Lsh(big.NewInt(sign*cut[window]), at)
		return g.mul(d, g.mod(addend.Sub(addend, low))), u2
	}
	tb.Fatalf("no scalar has a digit in window %d", window)
	return nil, nil
}

// r is compared as a number, not modulo p: r = x + p - n has r + n = x modulo p.
func TestTablesRefuseAnXThatIsEqualOnlyModuloP(t *testing.T) {
	g := newGroup()
	tried := 0
	for x := int64(0); x < 12; x++ {
		r := new(big.Int).Add(big.NewInt(x), new(big.Int).Sub(g.p, g.n))
		s, e := big.NewInt(3), big.NewInt(4)
		pub := g.recovered(t, big.NewInt(x), r, s, e)
		if pub == nil {
			continue
		}
		tried++
		if judged(t, newTable(pub), pub, digestOf(e), r, s) {
			t.Fatalf("r %x for the x %d", r, x)
		}
	}
	if tried == 0 {
		t.Fatal("no such x is on the curve")
	}
}

// Numbers outside of 1 to n-1 would pass if only the sum were looked at: r as
// the x beyond n itself, -r of the negative key, -s.
func TestTablesRefuseNumbersOutOfRangeWhoseSumIsRight(t *testing.T) {
	g := newGroup()
	tried, beyond := 0, 0
	for low := range int64(24) {
		r, s, e := big.NewInt(low/2), big.NewInt(3), big.NewInt(4)
		x := new(big.Int).Add(r, g.n)
		if low%2 == 0 {
			x.Set(r)
		}
		pub := g.recovered(t, x, r, s, e)
		if pub == nil {
			continue
		}
		if tried++; x.Cmp(g.n) >= 0 {
			beyond++
		}
		table, digest := newTable(pub), digestOf(e)
		if !judged(t, table, pub, digest, r, s) {
			t.Fatalf("a good signature with r %x is refused", r)
		}
		raw, err := pub.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		y := new(big.Int).SetBytes(raw[33:])
		y.Sub(g.p, y).FillBytes(raw[33:])
		negative, err := ecdsa.ParseUncompressedPublicKey(pub.Curve, raw)
		if err != nil {
			t.Fatal(err)
		}
		minusR, minusS := new(big.Int).Neg(r), new(big.Int).Neg(s)
		if x.Cmp(g.n) >= 0 && judged(t, table, pub, digest, x, s) || judged(t, table, pub, digest, r, minusS) ||
			judged(t, newTable(negative), negative, digest, minusR, s) ||
			judged(t, table, pub, digest, r, new(big.Int).Add(s, g.n)) {
			t.Fatalf("r %x, s %x: a signature out of range is accepted", r, s)
		}
	}
	if beyond == 0 || beyond == tried {
		t.Fatalf("%d keys, %d of them with an x beyond n", tried, beyond)
	}
}
