//go:build (amd64 || arm64) && !purego

package ident

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/asn1"
	"math/big"
	"math/rand/v2"
	"testing"

	"filippo.io/nistec"
)

// Our own verification must judge every signature as the library does, also
// those that somebody made to break it: whoever signs may choose the key, the
// digest and both numbers. group helps to make them.
type group struct{ n, p *big.Int }

func newGroup() group {
	params := elliptic.P256().Params()
	return group{params.N, params.P}
}

func (g group) mod(x *big.Int) *big.Int { return new(big.Int).Mod(x, g.n) }

func (g group) mul(a, b *big.Int) *big.Int { return g.mod(new(big.Int).Mul(a, b)) }

func (g group) add(a, b *big.Int) *big.Int { return g.mod(new(big.Int).Add(a, b)) }

func (g group) div(a, b *big.Int) *big.Int { return g.mul(a, new(big.Int).ModInverse(b, g.n)) }

func (g group) random(rnd *rand.Rand) *big.Int {
	k := new(big.Int)
	for range 5 {
		k.Lsh(k, 64).Or(k, new(big.Int).SetUint64(rnd.Uint64()))
	}
	return g.add(k, new(big.Int))
}

// point is k·Q, or k·G for nil.
func (g group) point(tb testing.TB, q *nistec.P256Point, k *big.Int) *nistec.P256Point {
	tb.Helper()
	raw := g.mod(k).FillBytes(make([]byte, 32))
	sum, err := nistec.NewP256Point().ScalarBaseMult(raw)
	if q != nil {
		sum, err = nistec.NewP256Point().ScalarMult(q, raw)
	}
	if err != nil {
		tb.Fatal(err)
	}
	return sum
}

// key is the public key at a point; nil at infinity.
func (g group) key(tb testing.TB, q *nistec.P256Point) *ecdsa.PublicKey {
	tb.Helper()
	raw := q.Bytes()
	if len(raw) == 1 {
		return nil
	}
	pub, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), raw)
	if err != nil {
		tb.Fatal(err)
	}
	return pub
}

// recovered is the key for which (r, s) is a good signature of e, where the
// point that is checked has the x coordinate given: r, or r + n. It is nil if no
// point has it.
func (g group) recovered(tb testing.TB, x, r, s, e *big.Int) *ecdsa.PublicKey {
	tb.Helper()
	if x.Cmp(g.p) >= 0 || r.Sign() <= 0 || s.Sign() <= 0 {
		return nil
	}
	point, err := nistec.NewP256Point().SetBytes(append([]byte{2}, x.FillBytes(make([]byte, 32))...))
	if err != nil {
		return nil
	}
	sr := g.point(tb, point, g.div(s, r))
	eg := g.point(tb, nil, g.div(new(big.Int).Neg(e), r))
	return g.key(tb, sr.Add(sr, eg))
}

// judged compares both, and tells what they say.
func judged(tb testing.TB, t *table, pub *ecdsa.PublicKey, digest [32]byte, r, s *big.Int) bool {
	tb.Helper()
	want := ecdsa.Verify(pub, digest[:], r, s)
	if got := t.verify(&digest, r, s); got != want {
		raw, _ := pub.Bytes()
		tb.Fatalf("key %x, digest %x, r %x, s %x: the table says %v, the library %v", raw, digest, r, s, got, want)
	}
	return want
}

func digestOf(e *big.Int) (d [32]byte) {
	e.FillBytes(d[:])
	return d
}

// edges are the numbers around which arithmetic modulo n and p goes wrong.
func (g group) edges() []*big.Int {
	var all []*big.Int
	half, top := new(big.Int).Rsh(g.n, 1), new(big.Int).Lsh(big.NewInt(1), 256)
	for _, at := range []*big.Int{new(big.Int), half, g.n, g.p, new(big.Int).Sub(g.p, g.n), top} {
		for d := int64(-2); d <= 2; d++ {
			all = append(all, new(big.Int).Add(at, big.NewInt(d)))
		}
	}
	return all
}

// edgeKeys are G and 2G, keys whose first window ends around G, and those that
// have G in their second window and in their last; and the negatives of all.
func (g group) edgeKeys() []*big.Int {
	half := new(big.Int).ModInverse(big.NewInt(2), g.n)
	second := new(big.Int).ModInverse(new(big.Int).Lsh(big.NewInt(1), keyBits), g.n)
	last := new(big.Int).ModInverse(new(big.Int).Lsh(big.NewInt(1), 256/keyBits*keyBits), g.n)
	const digits = 1 << (generatorBits - 1)
	var all []*big.Int
	for _, k := range []*big.Int{big.NewInt(1), big.NewInt(2), big.NewInt(digits - 1), big.NewInt(digits), half, second, last} {
		all = append(all, k, g.mod(new(big.Int).Neg(k)))
	}
	return all
}

