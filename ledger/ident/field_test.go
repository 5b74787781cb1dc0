//go:build (amd64 || arm64) && !purego

package ident

import (
	"bytes"
	"math/big"
	"math/rand/v2"
	"os"
	"reflect"
	"testing"

	"filippo.io/nistec"
)

// What field.go takes from nistec is not promised to anybody there. These tests
// hold each function, alone, to what its comment says here; and the tables rely on
// results that are below p, and on results that may overwrite arguments.

// Tests find no difference that only some numbers show. Before this version is
// raised, compare the assembly of both and the declarations in p256_asm.go.
func TestNistecIsTheVersionThatWasRead(t *testing.T) {
	mod, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(mod, []byte("\tfilippo.io/nistec v0.0.4\n")) || bytes.Contains(mod, []byte("\nreplace")) {
		t.Fatal("nistec is not v0.0.4: read its p256Mul, p256Sqr, p256PointDoubleAsm and p256PointAddAffineAsm for amd64 and arm64 before you change this")
	}
}

func TestPointsLieInMemoryAsNistecHasThem(t *testing.T) {
	theirs, ours := reflect.TypeFor[nistec.P256Point](), reflect.TypeFor[jacobian]()
	if theirs.Size() != ours.Size() || theirs.NumField() != ours.NumField() {
		t.Fatalf("nistec's point is %v of %d bytes", theirs, theirs.Size())
	}
	for i := range theirs.NumField() {
		a, b := theirs.Field(i), ours.Field(i)
		if a.Name != b.Name || a.Offset != b.Offset || !a.Type.ConvertibleTo(b.Type) {
			t.Errorf("field %d of nistec's point is %s %v at %d", i, a.Name, a.Type, a.Offset)
		}
	}
}

// number of an element, out of Montgomery form. It must be below p.
func (g group) number(tb testing.TB, e element) *big.Int {
	tb.Helper()
	k := plain(e)
	if k.Cmp(g.p) >= 0 {
		tb.Fatalf("%x is not below p", k)
	}
	k.Mul(k, new(big.Int).ModInverse(new(big.Int).Lsh(big.NewInt(1), 256), g.p))
	return k.Mod(k, g.p)
}

func plain(e element) *big.Int {
	k := new(big.Int)
	for i := range e {
		k.Lsh(k, 64).Or(k, new(big.Int).SetUint64(e[len(e)-1-i]))
	}
	return k
}

func elementOf(k *big.Int) element {
	var b [32]byte
	return montgomery(k.FillBytes(b[:]))
}

// read is a point in the form of nistec.Bytes.
func (g group) read(tb testing.TB, q jacobian) []byte {
	tb.Helper()
	x, y, z := g.number(tb, q.x), g.number(tb, q.y), g.number(tb, q.z)
	if z.Sign() == 0 {
		return []byte{0}
	}
	z.ModInverse(z, g.p)
	square := new(big.Int).Mul(z, z)
	x.Mul(x, square).Mod(x, g.p)
	y.Mul(y, square.Mul(square, z)).Mod(y, g.p)
	return g.uncompressed(x, y)
}

func (g group) uncompressed(x, y *big.Int) []byte {
	out := make([]byte, 65)
	out[0] = 4
	x.FillBytes(out[1:33])
	y.FillBytes(out[33:])
	return out
}

// scaled is a point that is not infinity with the Z given.
func scaled(q *nistec.P256Point, z *big.Int) jacobian {
	a, e := affineOf(q), elementOf(z)
	out := jacobian{z: e}
	var square element
	sqr(&square, &e, 1)
	mul(&out.x, &a.x, &square)
	mul(&square, &square, &e)
	mul(&out.y, &a.y, &square)
	return out
}

func affineOf(q *nistec.P256Point) affine {
	raw := q.Bytes()
	return affine{montgomery(raw[1:33]), montgomery(raw[33:])}
}

