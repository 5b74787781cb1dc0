package chain

import (
	"errors"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/weft-network/weft/ledger/store"
)

const (
	// maxKept and maxKeptBytes bound what is kept in memory of the state at one
	// height: the keys that transactions read again and again.
	maxKept      = 8192
	maxKeptBytes = 4 << 20
)

// height is the state at one height. The snapshots of that height share it, and
// what they have read of it. It is safe for concurrent use.
type height struct {
	s      *store.Snapshot
	number uint64
	users  atomic.Int64 // it is freed by the last

	mu    sync.RWMutex
	read  map[string][]byte // as encoded, nil for absent keys
	bytes int
}

// newest takes a use of the state at the newest height.
func (c *Chain) newest() (*height, error) {
	c.view.RLock()
	defer c.view.RUnlock()
	c.sharing.Lock()
	defer c.sharing.Unlock()
	if c.shared == nil {
		s, err := c.db.Snapshot()
		if err != nil {
			return nil, err
		}
		c.shared = &height{s: s, number: c.Height()}
		c.shared.users.Add(1) // the chain's own
	}
	c.shared.users.Add(1)
	return c.shared, nil
}

// outdate frees the shared state once its snapshots are closed; the next one
// takes a new one. It is called with view held, or when nobody uses the chain.
func (c *Chain) outdate() error {
	c.sharing.Lock()
	h := c.shared
	c.shared = nil
	c.sharing.Unlock()
	if h == nil {
		return nil
	}
	return h.free()
}

// free ends a use.
func (h *height) free() error {
	if h.users.Add(-1) > 0 {
		return nil
	}
	return h.s.Close()
}

// get reads a key of the store. The caller owns the result.
func (h *height) get(key []byte) ([]byte, error) {
	h.mu.RLock()
	b, ok := h.read[string(key)]
	h.mu.RUnlock()
	if ok {
		return slices.Clone(b), nil
	}
	b, err := h.s.Get(key)
	if err != nil {
		return nil, err
	}
	h.keep(key, b)
	return b, nil
}

// keep copies what was read, while there is room.
func (h *height) keep(key, b []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	size := len(key) + len(b)
	if len(h.read) >= maxKept || h.bytes+size > maxKeptBytes {
		return
	}
	if h.read == nil {
		h.read = map[string][]byte{}
	}
	if _, again := h.read[string(key)]; !again {
		h.read[string(key)] = slices.Clone(b)
		h.bytes += size
	}
}

// closeStores closes the log first: the index must never be durable ahead of it.
func (c *Chain) closeStores() error {
	return errors.Join(c.outdate(), c.log.Close(), c.db.Close())
}
