package snapshot

import (
	"bytes"
	"errors"
	"fmt"
)

// Memory is the linear memory of one instance: one reservation of the whole
// limit, whose base never moves, so that growing copies nothing. It serves the
// engine as its allocator. It belongs to one goroutine at a time.
type Memory struct {
	region []byte
	free   func()
	mapped bool   // region is address space of our own, not the garbage collector's
	image  *Image // nil for memory that starts as zeros and is never reset
	form   Form

	high      uint64 // end of what the guest could write to since the last reset
	highest   uint64 // the same since the memory was made
	searched  uint64 // highest, when own pages were last looked for
	shrinking bool
	refused   bool

	own    ownPages
	sticky sticky
}

// NewMemory returns zeroed memory that may grow to limit bytes. It cannot be
// reset: it is for the instance whose memory becomes the image.
func NewMemory(limit uint64) *Memory {
	if region, free, err := reserve(limit); err == nil {
		return &Memory{region: region, free: free, mapped: true}
	}
	// No address space to reserve (a system that forbids overcommitment, or
	// one without mmap): the garbage collector's memory does, more slowly.
	return &Memory{region: make([]byte, limit), free: func() {}}
}

// NewMemory returns memory that begins as the image and may grow to limit
// bytes, which is at least the image's size.
func (i *Image) NewMemory(limit uint64) (*Memory, error) {
	if limit < i.Size() {
		return nil, fmt.Errorf("memory limit of %d bytes is below the image's %d", limit, i.Size())
	}
	m := NewMemory(limit)
	m.image, m.form, m.high = i, Copy, i.Size()
	if i.share == noShare || !m.mapped {
		copy(m.region, i.bytes)
		return m, nil
	}
	if err := i.share.lay(m.region, i.Size()); err != nil {
		m.Free()
		return nil, fmt.Errorf("lay the memory image: %w", err)
	}
	m.form = i.system.form
	m.own.init(m, i.system)
	return m, nil
}

// Reallocate is the engine's question for size bytes. It answers nil when size
// exceeds the limit; memory.grow is then −1.
func (m *Memory) Reallocate(size uint64) []byte {
	switch {
	case m.shrinking:
		size = m.image.Size()
	case size > uint64(len(m.region)):
		m.refused = true
		return nil
	}
	m.high = max(m.high, size)
	return m.region[:size:size]
}

// Free gives the memory back; the engine may call it more than once.
func (m *Memory) Free() {
	if m.region != nil {
		m.region = nil
		m.free()
	}
}

// Bytes returns the first n bytes, the memory itself.
func (m *Memory) Bytes(n uint64) []byte { return m.region[:n] }

// Refused tells whether the guest asked for more than the limit since the last
// reset.
func (m *Memory) Refused() bool { return m.refused }

// Watch is called by the goroutine that is about to run the guest, and lets the
// next Reset find out more cheaply what was written. Until then the goroutine
// stays on its thread; Unwatch lets it go before, for a guest that runs long.
func (m *Memory) Watch() { m.own.begin() }

// Unwatch may be called without a watch. It is for the goroutine of Watch.
func (m *Memory) Unwatch() { m.own.quiet() }

// Own returns how many bytes of memory the instance does not share, as of the
// last reset.
func (m *Memory) Own() int {
	if m.form == Copy {
		return len(m.image.bytes)
	}
	return m.own.pages * m.image.system.page
}

// Engine is the engine's own idea of the memory.
type Engine interface {
	Size() uint32 // in bytes
	Grow(pages uint32) (before uint32, ok bool)
}

// Reset makes the memory and the engine's idea of its size equal to the image.
// After an error the instance must not be used any more.
func (m *Memory) Reset(engine Engine) error {
	quiet := m.own.quiet()
	if m.region == nil {
		return errors.New("reset memory: it was freed")
	}
	m.highest = max(m.highest, m.high)
	if err := m.restore(quiet); err != nil {
		return fmt.Errorf("reset memory: %w", err)
	}
	m.high, m.refused = m.image.Size(), false
	return m.Resize(engine)
}

// Resize makes the engine see the image's size.
//
// The engine cannot shrink a memory, but what its Grow gets from Reallocate it
// takes for the memory, whatever its length. That is no promise of the engine,
// so the result is looked at, and a runtime tries it when it starts.
func (m *Memory) Resize(engine Engine) error {
	if uint64(engine.Size()) != m.image.Size() {
		m.shrinking = true
		engine.Grow(1)
		m.shrinking = false
	}
	if size := uint64(engine.Size()); size != m.image.Size() {
		return fmt.Errorf("resize memory: it has %d bytes, its image %d", size, m.image.Size())
	}
	return nil
}

func (m *Memory) restore(quiet bool) error {
	if m.form == Copy {
		return m.restoreAll()
	}
	if !quiet || m.highest > m.searched {
		// Up to the highest, not only to where this call could write: pages
		// above it stay the memory's own, and a later call that grows to them
		// writes to them without a fault. For the same reason what lies above
		// what was searched is looked at even if there was no fault: one below
		// may have made pages there the memory's own, too.
		if err := m.own.find(m.highest); err != nil {
			return err
		}
		m.searched = m.highest
	}
	if m.sticky.tooMany(m.own.pages) {
		err := drop(m.region[:m.highest])
		m.own.ranges, m.own.pages, m.highest = m.own.ranges[:0], 0, m.image.Size()
		m.searched = m.highest
		return err
	}
	for _, r := range m.own.ranges {
		m.restoreRange(r.start, r.end)
	}
	return nil
}

func (m *Memory) restoreAll() error {
	size := m.image.Size()
	copy(m.region[:size], m.image.bytes)
	tail := m.region[size:m.high]
	if len(tail) == 0 {
		return nil
	}
	if m.mapped && drop(tail) == nil {
		return nil
	}
	clear(tail)
	return nil
}

// restoreRange copies the image, and clears what lies above it.
func (m *Memory) restoreRange(start, end uint64) {
	size := m.image.Size()
	if start < size {
		copy(m.region[start:min(end, size)], m.image.bytes[start:])
	}
	if end > size {
		clear(m.region[max(start, size):end])
	}
}

// Check compares the memory, up to all that the guest ever could write to, with
// the image. It is for tests: it reads everything.
func (m *Memory) Check() error {
	size := m.image.Size()
	if !bytes.Equal(m.region[:size], m.image.bytes) {
		return fmt.Errorf("memory differs from its image at byte %d", firstDifference(m.region[:size], m.image.bytes))
	}
	if tail := m.region[size:max(size, m.highest)]; !zero(tail) {
		return fmt.Errorf("memory above its image of %d bytes is not zero", size)
	}
	return nil
}

func firstDifference(a, b []byte) int {
	for i := range a {
		if a[i] != b[i] {
			return i
		}
	}
	return len(a)
}

func zero(b []byte) bool {
	const step = 64
	var none [step]byte
	for len(b) >= step {
		if !bytes.Equal(b[:step], none[:]) {
			return false
		}
		b = b[step:]
	}
	return bytes.Equal(b, none[:len(b)])
}
