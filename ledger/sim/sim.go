// Package sim simulates a transaction: reads at one height, and a read-write
// set in Fabric's canonical form.
package sim

import (
	"errors"

	"github.com/weft-network/weft/ledger/state"
)

// Simulator collects what one transaction reads and writes. It is used by one
// goroutine. Reads do not see the transaction's own writes, as in Fabric.
type Simulator struct{}

// New starts a simulation on one snapshot; the caller keeps owning the reader.
func New(r state.Reader) *Simulator { return nil }

// Get reads a committed value and records the read; nil for an absent key.
func (s *Simulator) Get(namespace, key string) ([]byte, error) {
	return nil, errors.New("not built yet")
}

// Put records a write. Delete records a delete.
func (s *Simulator) Put(namespace, key string, value []byte) error {
	return errors.New("not built yet")
}

// Delete records the removal of a key.
func (s *Simulator) Delete(namespace, key string) error { return errors.New("not built yet") }

// Range iterates start ≤ key < end and records a range query, whose reads are
// those that the caller really took.
func (s *Simulator) Range(namespace, start, end string) (state.Iterator, error) {
	return nil, errors.New("not built yet")
}

// Results is the marshalled rwset.TxReadWriteSet. Iterators still open are
// closed as not exhausted.
func (s *Simulator) Results() ([]byte, error) { return nil, errors.New("not built yet") }
