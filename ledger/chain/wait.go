package chain

import (
	"context"
	"fmt"
)

// WaitHeight returns when the ledger has at least h blocks, or ctx ends, or
// the ledger cannot get there: it was closed or its disk failed.
func (c *Chain) WaitHeight(ctx context.Context, h uint64) error {
	for {
		c.mu.Lock()
		changed, failed, closed := c.changed, c.failed, c.closed
		c.mu.Unlock()
		// After taking changed: a block that comes between is not missed.
		switch {
		case c.Height() >= h:
			return nil
		case closed:
			return ErrClosed
		case failed != nil:
			return failed
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// broadcast wakes the waiters. The caller holds mu.
func (c *Chain) broadcast() {
	close(c.changed)
	c.changed = make(chan struct{})
}

// fail ends the taking of blocks.
func (c *Chain) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failed == nil {
		c.failed = fmt.Errorf("the ledger takes no more blocks: %w", err)
	}
	c.broadcast()
}

func (c *Chain) failure() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.failed
}
