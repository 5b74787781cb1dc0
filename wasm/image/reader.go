package image

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

var errShort = errors.New("the module ends too early")

// reader takes pieces of a module from the front.
type reader struct{ b []byte }

func (r *reader) byte() (byte, error) {
	if len(r.b) == 0 {
		return 0, errShort
	}
	b := r.b[0]
	r.b = r.b[1:]
	return b, nil
}

func (r *reader) u32() (uint32, error) {
	v, n := binary.Uvarint(r.b)
	if n <= 0 || v > math.MaxUint32 {
		return 0, errShort
	}
	r.b = r.b[n:]
	return uint32(v), nil
}

// bytes reads a length and that many bytes.
func (r *reader) bytes() ([]byte, error) {
	n, err := r.u32()
	if err != nil || uint64(n) > uint64(len(r.b)) {
		return nil, errShort
	}
	taken := r.b[:n]
	r.b = r.b[n:]
	return taken, nil
}

func (r *reader) section() (byte, []byte, error) {
	id, err := r.byte()
	if err != nil {
		return 0, nil, err
	}
	body, err := r.bytes()
	return id, body, err
}

// Opcodes of constant expressions.
const (
	opEnd       = 0x0b
	opGlobalGet = 0x23
	opI32       = 0x41
	opI64       = 0x42
	opF32       = 0x43
	opF64       = 0x44
)

// constant reads a constant expression and returns it.
func (r *reader) constant() ([]byte, error) {
	start := r.b
	for {
		op, err := r.byte()
		if err != nil {
			return nil, err
		}
		switch op {
		case opEnd:
			return start[:len(start)-len(r.b)], nil
		case opI32, opI64:
			_, err = r.signed()
		case opGlobalGet:
			_, err = r.u32()
		case opF32:
			err = r.skip(4)
		case opF64:
			err = r.skip(8)
		default:
			err = fmt.Errorf("%w: opcode %#x in a constant", ErrUnfit, op)
		}
		if err != nil {
			return nil, err
		}
	}
}

// offset reads a constant expression that is one i32.const.
func (r *reader) offset() (uint32, error) {
	expr, err := r.constant()
	if err != nil {
		return 0, err
	}
	c := reader{expr}
	if op, _ := c.byte(); op != opI32 {
		return 0, fmt.Errorf("%w: a data segment whose place is not a constant", ErrUnfit)
	}
	v, err := c.signed()
	if end, _ := c.byte(); err != nil || end != opEnd || len(c.b) != 0 {
		return 0, fmt.Errorf("%w: a data segment whose place is not a constant", ErrUnfit)
	}
	return uint32(v), nil
}

// signed reads a signed LEB128.
func (r *reader) signed() (int64, error) {
	var v int64
	for shift := uint(0); shift < 70; shift += 7 {
		b, err := r.byte()
		if err != nil {
			return 0, err
		}
		v |= int64(b&0x7f) << shift
		if b < 0x80 {
			if shift+7 < 64 && b&0x40 != 0 {
				v |= -1 << (shift + 7)
			}
			return v, nil
		}
	}
	return 0, errShort
}

func (r *reader) skip(n int) error {
	if n > len(r.b) {
		return errShort
	}
	r.b = r.b[n:]
	return nil
}
