package chain

import (
	"sync"
	"sync/atomic"

	"github.com/cespare/xxhash/v2"
	"github.com/greatroar/blobloom"
)

const (
	// minFilterIDs is the size of the first part of a filter, in ids.
	minFilterIDs = 1 << 16
	// maxFilterIDs bounds the memory of a filter: at 11 bits an id, some 22 MiB.
	// A ledger with more transactions is asked itself.
	maxFilterIDs = 1 << 24
	// filterFalsePositives is how often the ledger is asked for nothing.
	filterFalsePositives = 0.01
)

// filter tells of most transaction ids that are not on the ledger that they are
// not, without reading. It knows every id that was added, and says nothing
// before it is complete. It is safe for concurrent use.
type filter struct {
	complete atomic.Bool
	parts    atomic.Pointer[[]*blobloom.SyncFilter] // each twice as large as the one before

	mu   sync.Mutex
	size uint64 // of the newest part, in ids
	room uint64 // of the newest part, left
	ids  uint64 // in all
}

// newFilter makes a filter that takes that many ids before it grows.
func newFilter(ids uint64) *filter {
	f := &filter{}
	f.grow(max(ids, minFilterIDs))
	return f
}

// grow adds a part. The caller holds mu, or is alone.
func (f *filter) grow(ids uint64) {
	part := blobloom.NewSyncOptimized(blobloom.Config{Capacity: ids, FPRate: filterFalsePositives})
	parts := []*blobloom.SyncFilter{part}
	if old := f.parts.Load(); old != nil {
		parts = append(parts, *old...)
	}
	f.size, f.room = ids, ids
	f.parts.Store(&parts)
}

// add adds the key of an id, before anybody may look for it. It reports whether
// the filter still takes ids: one that does not answers nothing any more.
func (f *filter) add(key []byte) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ids >= maxFilterIDs {
		f.complete.Store(false)
		f.parts.Store(&[]*blobloom.SyncFilter{})
		return false
	}
	if f.room == 0 {
		f.grow(2 * f.size)
	}
	f.ids++
	f.room--
	(*f.parts.Load())[0].Add(xxhash.Sum64(key))
	return true
}

// done makes the filter complete: all ids of the ledger are in it.
func (f *filter) done() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.complete.Store(f.ids < maxFilterIDs)
}

// excludes tells that no id with that key was ever added.
func (f *filter) excludes(key []byte) bool {
	if !f.complete.Load() {
		return false
	}
	h := xxhash.Sum64(key)
	for _, part := range *f.parts.Load() {
		if part.Has(h) {
			return false
		}
	}
	// The parts go after complete does.
	return f.complete.Load()
}
