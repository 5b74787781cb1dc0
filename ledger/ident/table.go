//go:build (amd64 || arm64) && !purego

package ident

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"math/big"
	"sync"
)

const (
	windowBits = 8
	// windows of a scalar of 256 bits; the last one takes a carry.
	windows = 256/windowBits + 1
	// digits of a window go from -digits to digits.
	digits = 1 << (windowBits - 1)
)

// points holds d·2^(8i)·Q of a point Q for each window i of a scalar and each
// positive digit d: a product of Q is then one sum for each window.
type points [windows][digits]affine

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
	return &table{pub, newPoints(raw), multiplesOfG()}
}

// multiplesOfG are those of the curve's generator: a constant, made when it is
// needed first.
var multiplesOfG = sync.OnceValue(func() *points {
	g := elliptic.P256().Params()
	raw := make([]byte, 65)
	g.Gx.FillBytes(raw[1:33])
	g.Gy.FillBytes(raw[33:])
	return newPoints(raw)
})

// newPoints makes the multiples of a point in its uncompressed form, which is
// not infinity. None of the additions meets equal points or infinity: the order
// of the curve is prime and larger than the sums of small digits.
func newPoints(raw []byte) *points {
	var bases [windows]jacobian
	bases[0] = jacobian{x: montgomery(raw[1:33]), y: montgomery(raw[33:]), z: one}
	for i := 1; i < windows; i++ {
		bases[i] = bases[i-1]
		for range windowBits {
			pointDouble(&bases[i], &bases[i])
		}
	}
	var flat [windows]affine
	flatten(flat[:], bases[:])
	all := make([]jacobian, 0, windows*digits)
	for i := range flat {
		for d := range digits {
			var p jacobian
			switch last := len(all) - 1; d {
			case 0:
				p = jacobian{flat[i].x, flat[i].y, one}
			case 1:
				pointDouble(&p, &all[last])
			default:
				addAffine(&p, &all[last], &flat[i], 0, 1, 1)
			}
			all = append(all, p)
		}
	}
	t := new(points)
	for i := range t {
		flatten(t[i][:], all[i*digits:(i+1)*digits])
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

// sum of multiples of points.
type sum struct {
	p    jacobian
	some int // 1 when anything was added
}

// add adds k·Q; k has 32 bytes, the highest first. A sum that meets its addend,
// or that one's negative, becomes infinity, and stays so.
func (s *sum) add(q *points, k *[32]byte) {
	carry := 0
	for i := range q {
		d := carry
		if i < len(k) {
			d += int(k[len(k)-1-i])
		}
		if carry = 0; d > digits {
			d, carry = d-2*digits, 1
		}
		switch {
		case d > 0:
			addAffine(&s.p, &s.p, &q[i][d-1], 0, 1, s.some)
		case d < 0:
			addAffine(&s.p, &s.p, &q[i][-d-1], 1, 1, s.some)
		default:
			continue
		}
		s.some = 1
	}
}

// verify checks an ECDSA signature over a digest, as ecdsa.Verify does.
func (t *table) verify(digest *[32]byte, r, s *big.Int) bool {
	n := elliptic.P256().Params().N
	if r.Sign() <= 0 || s.Sign() <= 0 || r.Cmp(n) >= 0 || s.Cmp(n) >= 0 {
		return false
	}
	w := new(big.Int).ModInverse(s, n)
	u := new(big.Int).SetBytes(digest[:])
	var k [32]byte
	var result sum
	u.Mul(u, w).Mod(u, n)
	result.add(t.generator, (*[32]byte)(u.FillBytes(k[:])))
	u.Mul(r, w).Mod(u, n)
	result.add(t.multiples, (*[32]byte)(u.FillBytes(k[:])))
	if result.p.z == (element{}) {
		// Infinity, or else two points have met, which the formula for sums does
		// not cover. It takes intent: let the library find out.
		return ecdsa.Verify(t.key, digest[:], r, s)
	}
	return result.p.hasX(r, n)
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
