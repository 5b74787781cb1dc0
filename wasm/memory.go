package wasm

// linear is the memory of one instance: one reservation of the whole limit,
// whose base never moves, so that growth copies nothing.
type linear struct {
	region []byte
	free   func()
	// mapped says that region is reserved address space, which can be mapped over.
	mapped bool
	// refused is set once the guest asked for more than the limit, to tell
	// that trap from others.
	refused bool
}

// Allocate implements experimental.MemoryAllocator for the one memory a module
// may have.
func newLinear(limit uint64) *linear {
	if region, free, err := reserve(limit); err == nil {
		return &linear{region: region, free: free, mapped: true}
	}
	// No address space to reserve (a system that forbids overcommitment, or
	// one without mmap): the garbage collector's memory does, more slowly.
	return &linear{region: make([]byte, limit), free: func() {}}
}

// Reallocate answers nil when size exceeds the limit; memory.grow is then −1.
func (l *linear) Reallocate(size uint64) []byte {
	if size > uint64(len(l.region)) {
		l.refused = true
		return nil
	}
	return l.region[:size:size]
}

// Free may be called twice.
func (l *linear) Free() {
	if l.region != nil {
		l.region = nil
		l.free()
	}
}
