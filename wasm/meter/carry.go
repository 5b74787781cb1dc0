package meter

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/weft-network/weft/wasm/abi"
)

// MarshalBinary answers the form that UnmarshalBinary reads: a module may be
// rewritten in another process than the one that runs it.
//
//	u32 Start, MinPages, MaxPages
//	u32 count, then each of Globals
//	u32 count, then for each of Segments a u32 Offset and Bytes
//	Code
//
// Numbers are little endian; a byte string is its length, u32, and itself.
func (m *Module) MarshalBinary() ([]byte, error) {
	size := 6*4 + len(m.Code)
	for _, name := range m.Globals {
		size += 4 + len(name)
	}
	for _, s := range m.Segments {
		size += 8 + len(s.Bytes)
	}
	u32 := binary.LittleEndian.AppendUint32
	start := uint32(0)
	if m.Start {
		start = 1
	}
	out := u32(u32(u32(make([]byte, 0, size), start), m.MinPages), m.MaxPages)
	out = u32(out, uint32(len(m.Globals)))
	for _, name := range m.Globals {
		out = abi.AppendBytes(out, name)
	}
	out = u32(out, uint32(len(m.Segments)))
	for _, s := range m.Segments {
		out = abi.AppendBytes(u32(out, s.Offset), s.Bytes)
	}
	return abi.AppendBytes(out, m.Code), nil
}

// UnmarshalBinary reads what MarshalBinary made. Code and Segments share raw. It
// takes any bytes: those that are no module, or one of more memory than there
// is, are an error. What the code does is not looked at.
func (m *Module) UnmarshalBinary(raw []byte) error {
	c := carried{rest: raw}
	start := c.number()
	*m = Module{Start: start == 1, MinPages: c.number(), MaxPages: c.number()}
	for n := c.count(4); n > 0; n-- {
		m.Globals = append(m.Globals, string(c.bytes()))
	}
	if n := c.count(8); n > 0 {
		m.Segments = make([]Segment, n)
	}
	for i := range m.Segments {
		m.Segments[i] = Segment{c.number(), c.bytes()}
	}
	m.Code = c.bytes()
	switch {
	case c.err != nil:
		return fmt.Errorf("rewritten module: %w", c.err)
	case len(c.rest) > 0:
		return fmt.Errorf("rewritten module: %d bytes after its end", len(c.rest))
	case start > 1 || m.MinPages > m.MaxPages || m.MaxPages > maxPages:
		return fmt.Errorf("rewritten module: %d start functions, memory of %d to %d pages", start, m.MinPages, m.MaxPages)
	}
	return nil
}

// carried reads from the front; after an error all is zero.
type carried struct {
	rest []byte
	err  error
}

func (c *carried) number() (v uint32) {
	if c.err == nil {
		v, c.rest, c.err = abi.CutU32(c.rest)
	}
	return v
}

// count reads a number of items of so many bytes at least. One that cannot be
// is an error and never becomes an allocation.
func (c *carried) count(least int) uint32 {
	n := c.number()
	if c.err == nil && uint64(n)*uint64(least) > uint64(len(c.rest)) {
		c.err = errors.New("a count is more than there are bytes")
	}
	if c.err != nil {
		return 0
	}
	return n
}

func (c *carried) bytes() (b []byte) {
	if c.err == nil {
		b, c.rest, c.err = abi.CutBytes(c.rest)
	}
	return b
}
