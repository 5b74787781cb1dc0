package chain

import (
	"errors"
	"io"
	"sync"

	"github.com/weft-network/weft/ledger"
	"github.com/weft-network/weft/ledger/state"
	"github.com/weft-network/weft/ledger/store"
)

// Snapshot is a consistent view of state and height, whatever is appended
// later. It implements state.Reader, is safe for concurrent use and must be
// closed: an open one keeps Chain.Close waiting. Its iterators end with it.
type Snapshot struct {
	c   *Chain
	h   *height // nil when there is none: err says why
	err error

	mu     sync.Mutex
	closed bool
	iters  map[io.Closer]*store.Iter // by what walks with them
}

// Snapshot takes a snapshot of the newest height. Of a closed chain, every use
// of it answers ErrClosed; of one opened for reading only without a usable
// index, why it is not usable.
func (c *Chain) Snapshot() *Snapshot {
	s := &Snapshot{c: c, err: ErrClosed}
	if !c.gate.Enter() {
		return s
	}
	if s.h, s.err = c.newest(); s.err != nil {
		c.gate.Leave()
	}
	return s
}

// Height of the snapshot.
func (s *Snapshot) Height() uint64 {
	if s.h == nil {
		return 0
	}
	return s.h.number
}

// Get implements state.Reader. The caller owns the value.
func (s *Snapshot) Get(ns, key string) ([]byte, *ledger.Version, error) {
	e, found, err := s.entry(ns, "", key)
	if !found || err != nil {
		return nil, nil, err
	}
	version := e.Version // kept for longer than the value, which e would keep too
	return e.Value, &version, nil
}

// Entry implements state.Reader. The caller owns the result.
func (s *Snapshot) Entry(ns, collection, key string) (*state.Entry, error) {
	e, found, err := s.entry(ns, collection, key)
	if !found || err != nil {
		return nil, err
	}
	own := e // so that nothing is made for a key that is not there
	return &own, nil
}

// NoMetadata implements state.Reader.
func (s *Snapshot) NoMetadata() bool { return s.h != nil && s.h.noMetadata }

func (s *Snapshot) entry(ns, collection, key string) (e state.Entry, found bool, err error) {
	if s.h == nil {
		return e, false, s.err
	}
	var room [128]byte // on the stack, enough for most keys
	b, err := s.h.get(appendEntryKey(room[:0], ns, collection, key))
	if b == nil || err != nil {
		return e, false, err
	}
	e, err = decodeEntry(b)
	return e, err == nil, err
}

// HasTx reports whether a transaction id is on the ledger.
func (s *Snapshot) HasTx(txID string) (bool, error) {
	if s.h == nil {
		return false, s.err
	}
	_, found, err := s.c.findTx(s.h.s.Get, txID)
	return found, err
}

// Range implements state.Reader.
func (s *Snapshot) Range(ns, start, end string) (state.Iterator, error) {
	prefix := namespacePrefix(ns)
	upper := store.PrefixEnd(prefix)
	if end != "" {
		upper = stateKey(ns, max(start, end)) // none when end is before start
	}
	i := &stateIter{s: s, prefix: len(prefix)}
	var err error
	if i.it, err = s.iter(i, stateKey(ns, start), upper); err != nil {
		return nil, err
	}
	return i, nil
}

// iter begins a walk for an iterator, which ends with closeIter of it.
func (s *Snapshot) iter(of io.Closer, start, end []byte) (*store.Iter, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.h == nil:
		return nil, s.err
	case s.closed:
		return nil, ErrClosed
	}
	it, err := s.h.s.Iter(start, end)
	if err != nil {
		return nil, err
	}
	if s.iters == nil {
		s.iters = map[io.Closer]*store.Iter{}
	}
	s.iters[of] = it
	return it, nil
}

// closeIter ends a walk, unless the snapshot has.
func (s *Snapshot) closeIter(of io.Closer) error {
	s.mu.Lock()
	it := s.iters[of]
	delete(s.iters, of)
	s.mu.Unlock()
	if it == nil {
		return nil
	}
	return it.Close()
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
	for _, it := range open {
		err = errors.Join(err, it.Close())
	}
	err = errors.Join(err, s.h.free())
	s.c.gate.Leave()
	return err
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
	e, err := decodeEntry(i.it.Value())
	if err != nil {
		i.err = err
		return false
	}
	i.kv = ledger.KV{
		Key:     string(i.it.Key()[i.prefix:]),
		Value:   append([]byte(nil), e.Value...),
		Version: e.Version,
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

func (i *stateIter) Close() error { return i.s.closeIter(i) }
