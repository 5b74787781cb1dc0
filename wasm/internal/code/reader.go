package code

import (
	"errors"
	"fmt"
	"unicode/utf8"
)

var (
	errShort = errors.New("ends too early")
	errLEB   = errors.New("number is longer than its type allows")
)

// reader takes bytes from the front. After the first error it answers zeros and
// has nothing left, so a parser asks for err once, where it loops.
type reader struct {
	b   []byte
	at  int
	err error
}

func (r *reader) fail(err error) {
	if r.err == nil {
		r.err = err
	}
	r.at = len(r.b)
}

func (r *reader) more() bool { return r.at < len(r.b) }

func (r *reader) left() int { return len(r.b) - r.at }

func (r *reader) take(n uint32) []byte {
	if uint64(n) > uint64(r.left()) {
		r.fail(errShort)
		return nil
	}
	taken := r.b[r.at : r.at+int(n) : r.at+int(n)]
	r.at += int(n)
	return taken
}

func (r *reader) byte() byte {
	if r.at >= len(r.b) {
		r.fail(errShort)
		return 0
	}
	b := r.b[r.at]
	r.at++
	return b
}

// u32 reads an unsigned LEB128 of at most five bytes; padding is allowed.
func (r *reader) u32() uint32 {
	if r.at < len(r.b) && r.b[r.at] < 0x80 {
		r.at++
		return uint32(r.b[r.at-1])
	}
	var v uint32
	for shift := 0; ; shift += 7 {
		b := r.byte()
		if r.err != nil {
			return 0
		}
		if shift == 28 && b > 0x0f {
			r.fail(errLEB)
			return 0
		}
		v |= uint32(b&0x7f) << shift
		if b < 0x80 {
			return v
		}
	}
}

// signed reads a signed LEB128 of so many bits, 32 or 64. The bits beyond must
// repeat the sign.
func (r *reader) signed(bits uint) int64 {
	var v int64
	for shift := uint(0); ; shift += 7 {
		b := r.byte()
		if r.err != nil {
			return 0
		}
		if rest := bits - shift; rest < 7 {
			if high := int8(b<<1) >> rest; b >= 0x80 || high != 0 && high != -1 {
				r.fail(errLEB)
				return 0
			}
		}
		v |= int64(b&0x7f) << shift
		if b < 0x80 {
			if shift+7 < 64 && b&0x40 != 0 {
				v |= -1 << (shift + 7)
			}
			return v
		}
	}
}

// count reads the length of a vector and refuses one above the limit, or one
// that has more items than there are bytes.
func (r *reader) count(limit int, what string) int {
	n := r.u32()
	if uint64(n) > uint64(limit) {
		r.fail(fmt.Errorf("%d %s; at most %d are taken", n, what, limit))
		return 0
	}
	if uint64(n) > uint64(r.left()) {
		r.fail(errShort)
		return 0
	}
	return int(n)
}

func (r *reader) name(limit int) string {
	n := r.u32()
	if uint64(n) > uint64(limit) {
		r.fail(fmt.Errorf("name of %d bytes; at most %d are taken", n, limit))
		return ""
	}
	b := r.take(n)
	if !utf8.Valid(b) {
		r.fail(errors.New("name is not valid UTF-8"))
		return ""
	}
	return string(b)
}

// valueType reads the type of a value.
func (r *reader) valueType() byte {
	t := r.byte()
	if t < F64 || t > I32 {
		r.fail(fmt.Errorf("value type %#x is not available to chaincode%s", t, typeFeature(t)))
	}
	return t
}

func typeFeature(t byte) string {
	switch t {
	case 0x7b:
		return " (SIMD)"
	case 0x70, 0x6f:
		return " (reference types)"
	}
	return ""
}
