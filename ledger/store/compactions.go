package store

import (
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// sample is how often a store that has a compaction waiting is asked whether it
// allows more of them at once by now.
const sample = 100 * time.Millisecond

// compactions runs as many compactions of one store as that store allows.
// Pebble's own scheduler asks it ten times a second, always; the stores of a node
// that did nothing woke it up all the time. This one asks only while something
// waits. It is safe for concurrent use.
type compactions struct {
	db pebble.DBForCompaction // set before all else is called

	mu       sync.Mutex
	running  int
	granting bool
	granted  sync.Cond // no longer granting
	closed   bool
	again    *time.Timer // grants
}

func newCompactions() *compactions {
	c := &compactions{}
	c.granted.L = &c.mu
	c.again = time.AfterFunc(sample, c.grant)
	c.again.Stop()
	return c
}

// Register is called by the store, once, when it opens.
func (c *compactions) Register(_ int, db pebble.DBForCompaction) { c.db = db }

// Unregister returns when the store is not called any more.
func (c *compactions) Unregister() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	c.again.Stop()
	for c.granting {
		c.granted.Wait()
	}
}

// TrySchedule permits a compaction if there is room; if not, the store will be
// offered it later.
func (c *compactions) TrySchedule() (bool, pebble.CompactionGrantHandle) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.closed:
		return false, nil
	case c.running >= c.db.GetAllowedWithoutPermission():
		c.again.Reset(sample)
		return false, nil
	}
	c.running++
	return true, c
}

// UpdateGetAllowedWithoutPermission says that the store may allow more. The store
// holds locks here that grant needs.
func (c *compactions) UpdateGetAllowedWithoutPermission() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed {
		c.again.Reset(0)
	}
}

// grant offers the store what there is room for.
func (c *compactions) grant() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.granting {
		c.granted.Wait()
	}
	c.granting = true
	for !c.closed {
		if c.running >= c.db.GetAllowedWithoutPermission() {
			c.again.Reset(sample) // more may wait
			break
		}
		c.running++
		if !c.offer() {
			c.running--
			break
		}
	}
	c.granting = false
	c.granted.Broadcast()
}

// offer reports whether the store has taken up a compaction. The caller holds
// mu, which the store must not meet.
func (c *compactions) offer() bool {
	c.mu.Unlock()
	defer c.mu.Lock()
	waits, _ := c.db.GetWaitingCompaction()
	return waits && c.db.Schedule(c)
}

// Done ends a compaction that was permitted.
func (c *compactions) Done() {
	c.mu.Lock()
	c.running--
	c.mu.Unlock()
	c.grant()
}

// Started, MeasureCPU and CumulativeStats tell what a scheduler might want to
// know; this one does not.
func (c *compactions) Started() {}

// MeasureCPU is described at Started.
func (c *compactions) MeasureCPU(pebble.CompactionGoroutineKind) {}

// CumulativeStats is described at Started.
func (c *compactions) CumulativeStats(pebble.CompactionGrantHandleStats) {}
