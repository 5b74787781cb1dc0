// Package sim simulates a transaction: reads at one height, and a read-write
// set in Fabric's canonical form. Equal accesses on equal state give equal
// bytes on every peer.
package sim

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"unicode/utf8"

	"github.com/weft-network/weft/ledger"
	"github.com/weft-network/weft/ledger/state"
)

// Limits of one simulation: what it collects is kept in memory and sent on.
const (
	// MaxWriteBytes bounds keys, values and metadata written. An envelope of this size
	// is far above what any orderer takes by default (10 MiB).
	MaxWriteBytes = 32 << 20
	// MaxReadBytes bounds the keys in the read set, ranges included.
	MaxReadBytes = 32 << 20
	// MaxAccesses bounds the keys read, the keys written and the ranges, each. A
	// key whose value and metadata are written counts twice.
	MaxAccesses = 100_000
	// MaxRangeRecords is Fabric's totalQueryLimit: the records that one range
	// may give.
	MaxRangeRecords = 100_000
)

// ErrRefused is in every error that the transaction brought upon itself: a key
// that no key can be, or a limit. Other errors are faults of the peer.
var ErrRefused = errors.New("refused")

func refuse(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrRefused, fmt.Sprintf(format, args...))
}

// Pages are for transactions that write nothing: which keys make up a page is
// for the client to see, and nothing that later transactions should depend on.
// Both errors are refusals.
var (
	// ErrPageAfterWrite refuses a page once something was written.
	ErrPageAfterWrite = refuse("pages are read by transactions that write nothing")
	// ErrWriteAfterPage refuses a write once a page was opened.
	ErrWriteAfterPage = refuse("a transaction that has read a page writes nothing")
)

// errDone answers use after Results.
var errDone = errors.New("the simulation is over")

// Simulator collects what one transaction reads and writes. It is used by one
// goroutine. Reads do not see the transaction's own writes, as in Fabric.
type Simulator struct {
	reader     state.Reader
	namespaces map[string]*namespace
	iterators  []*iterator // in the order of their opening
	done       bool
	paged      bool // a page was opened

	reads, writes         int
	readBytes, writeBytes int
}

// namespace is what was accessed of one namespace.
type namespace struct {
	reads    map[string]*ledger.Version
	writes   map[string]ledger.Write
	metadata map[string]ledger.MetadataEntry // written, by key
}

// New starts a simulation on one snapshot; the caller keeps owning the reader.
func New(r state.Reader) *Simulator {
	return &Simulator{reader: r, namespaces: map[string]*namespace{}}
}

func (s *Simulator) namespace(name string) *namespace {
	n := s.namespaces[name]
	if n == nil {
		n = &namespace{reads: map[string]*ledger.Version{}, writes: map[string]ledger.Write{}}
		s.namespaces[name] = n
	}
	return n
}

// Get reads a committed value and records the read; nil for an absent key.
func (s *Simulator) Get(namespace, key string) ([]byte, error) {
	if err := s.check(namespace, key); err != nil {
		return nil, err
	}
	value, version, err := s.reader.Get(namespace, key)
	if err != nil {
		return nil, err
	}
	if err := s.noteRead(namespace, key, version); err != nil {
		return nil, err
	}
	return value, nil
}

// noteRead records the read of a key, once: on one snapshot its version stays.
func (s *Simulator) noteRead(namespace, key string, version *ledger.Version) error {
	n := s.namespace(namespace)
	if _, again := n.reads[key]; again {
		return nil
	}
	if err := s.payRead(1, len(key)); err != nil {
		return err
	}
	n.reads[key] = version
	return nil
}

// Read is the version of a key that a Get recorded, nil when the key was absent
// or was not read.
func (s *Simulator) Read(namespace, key string) *ledger.Version {
	n := s.namespaces[namespace]
	if n == nil {
		return nil
	}
	return n.reads[key]
}

// Put records a write. Of several to one key the last counts. An empty value
// is a delete, as in Fabric. The value is copied.
func (s *Simulator) Put(namespace, key string, value []byte) error {
	w := ledger.Write{Key: key, Delete: len(value) == 0}
	if !w.Delete {
		w.Value = append([]byte(nil), value...)
	}
	return s.write(namespace, w)
}

// Delete records the removal of a key, present or not.
func (s *Simulator) Delete(namespace, key string) error {
	return s.write(namespace, ledger.Write{Key: key, Delete: true})
}

func (s *Simulator) write(namespace string, w ledger.Write) error {
	if err := s.check(namespace, w.Key); err != nil {
		return err
	}
	if s.paged {
		return ErrWriteAfterPage
	}
	n := s.namespace(namespace)
	old, again := n.writes[w.Key]
	more := len(w.Value) - len(old.Value)
	if !again {
		more += len(w.Key)
	}
	if err := s.payWrite(!again, more); err != nil {
		return err
	}
	n.writes[w.Key] = w
	return nil
}

// payWrite counts what the write set has to hold: one key more, if it is new,
// and so many bytes more.
func (s *Simulator) payWrite(another bool, bytes int) error {
	if another && s.writes >= MaxAccesses {
		return refuse("a transaction may write %d keys", MaxAccesses)
	}
	if s.writeBytes+bytes > MaxWriteBytes {
		return refuse("a transaction may write %d bytes", MaxWriteBytes)
	}
	if another {
		s.writes++
	}
	s.writeBytes += bytes
	return nil
}

// Namespaces are those with reads, ranges or writes so far, sorted.
func (s *Simulator) Namespaces() []string {
	touched := map[string]bool{}
	for name, n := range s.namespaces {
		touched[name] = len(n.reads)+len(n.writes)+len(n.metadata) > 0
	}
	for _, i := range s.iterators {
		touched[i.namespace] = touched[i.namespace] || i.exhausted || i.taken > 0
	}
	var names []string
	for _, name := range slices.Sorted(maps.Keys(touched)) {
		if touched[name] {
			names = append(names, name)
		}
	}
	return names
}

// check makes sure that the simulation goes on and that the names can stand in
// a read-write set, whose strings are UTF-8.
func (s *Simulator) check(namespace, key string) error {
	if key == "" {
		return refuse("the key is empty")
	}
	return s.checkNames(namespace, key)
}

func (s *Simulator) checkNames(namespace string, keys ...string) error {
	if s.done {
		return errDone
	}
	if namespace == "" || !utf8.ValidString(namespace) {
		return refuse("namespace %q is not valid", namespace)
	}
	for _, key := range keys {
		if !utf8.ValidString(key) {
			return refuse("key %q is not valid UTF-8", key)
		}
	}
	return nil
}

// payRead counts what the read set has to hold.
func (s *Simulator) payRead(reads, bytes int) error {
	if s.reads+reads > MaxAccesses {
		return refuse("a transaction may read %d keys", MaxAccesses)
	}
	if s.readBytes+bytes > MaxReadBytes {
		return refuse("a transaction may read %d bytes of keys", MaxReadBytes)
	}
	s.reads += reads
	s.readBytes += bytes
	return nil
}