func TestProductsAreThoseModuloP(t *testing.T) {
	g := newGroup()
	const seed = 21
	rnd := rand.New(rand.NewPCG(seed, seed))
	var numbers []*big.Int
	for _, k := range append(g.edges(), g.random(rnd), g.random(rnd), plain(one), plain(toMontgomery)) {
		if k.Sign() >= 0 && k.Cmp(g.p) < 0 {
			numbers = append(numbers, k)
		}
	}
	for _, a := range numbers {
		x := elementOf(a)
		if g.number(t, x).Cmp(a) != 0 {
			t.Fatalf("%x is %x in Montgomery form", a, x)
		}
		for _, b := range numbers {
			want := new(big.Int).Mul(a, b)
			want.Mod(want, g.p)
			y := elementOf(b)
			left, right, apart := x, y, element{}
			mul(&apart, &x, &y)
			mul(&left, &left, &y)
			mul(&right, &x, &right)
			if g.number(t, apart).Cmp(want) != 0 || left != apart || right != apart {
				t.Fatalf("%x times %x: %x %x %x", a, b, apart, left, right)
			}
		}
		for _, n := range []int{1, 2, 17} {
			want := new(big.Int).Exp(a, new(big.Int).Lsh(big.NewInt(1), uint(n)), g.p)
			same, apart := x, element{}
			sqr(&apart, &x, n)
			sqr(&same, &same, n)
			if g.number(t, apart).Cmp(want) != 0 || same != apart {
				t.Fatalf("%x squared %d times: %x %x", a, n, apart, same)
			}
		}
		want := new(big.Int).ModInverse(a, g.p)
		if want == nil {
			want = new(big.Int)
		}
		if got := inverse(&x); g.number(t, got).Cmp(want) != 0 {
			t.Fatalf("1/%x is %x", a, got)
		}
	}
}

func TestPointsAreDoubled(t *testing.T) {
	g := newGroup()
	for _, k := range []int64{1, -1, 2, 77} {
		q := g.point(t, nil, big.NewInt(k))
		want := nistec.NewP256Point().Double(q).Bytes()
		for _, z := range []*big.Int{big.NewInt(1), big.NewInt(5), new(big.Int).Sub(g.p, big.NewInt(1))} {
			same, apart := scaled(q, z), jacobian{}
			pointDouble(&apart, &same)
			pointDouble(&same, &same)
			if same != apart || !bytes.Equal(g.read(t, same), want) {
				t.Fatalf("twice %d·G with Z %x: %x or %x", k, z, apart, same)
			}
		}
	}
	nothing := jacobian{x: one, y: one}
	if pointDouble(&nothing, &nothing); nothing.z != (element{}) {
		t.Fatal("twice infinity is a point")
	}
}

func TestPointsAreAddedWhereTheyDoNotMeet(t *testing.T) {
	g := newGroup()
	q := g.point(t, nil, big.NewInt(1000))
	addend := affineOf(q)
	minus := g.point(t, nil, big.NewInt(-1000)).Bytes()
	for _, k := range []int64{0, 1, -1, 999, 1000, -1000, 2000, -2000} {
		point := g.point(t, nil, big.NewInt(k))
		for _, z := range []*big.Int{big.NewInt(1), big.NewInt(5), new(big.Int).Sub(g.p, big.NewInt(1))} {
			p := jacobian{x: one, y: one}
			if k != 0 {
				p = scaled(point, z)
			}
			for sign, other := range []*nistec.P256Point{q, g.point(t, nil, big.NewInt(-1000))} {
				want := nistec.NewP256Point().Add(point, other).Bytes()
				if k == 0 || k == 1000 || k == -1000 {
					want = []byte{0} // what the formula does not cover
				}
				if got := g.added(t, p, addend, sign, 1, 1); !bytes.Equal(got, want) {
					t.Errorf("%d·G ± 1000·G (%d), Z %x: %x, want %x", k, sign, z, got, want)
				}
				if got := g.added(t, p, addend, sign, 0, 1); !bytes.Equal(got, point.Bytes()) {
					t.Errorf("%d·G and nothing: %x", k, got)
				}
				if got := g.added(t, p, addend, sign, 1, 0); !bytes.Equal(got, [][]byte{q.Bytes(), minus}[sign]) {
					t.Errorf("nothing ± 1000·G (%d): %x", sign, got)
				}
			}
		}
	}
	if got := g.added(t, jacobian{}, addend, 1, 1, 0); !bytes.Equal(got, minus) {
		t.Errorf("the first addend of a sum: %x", got)
	}
	if got := g.added(t, jacobian{}, addend, 0, 1, 1); !bytes.Equal(got, []byte{0}) {
		t.Errorf("infinity did not stay: %x", got)
	}
}

// added gives the same whether or not the result overwrites the first point.
func (g group) added(tb testing.TB, p jacobian, q affine, sign, sel, some int) []byte {
	tb.Helper()
	before, addend, apart := p, q, jacobian{}
	addAffine(&apart, &p, &q, sign, sel, some)
	if p != before || q != addend {
		tb.Fatal("an addition has changed its arguments")
	}
	if addAffine(&p, &p, &q, sign, sel, some); p != apart {
		tb.Fatalf("an addition in place gives %x, otherwise %x", p, apart)
	}
	return g.read(tb, p)
}
