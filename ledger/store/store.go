// Package store is the only place that touches pebble and the block log's
// files. It promises that what was synced survives a crash, that readers see
// whole batches, and that a directory written by a newer format is refused.
package store

import "errors"

// DB is a small ordered key-value store (pebble) for node-local data: the Raft
// log, installed chaincode, approvals. It is safe for concurrent use.
type DB struct{}

// OpenDB opens or creates the store in dir and checks its format version.
func OpenDB(dir string) (*DB, error) { return nil, errors.New("not built yet") }

// Get returns nil for an absent key. The value is the caller's own copy.
func (d *DB) Get(key []byte) ([]byte, error) { return nil, errors.New("not built yet") }

// Scan calls f for start ≤ key < end in order until it returns false.
// The slices are valid during the call only.
func (d *DB) Scan(start, end []byte, f func(key, value []byte) bool) error {
	return errors.New("not built yet")
}

// Batch collects writes that become visible, and with sync durable, together.
type Batch struct{}

// NewBatch starts a batch.
func (d *DB) NewBatch() *Batch { return &Batch{} }

// Set writes a key.
func (b *Batch) Set(key, value []byte) {}

// Delete removes a key.
func (b *Batch) Delete(key []byte) {}

// DeleteRange removes start ≤ key < end.
func (b *Batch) DeleteRange(start, end []byte) {}

// Apply commits b; with sync it returns after the data is on disk.
func (d *DB) Apply(b *Batch, sync bool) error { return errors.New("not built yet") }

// Close flushes and closes.
func (d *DB) Close() error { return nil }
