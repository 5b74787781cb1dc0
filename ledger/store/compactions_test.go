package store

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// backlog is a store with compactions that wait.
type backlog struct {
	mu                               sync.Mutex
	allowed, waiting, running, asked int
	handles                          []pebble.CompactionGrantHandle
}

func (b *backlog) GetAllowedWithoutPermission() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.asked++
	return b.allowed
}

func (b *backlog) GetWaitingCompaction() (bool, pebble.WaitingCompaction) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.waiting > 0, pebble.WaitingCompaction{}
}

func (b *backlog) Schedule(h pebble.CompactionGrantHandle) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.waiting--
	b.running++
	b.handles = append(b.handles, h)
	return true
}

// state is how many compactions run and wait.
func (b *backlog) state() [2]int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return [2]int{b.running, b.waiting}
}

func (b *backlog) allow(n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.allowed = n
}

func (b *backlog) end() {
	b.mu.Lock()
	h := b.handles[0]
	b.handles, b.running = b.handles[1:], b.running-1
	b.mu.Unlock()
	h.Done()
}

func TestCompactionsRunAsManyAsTheStoreAllows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &backlog{allowed: 1, waiting: 3}
		c := newCompactions()
		c.Register(2, b)
		is := func(why string, running, waiting int) {
			t.Helper()
			synctest.Wait()
			if got := b.state(); got != [2]int{running, waiting} {
				t.Errorf("%s: %d run and %d wait, not %d and %d", why, got[0], got[1], running, waiting)
			}
		}
		ok, first := c.TrySchedule()
		if more, _ := c.TrySchedule(); !ok || more {
			t.Fatalf("the first is permitted: %t; a second: %t", ok, more)
		}
		is("while the first runs", 0, 3)
		first.Done()
		is("after it", 1, 2)
		b.allow(2)
		time.Sleep(sample)
		is("when more are allowed, and nobody said so", 2, 1)
		b.allow(3)
		c.UpdateGetAllowedWithoutPermission()
		is("when the store says that more are allowed", 3, 0)
		b.end()
		is("after one of them", 2, 0)
		b.mu.Lock()
		b.waiting = 1
		b.mu.Unlock()
		c.Unregister()
		c.UpdateGetAllowedWithoutPermission()
		b.end()
		time.Sleep(time.Minute)
		is("after the store was closed", 1, 1)
		if ok, _ := c.TrySchedule(); ok {
			t.Error("a closed store is permitted a compaction")
		}
	})
}

func TestAStoreWithoutWorkIsNotAskedForIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &backlog{allowed: 1}
		c := newCompactions()
		c.Register(2, b)
		_, h := c.TrySchedule()
		h.Done()
		before := b.asked
		time.Sleep(time.Hour)
		if b.asked != before {
			t.Errorf("it was asked %d times in an hour", b.asked-before)
		}
		c.Unregister()
	})
}