func TestTablesJudgeEdgeNumbersAsTheLibraryDoes(t *testing.T) {
	g := newGroup()
	keys := g.edgeKeys()
	if testing.Short() {
		keys = keys[:2]
	}
	digests := []*big.Int{new(big.Int), big.NewInt(1), new(big.Int).Sub(g.n, big.NewInt(1)), g.n,
		new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 256), big.NewInt(1))}
	for _, k := range keys {
		pub := &privateKey(t, k).PublicKey
		table := newTable(pub)
		for _, e := range digests {
			for _, r := range g.edges() {
				for _, s := range g.edges() {
					judged(t, table, pub, digestOf(e), r, s)
				}
			}
		}
	}
}

// With the key chosen last, edge numbers are good signatures; among them are
// those whose point has an x beyond n, so that r is x - n.
func TestTablesAcceptGoodSignaturesOfEdgeNumbers(t *testing.T) {
	g := newGroup()
	good, beyond := 0, 0
	step := 1
	if testing.Short() {
		step = 5
	}
	edges := g.edges()
	small := make([]*big.Int, 16) // some of them plus n are the x of a point
	for i := range small {
		small[i] = big.NewInt(int64(i) + 3)
	}
	for _, r := range append(small, edges...) {
		for i := 0; i < len(edges); i += step {
			s, e := edges[i], edges[(7*i+3)%len(edges)]
			if r.Cmp(g.n) >= 0 || s.Cmp(g.n) >= 0 || s.Sign() <= 0 || e.Sign() < 0 || e.BitLen() > 256 {
				continue
			}
			for _, x := range []*big.Int{r, new(big.Int).Add(r, g.n)} {
				pub := g.recovered(t, x, r, s, e)
				if pub == nil {
					continue
				}
				table := newTable(pub)
				if !judged(t, table, pub, digestOf(e), r, s) {
					t.Fatalf("r %x, s %x, digest %x: a good signature is refused", r, s, e)
				}
				good++
				if x.Cmp(g.n) >= 0 {
					beyond++
				}
				judged(t, table, pub, digestOf(e), s, r)
			}
		}
	}
	if good == 0 || beyond == 0 {
		t.Fatalf("%d good signatures, %d of them beyond n", good, beyond)
	}
}

// Products of few digits, whose sums are infinity or meet at their end.
func TestTablesAddPointsThatMeetAtTheEnd(t *testing.T) {
	g := newGroup()
	const seed = 13
	rnd := rand.New(rand.NewPCG(seed, seed))
	keys := append(g.edgeKeys(), g.random(rnd))
	if testing.Short() {
		keys = keys[len(keys)-2:]
	}
	top := new(big.Int).Lsh(big.NewInt(1), 255)
	const digits = 1 << (keyBits - 1)
	for _, d := range keys {
		pub := &privateKey(t, d).PublicKey
		table := newTable(pub)
		for _, u2 := range []*big.Int{big.NewInt(1), big.NewInt(digits - 1), big.NewInt(digits), big.NewInt(digits + 1), big.NewInt(2 * digits), top, g.mod(big.NewInt(-1))} {
			for _, u1 := range []*big.Int{new(big.Int), g.mul(d, u2), g.mod(new(big.Int).Neg(g.mul(d, u2))), big.NewInt(1)} {
				g.checkProducts(t, table, pub, d, u1, u2, rnd)
			}
		}
	}
}

// checkProducts judges the signature that makes a verifier compute u1·G + u2·Q,
// of the key d: a good one if the sum is a point, a bad one of any r anyway.
func (g group) checkProducts(t *testing.T, table *table, pub *ecdsa.PublicKey, d, u1, u2 *big.Int, rnd *rand.Rand) {
	t.Helper()
	r, want := g.random(rnd), false
	if x, err := g.point(t, nil, g.add(u1, g.mul(u2, d))).BytesX(); err == nil {
		r, want = g.mod(new(big.Int).SetBytes(x)), true
	}
	s := g.div(r, u2)
	e := g.mul(u1, s)
	if got := judged(t, table, pub, digestOf(e), r, s); got != want {
		t.Fatalf("u1 %x, u2 %x of key %x: %v, want %v", u1, u2, d, got, want)
	}
	other := g.random(rnd)
	s = g.div(other, u2)
	judged(t, table, pub, digestOf(g.mul(u1, s)), other, s)
}

