package chain

import (
	"errors"
	"fmt"
	"sync"

	"github.com/weft-network/weft/ledger"
	"github.com/weft-network/weft/ledger/state"
	"github.com/weft-network/weft/ledger/store"
)

// Snapshot is a consistent view of state and height, whatever is appended
// later. It implements state.Reader, is safe for concurrent use and must be
// closed: an open one keeps Chain.Close waiting. Its iterators end with it.
type Snapshot struct {
	c *Chain
	h *height // nil when the chain was closed

	mu     sync.Mutex
	closed bool
	iters  map[*stateIter]bool
}

// Snapshot takes a snapshot of the newest height. Of a closed chain, every use
// of it answers ErrClosed.
func (c *Chain) Snapshot() *Snapshot {
	s := &Snapshot{c: c}
	if !c.gate.Enter() {
		return s
	}
	h, err := c.newest()
	if err != nil {
		c.gate.Leave()
		return s
	}
	s.h = h
	return s
}

// Height of the snapshot.
func (s *Snapshot) Height() uint64 {
	if s.h == nil {
		return 0
	}
	return s.h.number
}

// Get implements state.Reader.
func (s *Snapshot) Get(ns, key string) ([]byte, *ledger.Version, error) {
	if s.h == nil {
		return nil, nil, ErrClosed
	}
	b, err := s.h.get(stateKey(ns, key))
	if b == nil || err != nil {
		return nil, nil, err
	}
	version, value, err := decodeState(b)
	if err != nil {
		return nil, nil, err
	}
	return value, &version, nil
}

// Entry implements state.Reader. Collections and metadata are not kept yet.
func (s *Snapshot) Entry(ns, collection, key string) (*state.Entry, error) {
	if collection != "" {
		return nil, fmt.Errorf("collection %q: private data is not kept", collection)
	}
	value, version, err := s.Get(ns, key)
	if version == nil || err != nil {
		return nil, err
	}
	return &state.Entry{Value: value, Version: *version}, nil
}

// HasTx reports whether a transaction id is on the ledger.
func (s *Snapshot) HasTx(txID string) (bool, error) {
	if s.h == nil {
		return false, ErrClosed
	}
	_, found, err := findTx(s.h.s, txID)
	return found, err
}

// Range implements state.Reader.
func (s *Snapshot) Range(ns, start, end string) (state.Iterator, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.h == nil || s.closed {
		return nil, ErrClosed
	}
	prefix := namespacePrefix(ns)
	upper := store.PrefixEnd(prefix)
	if end != "" {
		upper = stateKey(ns, max(start, end)) // none when end is before start
	}
	it, err := s.h.s.Iter(stateKey(ns, start), upper)
	if err != nil {
		return nil, err
	}
	i := &stateIter{s: s, it: it, prefix: len(prefix)}
	if s.iters == nil {
		s.iters = map[*stateIter]bool{}
	}
	s.iters[i] = true
	return i, nil
}

// Close frees the snapshot and its iterators. Closing twice is harmless.
func (s *Snapshot) Close() error {
	s.mu.Lock()
	if s.h == nil || s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	open := s.iters
	s.iters = nil
	s.mu.Unlock()
	var err error
	for i := range open {
		err = errors.Join(err, i.it.Close())
	}
	err = errors.Join(err, s.h.free())
	s.c.gate.Leave()
	return err
}

// forget reports whether the iterator was still open.
func (s *Snapshot) forget(i *stateIter) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	open := s.iters[i]
	delete(s.iters, i)
	return open
}

// stateIter walks the keys of one namespace.
type stateIter struct {
	s      *Snapshot
	it     *store.Iter
	prefix int
	kv     ledger.KV
	err    error
}

func (i *stateIter) Next() bool {
	if i.err != nil || !i.it.Next() {
		return false
	}
	version, value, err := decodeState(i.it.Value())
	if err != nil {
		i.err = err
		return false
	}
	i.kv = ledger.KV{
		Key:     string(i.it.Key()[i.prefix:]),
		Value:   append([]byte(nil), value...),
		Version: version,
	}
	return true
}

func (i *stateIter) KV() ledger.KV { return i.kv }

func (i *stateIter) Err() error {
	if i.err != nil {
		return i.err
	}
	return i.it.Err()
}

func (i *stateIter) Close() error {
	if !i.s.forget(i) {
		return nil
	}
	return i.it.Close()
}
