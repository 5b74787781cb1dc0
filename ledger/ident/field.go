//go:build (amd64 || arm64) && !purego

package ident

import (
	"encoding/binary"
	_ "unsafe" // for go:linkname

	_ "filippo.io/nistec" // has the functions
)

// element is a number modulo the prime of P-256 in Montgomery form, lowest limb
// first.
type element [4]uint64

// affine is a point that is not infinity.
type affine struct{ x, y element }

// jacobian is a point with x = X/Z², y = Y/Z³; Z of infinity is 0.
type jacobian struct{ x, y, z element }

var (
	// one is 2^256 modulo p.
	one = element{0x0000000000000001, 0xffffffff00000000, 0xffffffffffffffff, 0x00000000fffffffe}
	// toMontgomery is 2^512 modulo p.
	toMontgomery = element{0x0000000000000003, 0xfffffffbffffffff, 0xfffffffffffffffe, 0x00000004fffffffd}
	// lessTwo is p-2 as it is: what inverts when raised to.
	lessTwo = [4]uint64{0xfffffffffffffffd, 0x00000000ffffffff, 0, 0xffffffff00000001}
)

// montgomery reads a number below p, the highest byte first.
func montgomery(b []byte) element {
	var e element
	for i := range e {
		e[i] = binary.BigEndian.Uint64(b[24-8*i:])
	}
	mul(&e, &e, &toMontgomery)
	return e
}

// inverse is 1/e; 0 for 0.
func inverse(e *element) element {
	out := one
	for i := 255; i >= 0; i-- {
		sqr(&out, &out, 1)
		if lessTwo[i/64]>>(i%64)&1 == 1 {
			mul(&out, &out, e)
		}
	}
	return out
}

// What follows is nistec's, where it is not exported: a sum of table entries
// needs the addition of affine points, which is a third cheaper than the one that
// covers all cases. The types have the same layout there; the version is fixed in
// go.mod, and tests hold each result against the library's.

// mul is a·b.
//
//go:noescape
//go:linkname mul filippo.io/nistec.p256Mul
func mul(res, a, b *element)

// sqr squares n times, at least once.
//
//go:noescape
//go:linkname sqr filippo.io/nistec.p256Sqr
func sqr(res, a *element, n int)

// pointDouble is p + p.
//
//go:noescape
//go:linkname pointDouble filippo.io/nistec.p256PointDoubleAsm
func pointDouble(res, p *jacobian)

// addAffine is p + q, or p - q if sign is not 0; just that q if some is 0, which
// says that p is nothing yet. With sel 0 it is p. When p is q or its negative,
// or infinity, Z of the result is 0.
//
//go:noescape
//go:linkname addAffine filippo.io/nistec.p256PointAddAffineAsm
func addAffine(res, p *jacobian, q *affine, sign, sel, some int)