func TestTablesJudgeAlteredSignaturesAsTheLibraryDoes(t *testing.T) {
	g := newGroup()
	const seed = 12
	rnd := rand.New(rand.NewPCG(seed, seed))
	rounds := 40
	if testing.Short() {
		rounds = 4
	}
	for range rounds {
		key := privateKey(t, g.random(rnd))
		table := newTable(&key.PublicKey)
		for range 25 {
			digest := sha256.Sum256(g.random(rnd).Bytes())
			r, s := sign(t, key, digest)
			if !judged(t, table, &key.PublicKey, digest, r, s) {
				t.Fatal("a good signature is refused")
			}
			switch rnd.IntN(5) {
			case 0:
				digest[rnd.IntN(32)] ^= 1 << rnd.IntN(8)
			case 1:
				r = flip(r, rnd.IntN(257))
			case 2:
				s = flip(s, rnd.IntN(257))
			case 3:
				r, s = g.mod(new(big.Int).Neg(r)), g.mod(new(big.Int).Neg(s))
			case 4:
				r, s = g.random(rnd), g.random(rnd)
			}
			judged(t, table, &key.PublicKey, digest, r, s)
		}
	}
}

func flip(x *big.Int, bit int) *big.Int {
	return new(big.Int).SetBit(x, bit, x.Bit(bit)^1)
}

// Messages of any length, signatures as they travel.
func TestSignaturesAreJudgedAlikeWithAndWithoutTable(t *testing.T) {
	key := privateKey(t, big.NewInt(77))
	with, without := lookups(newTable(&key.PublicKey))
	for length := range 70 {
		msg := make([]byte, length)
		digest := sha256.Sum256(msg)
		r, s := sign(t, key, digest)
		low, err := toLowS(key.Curve, mustMarshal(t, r, s))
		if err != nil {
			t.Fatal(err)
		}
		for _, sig := range [][]byte{low, append(low, 1, 2, 3), low[:len(low)-1], nil, {0x30, 0}, mustMarshal(t, s, r)} {
			a := verifySignature(&key.PublicKey, msg, digest, sig, with)
			b := verifySignature(&key.PublicKey, msg, digest, sig, without)
			if (a == nil) != (b == nil) {
				t.Fatalf("%d bytes, signature %x: %v with a table, %v without", length, sig, a, b)
			}
		}
		if err := verifySignature(&key.PublicKey, msg, digest, low, with); err != nil {
			t.Fatal(err)
		}
	}
}

func lookups(t *table) (with, without func(*ecdsa.PublicKey) *table) {
	return func(*ecdsa.PublicKey) *table { return t }, func(*ecdsa.PublicKey) *table { return nil }
}

func mustMarshal(tb testing.TB, r, s *big.Int) []byte {
	tb.Helper()
	raw, err := asn1.Marshal(ecdsaSignature{r, s})
	if err != nil {
		tb.Fatal(err)
	}
	return raw
}

// FuzzVerify takes the digest and both numbers from outside, for a key of a few,
// or for the key that makes them a good signature.
func FuzzVerify(f *testing.F) {
	g := newGroup()
	var keys []*ecdsa.PublicKey
	var tables []*table
	for _, k := range append(g.edgeKeys(), big.NewInt(1234567)) {
		pub := &privateKey(f, k).PublicKey
		keys, tables = append(keys, pub), append(tables, newTable(pub))
	}
	f.Add(uint8(0), []byte("digest"), []byte{1}, []byte{1})
	f.Add(uint8(1), make([]byte, 32), g.n.Bytes(), g.p.Bytes())
	f.Add(uint8(255), []byte{}, big.NewInt(5).Bytes(), new(big.Int).Rsh(g.n, 1).Bytes())
	digest := sha256.Sum256([]byte("message"))
	r, s := sign(f, privateKey(f, big.NewInt(1234567)), digest)
	f.Add(uint8(len(keys)-1), digest[:], r.Bytes(), s.Bytes())
	f.Fuzz(func(t *testing.T, which uint8, digest, rBytes, sBytes []byte) {
		if len(digest) > 32 || len(rBytes) > 40 || len(sBytes) > 40 {
			return
		}
		e, r, s := new(big.Int).SetBytes(digest), new(big.Int).SetBytes(rBytes), new(big.Int).SetBytes(sBytes)
		if which < 128 {
			i := int(which) % len(keys)
			judged(t, tables[i], keys[i], digestOf(e), r, s)
			return
		}
		r, s = g.mod(r), g.mod(s)
		x := new(big.Int).Set(r)
		if which >= 192 {
			x.Add(x, g.n)
		}
		pub := g.recovered(t, x, r, s, e)
		if pub != nil && !judged(t, newTable(pub), pub, digestOf(e), r, s) {
			t.Fatalf("r %x, s %x, digest %x: a good signature is refused", r, s, e)
		}
	})
}
