//go:build (amd64 || arm64) && !purego

package ident

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"encoding/binary"
	"math/big"
	"sync"
)

// Wide windows make few sums of a product, and large tables. All keys share that
// of the generator.
const (
	keyBits       = 10
	generatorBits = 11
)

// points holds d·2^(bits·i)·Q of a point Q for each window i of a scalar and each
// positive digit d: a product of Q is then one sum for each window.
type points struct {
	bits uint
	at   []affine // window by window, the digits of each in order
}

// windows are as many as a scalar of 256 bits has, with room for a carry.
func (q *points) windows() int { return 256/int(q.bits) + 1 }

// digits of a window go from -digits to digits.
func (q *points) digits() int { return 1 << (q.bits - 1) }

// table checks signatures of one public key on P-256. It is immutable. Everything
// about a check is public, so it need not take the same time for all.
type table struct {
	key       *ecdsa.PublicKey
	multiples *points
	generator *points
}

// newTable makes the table of a key on P-256; nil if it is not on the curve.
func newTable(pub *ecdsa.PublicKey) *table {
	raw, err := pub.Bytes()
	if err != nil {
		return nil
	}
	return &table{pub, newPoints(raw, keyBits), multiplesOfG()}
}

// multiplesOfG are those of the curve's generator: a constant, made when it is
// needed first.
var multiplesOfG = sync.OnceValue(func() *points {
	g := elliptic.P256().Params()
	raw := make([]byte, 65)
	g.Gx.FillBytes(raw[1:33])
	g.Gy.FillBytes(raw[33:])
	return newPoints(raw, generatorBits)
})

// newPoints makes the multiples of a point in its uncompressed form, which is
// not infinity. None of the additions meets equal points or infinity: the order
// of the curve is prime and larger than the sums of small digits.
func newPoints(raw []byte, bits uint) *points {
	t := &points{bits: bits}
	bases := make([]jacobian, t.windows())
	bases[0] = jacobian{x: montgomery(raw[1:33]), y: montgomery(raw[33:]), z: one}
	for i := 1; i < len(bases); i++ {
		bases[i] = bases[i-1]
		for range bits {
			pointDouble(&bases[i], &bases[i])
		}
	}
	flat := make([]affine, len(bases))
	flatten(flat, bases)
	t.at = make([]affine, len(flat)*t.digits())
	window := make([]jacobian, t.digits())
	for i := range flat {
		window[0] = jacobian{flat[i].x, flat[i].y, one}
		pointDouble(&window[1], &window[0])
		for d := 2; d < len(window); d++ {
			addAffine(&window[d], &window[d-1], &flat[i], 0, 1, 1)
		}
		flatten(t.at[i*len(window):], window)
	}
	return t
}

// flatten makes the coordinates of points affine, with one inversion for all.
// None of them is infinity.
func flatten(out []affine, in []jacobian) {
	products := make([]element, len(in)) // of all z up to here
	product := one
	for i := range in {
		products[i] = product
		mul(&product, &product, &in[i].z)
	}
	rest := inverse(&product) // of the product of all z from here down
	for i := len(in) - 1; i >= 0; i-- {
		var z, square element
		mul(&z, &rest, &products[i])
		mul(&rest, &rest, &in[i].z)
		sqr(&square, &z, 1)
		mul(&out[i].x, &in[i].x, &square)
		mul(&square, &square, &z)
		mul(&out[i].y, &in[i].y, &square)
	}
}

// addend is a point, or its negative if sign is 1.
type addend struct {
	affine
	sign int
}

// pick appends the points whose sum is k·Q, from the lowest window up. k has 32
// bytes, the highest first. They are copied so that the processor fetches them all
// at once, and not each when the sum gets there.
func (q *points) pick(list []addend, k *[32]byte) []addend {
	var limbs [6]uint64 // the last two are 0, beyond the scalar
	for i := range 4 {
		limbs[i] = binary.BigEndian.Uint64(k[24-8*i:])
	}
	digits, carry := q.digits(), 0
	for i := range q.windows() {
		at := uint(i) * q.bits
		d := limbs[at/64] >> (at % 64)
		d |= limbs[at/64+1] << (64 - at%64) // nothing for a shift by 64
		digit := int(d&(1<<q.bits-1)) + carry
		if carry = 0; digit > digits {
			digit, carry = digit-2*digits, 1
		}
		switch row := q.at[i*digits : (i+1)*digits]; {
		case digit > 0:
			list = append(list, addend{row[digit-1], 0})
		case digit < 0:
			list = append(list, addend{row[-digit-1], 1})
		}
	}
	return list
}

// sum adds the points up. A sum that meets its addend, or that one's negative,
// becomes infinity, and stays so.
func sum(list []addend) (p jacobian) {
	for i := range list {
		addAffine(&p, &p, &list[i].affine, list[i].sign, 1, min(i, 1))
	}
	return p
}

// maxAddends are those of both products of a check.
const maxAddends = 256/keyBits + 1 + 256/generatorBits + 1

// verify checks an ECDSA signature over a digest, as ecdsa.Verify does.
func (t *table) verify(digest *[32]byte, r, s *big.Int) bool {
	n := elliptic.P256().Params().N
	if r.Sign() <= 0 || s.Sign() <= 0 || r.Cmp(n) >= 0 || s.Cmp(n) >= 0 {
		return false
	}
	w := new(big.Int).ModInverse(s, n)
	u := new(big.Int).SetBytes(digest[:])
	var k [32]byte
	list := make([]addend, 0, maxAddends)
	u.Mul(u, w).Mod(u, n)
	list = t.generator.pick(list, (*[32]byte)(u.FillBytes(k[:])))
	u.Mul(r, w).Mod(u, n)
	list = t.multiples.pick(list, (*[32]byte)(u.FillBytes(k[:])))
	result := sum(list)
	if result.z == (element{}) {
		// Infinity, or else two points have met, which the formula for sums does
		// not cover. It takes intent: let the library find out.
		return ecdsa.Verify(t.key, digest[:], r, s)
	}
	return result.hasX(r, n)
}

// hasX tells whether the x of a point, which is not infinity, is r modulo n,
// without dividing: x is r, or r + n where that is below p.
func (q *jacobian) hasX(r, n *big.Int) bool {
	var x, square element
	mul(&x, &q.x, &one) // one form for each value
	sqr(&square, &q.z, 1)
	p := elliptic.P256().Params().P
	for c := new(big.Int).Set(r); c.Cmp(p) < 0; c.Add(c, n) {
		var b [32]byte
		e := montgomery(c.FillBytes(b[:]))
		if mul(&e, &e, &square); e == x {
			return true
		}
	}
	return false
}
