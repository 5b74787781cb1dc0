package wasm

import (
	"fmt"

	"github.com/weft-network/weft/wasm/abi"
)

// firstSimpleKey is where a range with an empty start begins unless composite
// keys are asked for: they all begin with U+0000.
const firstSimpleKey = "\x01"

// publicState refuses collections, and calls outside of a transaction.
func (f *frame) publicState(function string) (code int32, refused bool) {
	if code, refused = f.outsideTx(); refused {
		return code, true
	}
	if f.u32(1) != 0 {
		return f.refuse(abi.Unsupported, "%s of a private data collection is not supported by Weft yet", function), true
	}
	return 0, false
}

// state_get(coll, key, ptr, cap)
func stateGet(f *frame) int32 {
	if code, refused := f.publicState("state_get"); refused {
		return code
	}
	key := f.string(2)
	if code, refused := f.text("key", key); refused {
		return code
	}
	value, err := f.stub.Get(key)
	if err != nil {
		return f.stubError(fmt.Sprintf("get state %q", key), err)
	}
	if value == nil {
		return int32(abi.NotFound)
	}
	return f.answer(4, value)
}

// state_put(coll, key, val)
func statePut(f *frame) int32 {
	if code, refused := f.publicState("state_put"); refused {
		return code
	}
	f.charge(int(f.u32(3)) + int(f.u32(5)))
	key := f.string(2)
	if key == "" {
		return f.refuse(abi.InvalidArg, "key must not be an empty string")
	}
	if code, refused := f.text("key", key); refused {
		return code
	}
	if err := f.stub.Put(key, f.bytes(4)); err != nil {
		return f.stubError(fmt.Sprintf("put state %q", key), err)
	}
	return 0
}

// state_del(coll, key, mode)
func stateDel(f *frame) int32 {
	if code, refused := f.publicState("state_del"); refused {
		return code
	}
	if mode := f.u32(4); mode != 0 {
		return f.refuse(abi.Unsupported, "state_del in mode %d is not supported by Weft yet", mode)
	}
	f.charge(int(f.u32(3)))
	key := f.string(2)
	if code, refused := f.text("key", key); refused {
		return code
	}
	if err := f.stub.Delete(key); err != nil {
		return f.stubError(fmt.Sprintf("delete state %q", key), err)
	}
	return 0
}

// cursor reads a range in Fabric's batches, so that what was read is the same
// as there: a batch, and one record more to know whether others follow.
type cursor struct {
	it      Iterator
	pending [][]byte // records not handed over
	next    []byte   // the first record of the next batch, nil at the end
}

// range_open(coll, start, end, flags, page, bookmark)
func rangeOpen(f *frame) int32 {
	if code, refused := f.publicState("range_open"); refused {
		return code
	}
	if f.u32(7) != 0 || f.u32(9) != 0 {
		return f.refuse(abi.Unsupported, "range_open with a page size or bookmark is not supported by Weft yet")
	}
	if len(f.iterators) >= f.limits.Iterators {
		return f.refuse(abi.Limit, "more than %d iterators are open", f.limits.Iterators)
	}
	start, end := f.string(2), f.string(4)
	for _, key := range []string{start, end} {
		if code, refused := f.text("key", key); refused {
			return code
		}
	}
	if start == "" && f.u32(6)&abi.FlagComposite == 0 {
		start = firstSimpleKey
	}
	it, err := f.stub.Range(start, end)
	if err != nil {
		return f.stubError("open range", err)
	}
	f.opened++
	c := &cursor{it: it}
	f.iterators[f.opened] = c // before it is read, so that it is closed whatever happens
	if err := c.fill(f.call.Chaincode, true); err != nil {
		delete(f.iterators, f.opened)
		_ = it.Close() // the error of the read says more
		return f.stubError("read range", err)
	}
	return int32(f.opened)
}

// fill reads the next batch.
func (c *cursor) fill(namespace string, first bool) error {
	if c.next == nil && !first {
		return nil
	}
	if c.next != nil {
		c.pending, c.next = append(c.pending, c.next), nil
	}
	for {
		key, value, ok, err := c.it.Next()
		if err != nil || !ok {
			return err
		}
		record := abi.AppendState(nil, namespace, key, value)
		if len(c.pending) == abi.BatchRecords {
			c.next = record
			return nil
		}
		c.pending = append(c.pending, record)
	}
}

// iter_next(h, ptr, cap)
func iterNext(f *frame) int32 {
	c, ok := f.iterators[f.u32(0)]
	if !ok {
		return f.refuse(abi.BadHandle, "no iterator %d is open", f.u32(0))
	}
	if len(c.pending) == 0 {
		if err := c.fill(f.call.Chaincode, false); err != nil {
			return f.stubError("read range", err)
		}
	}
	var out []byte
	for len(c.pending) > 0 && uint64(len(out)+len(c.pending[0])) <= uint64(f.u32(2)) {
		out = append(out, c.pending[0]...)
		c.pending = c.pending[1:]
	}
	if len(out) == 0 && len(c.pending) > 0 { // too big for the buffer: by result_read
		out, c.pending = c.pending[0], c.pending[1:]
	}
	return f.answer(1, out)
}

// iter_close(h)
func iterClose(f *frame) int32 {
	h := f.u32(0)
	c, ok := f.iterators[h]
	if !ok {
		return f.refuse(abi.BadHandle, "no iterator %d is open", h)
	}
	delete(f.iterators, h)
	if err := c.it.Close(); err != nil {
		return f.stubError("close range", err)
	}
	return 0
}
