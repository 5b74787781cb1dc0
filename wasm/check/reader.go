package check

import (
	"errors"
	"fmt"
	"unicode/utf8"
)

var (
	errShort = errors.New("ends too early")
	errLEB   = errors.New("number is longer than its type allows")
)

// reader takes bytes from the front. After the first error it answers zeros, so
// a parser asks for err once, where it loops.
type reader struct {
	b   []byte
	err error
}

func (r *reader) fail(err error) {
	if r.err == nil {
		r.err, r.b = err, nil
	}
}

func (r *reader) take(n uint32) []byte {
	if uint64(n) > uint64(len(r.b)) {
		r.fail(errShort)
		return nil
	}
	taken := r.b[:n]
	r.b = r.b[n:]
	return taken
}

func (r *reader) byte() byte {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

// u32 reads an unsigned LEB128.
func (r *reader) u32() uint32 {
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

// skipLEB passes over a number of at most so many bytes.
func (r *reader) skipLEB(most int) {
	for range most {
		if r.byte() < 0x80 {
			return
		}
	}
	r.fail(errLEB)
}

// count reads the length of a vector and refuses one above the limit, or one
// that has more items than bytes.
func (r *reader) count(limit uint32, what string) uint32 {
	n := r.u32()
	if n > limit {
		r.fail(fmt.Errorf("%d %s; at most %d are taken", n, what, limit))
		return 0
	}
	if uint64(n) > uint64(len(r.b)) {
		r.fail(errShort)
		return 0
	}
	return n
}

func (r *reader) name() string {
	n := r.u32()
	if n > MaxNameBytes {
		r.fail(fmt.Errorf("name of %d bytes; at most %d are taken", n, MaxNameBytes))
		return ""
	}
	b := r.take(n)
	if !utf8.Valid(b) {
		r.fail(errors.New("name is not valid UTF-8"))
		return ""
	}
	return string(b)
}

// limits reads minimum and maximum; max is absent when bounded is false.
func (r *reader) limits() (low, high uint32, bounded bool) {
	switch flag := r.byte(); flag {
	case 0:
		return r.u32(), 0, false
	case 1:
		return r.u32(), r.u32(), true
	default:
		r.fail(fmt.Errorf("limits of kind %#x: shared or 64-bit memory is not available to chaincode", flag))
		return 0, 0, false
	}
}

// constant passes over a constant expression.
func (r *reader) constant() {
	for r.err == nil {
		switch op := r.byte(); op {
		case 0x0b: // end
			return
		case 0x41: // i32.const
			r.skipLEB(5)
		case 0x42: // i64.const
			r.skipLEB(10)
		case 0x43: // f32.const
			r.take(4)
		case 0x44: // f64.const
			r.take(8)
		case 0x23: // global.get
			r.u32()
		default:
			r.fail(fmt.Errorf("instruction %#x in a constant expression", op))
		}
	}
}
