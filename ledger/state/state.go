// Package state is the versioned world state of one channel as its readers and
// its one writer see it.
package state

import "github.com/weft-network/weft/ledger"

// Reader reads one consistent height. A Reader made by chain.Chain.Snapshot
// must be closed.
type Reader interface {
	// Get returns nil and a nil version for an absent key.
	Get(namespace, key string) ([]byte, *ledger.Version, error)
	// Entry returns a key with its metadata, nil when it is absent. In an empty
	// collection the key is a public one; in another it is the hash of a private
	// key, and the value the hash of its value.
	Entry(namespace, collection, key string) (*Entry, error)
	// NoMetadata reports that no key has metadata, so that nobody need look for
	// any. False says nothing.
	NoMetadata() bool
	// Range iterates the public keys start ≤ key < end in byte order; an empty end has no bound.
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

// Entry is a committed key.
type Entry struct {
	Value    []byte
	Metadata []byte // canonical, as of EncodeMetadata; nil when there is none
	Version  ledger.Version
}

// Update is one write of a committed block. With a Collection, Key is the hash
// of a private key and Value the hash of its value.
type Update struct {
	Namespace, Collection, Key string
	Value                      []byte
	Metadata                   []byte // all that the key has after this update
	Delete                     bool
	Version                    ledger.Version
}

// Describes reports whether a key has metadata after its update.
func (b Batch) Describes() bool {
	for i := range b {
		if len(b[i].Metadata) > 0 && !b[i].Removes() {
			return true
		}
	}
	return false
}

// Removes tells that the key is absent after the update: an empty value is an
// absent one, as in Fabric.
func (u *Update) Removes() bool { return u.Delete || len(u.Value) == 0 }

// Batch are the updates of one block, last write per key, sorted by namespace,
// collection and key.
type Batch []Update
