package image

import "fmt"

// scan reads every instruction of a code section and refuses those that change
// tables or drop segments: what main did with them would be lost.
func scan(body []byte) error {
	r := reader{body}
	n, err := r.u32()
	for i := uint32(0); i < n && err == nil; i++ {
		var f []byte
		if f, err = r.bytes(); err == nil {
			err = scanFunction(reader{f})
		}
	}
	return err
}

func scanFunction(r reader) error {
	groups, err := r.u32()
	for i := uint32(0); i < groups && err == nil; i++ {
		if _, err = r.u32(); err == nil {
			err = r.skip(1) // the type of so many locals
		}
	}
	for err == nil && len(r.b) > 0 {
		err = r.instruction()
	}
	return err
}

// instruction passes over one instruction of WebAssembly 1.0 with sign
// extension, saturating conversion and bulk memory.
func (r *reader) instruction() error {
	op, err := r.byte()
	if err != nil {
		return err
	}
	switch {
	case op == 0x02 || op == 0x03 || op == 0x04: // block, loop, if: block type
		_, err = r.signed()
	case op == 0x0c || op == 0x0d || op == 0x10: // br, br_if, call
		_, err = r.u32()
	case op == 0x0e: // br_table
		err = r.numbers(1)
	case op == 0x11: // call_indirect
		err = r.skipNumbers(2)
	case op >= 0x20 && op <= 0x24: // locals and globals
		_, err = r.u32()
	case op >= 0x28 && op <= 0x3e: // loads and stores: alignment, offset
		err = r.skipNumbers(2)
	case op == 0x3f || op == 0x40: // memory.size, memory.grow
		err = r.skip(1)
	case op == opI32 || op == opI64:
		_, err = r.signed()
	case op == opF32:
		err = r.skip(4)
	case op == opF64:
		err = r.skip(8)
	case op == 0xfc:
		err = r.bulk()
	case op == 0x1c || op == 0x25 || op == 0x26 || op >= 0xc5:
		err = fmt.Errorf("%w: instruction %#x", ErrUnfit, op)
	}
	return err
}

// bulk passes over an instruction with the prefix 0xfc.
func (r *reader) bulk() error {
	op, err := r.u32()
	switch {
	case err != nil:
		return err
	case op <= 7: // saturating conversions
		return nil
	case op == 10: // memory.copy
		return r.skip(2)
	case op == 11: // memory.fill
		return r.skip(1)
	}
	return fmt.Errorf("%w: instruction 0xfc %d, which changes tables or segments", ErrUnfit, op)
}

// numbers passes over a vector of numbers and so many more.
func (r *reader) numbers(more uint32) error {
	n, err := r.u32()
	if err != nil {
		return err
	}
	return r.skipNumbers(uint64(n) + uint64(more))
}

func (r *reader) skipNumbers(n uint64) error {
	for ; n > 0; n-- {
		if _, err := r.u32(); err != nil {
			return err
		}
	}
	return nil
}
