package chain

import (
	"errors"
	"slices"
	"sync/atomic"

	"github.com/weft-network/weft/ledger/store"
)

// height is the state at one height. The snapshots of that height share it. It
// is safe for concurrent use.
type height struct {
	s      *store.Snapshot
	cache  *cache
	number uint64
	// noMetadata is state.Reader's.
	noMetadata bool
	users      atomic.Int64 // it is freed by the last
}

// newest takes a use of the state at the newest height.
func (c *Chain) newest() (*height, error) {
	c.view.RLock()
	defer c.view.RUnlock()
	c.sharing.Lock()
	defer c.sharing.Unlock()
	if c.db == nil {
		return nil, c.found.Index
	}
	if c.shared == nil {
		s, err := c.db.Snapshot()
		if err != nil {
			return nil, err
		}
		c.shared = &height{s: s, cache: c.cache, number: c.derived().height, noMetadata: c.derived().noMetadata}
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

// get reads a key of the store, from memory if it is there. The caller owns the
// result.
func (h *height) get(key []byte) ([]byte, error) {
	if b, known := h.cache.get(key, h.number); known {
		return b, nil
	}
	b, err := h.s.Get(slices.Clone(key)) // so that key itself may lie on the caller's stack
	if err != nil {
		return nil, err
	}
	h.cache.offer(key, b, h.number)
	return b, nil
}

// shut ends what goes on in the background and closes the stores, the log first:
// the index must never be durable ahead of it.
func (c *Chain) shut() error {
	close(c.stop)
	c.filling.Wait()
	err := errors.Join(c.outdate(), c.log.Close())
	if c.db != nil {
		err = errors.Join(err, c.db.Close())
	}
	return err
}
