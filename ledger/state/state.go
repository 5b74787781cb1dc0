// Package state is the versioned world state of one channel as its readers and
// its one writer see it.
package state

import "github.com/weft-network/weft/ledger"

// Reader reads one consistent height. A Reader made by chain.Chain.Snapshot
// must be closed.
type Reader interface {
	// Get returns nil and a nil version for an absent key.
	Get(namespace, key string) ([]byte, *ledger.Version, error)
	// Range iterates start ≤ key < end in byte order; an empty end has no bound.
	Range(namespace, start, end string) (Iterator, error)
}

// Iterator walks keys in byte order. It must be closed; Next after the last
// key returns false and Err tells whether that was the end.
type Iterator interface {
	Next() bool
	KV() ledger.KV
	Err() error
	Close() error
}

// Update is one write of a committed block.
type Update struct {
	Namespace, Key string
	Value          []byte
	Delete         bool
	Version        ledger.Version
}

// Batch are the updates of one block, last write per key, sorted by namespace
// and key.
type Batch []Update
