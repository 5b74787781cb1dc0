package store

import (
	"fmt"
	"sync"

	"github.com/cockroachdb/pebble/v2"
)

// Snapshot is the store as it was at one moment, whatever is written later. It
// is safe for concurrent use and must be closed.
type Snapshot struct {
	d     *DB
	p     *pebble.Snapshot
	close sync.Once
}

// Snapshot takes a snapshot.
func (d *DB) Snapshot() (*Snapshot, error) {
	if !d.gate.Enter() {
		return nil, ErrClosed
	}
	return &Snapshot{d: d, p: d.p.NewSnapshot()}, nil
}

// Get is DB.Get at the snapshot.
func (s *Snapshot) Get(key []byte) ([]byte, error) { return get(s.p, key) }

// Iter walks start ≤ key < end; a nil end has no bound. It must be closed
// before the snapshot.
func (s *Snapshot) Iter(start, end []byte) (*Iter, error) { return newIter(s.p, start, end) }

// Close frees the snapshot. Closing twice is harmless.
func (s *Snapshot) Close() error {
	var err error
	s.close.Do(func() {
		err = s.p.Close()
		s.d.gate.Leave()
	})
	return err
}

// Iter walks keys in byte order. It is used by one goroutine. Key and Value
// are valid until the next call of Next.
type Iter struct {
	p       *pebble.Iterator
	started bool
}

func newIter(r pebble.Reader, start, end []byte) (*Iter, error) {
	p, err := r.NewIter(&pebble.IterOptions{LowerBound: start, UpperBound: end})
	if err != nil {
		return nil, fmt.Errorf("scan store: %w", err)
	}
	return &Iter{p: p}, nil
}

// Next moves to the first or next key; false at the end or on an error.
func (i *Iter) Next() bool {
	if !i.started {
		i.started = true
		return i.p.First()
	}
	return i.p.Next()
}

// Key under the iterator.
func (i *Iter) Key() []byte { return i.p.Key() }

// Value under the iterator.
func (i *Iter) Value() []byte { return i.p.Value() }

// Err is nil when Next returned false because the keys ended.
func (i *Iter) Err() error { return i.p.Error() }

// Close frees the iterator.
func (i *Iter) Close() error { return i.p.Close() }
