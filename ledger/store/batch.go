package store

import (
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

// maxBatchBytes bounds one batch. Pebble panics at 4 GiB; nothing that Weft
// writes at once, a block's state included, comes near this.
const maxBatchBytes = 1 << 30

// Batch collects writes that become visible, and with sync durable, together.
// It is used by one goroutine and applied once.
type Batch struct {
	p   *pebble.Batch
	err error
}

// NewBatch starts a batch.
func (d *DB) NewBatch() *Batch { return &Batch{p: d.p.NewBatch()} }

// Set writes a key. Key and value are copied.
func (b *Batch) Set(key, value []byte) {
	if b.room(len(key) + len(value)) {
		b.err = b.p.Set(key, value, nil)
	}
}

// Delete removes a key.
func (b *Batch) Delete(key []byte) {
	if b.room(len(key)) {
		b.err = b.p.Delete(key, nil)
	}
}

// DeleteRange removes start ≤ key < end. Writes of the same batch count in
// their order: a Set after it stays.
func (b *Batch) DeleteRange(start, end []byte) {
	if b.room(len(start) + len(end)) {
		b.err = b.p.DeleteRange(start, end, nil)
	}
}

// room tells whether n more bytes fit; the first failure stays in err.
func (b *Batch) room(n int) bool {
	if b.err == nil && b.p.Len()+n > maxBatchBytes {
		b.err = fmt.Errorf("a batch may hold %d bytes at most", maxBatchBytes)
	}
	return b.err == nil
}

// Apply commits b; with sync it returns after the data is on disk. Concurrent
// synced calls share one sync. The batch may not be used again.
func (d *DB) Apply(b *Batch, sync bool) error {
	if !d.gate.Enter() {
		return ErrClosed
	}
	defer d.gate.Leave()
	if b.err != nil {
		return errors.Join(b.err, b.p.Close())
	}
	o := pebble.NoSync
	if sync {
		o = pebble.Sync
	}
	if err := d.p.Apply(b.p, o); err != nil {
		return fmt.Errorf("write store: %w", err)
	}
	return b.p.Close()
}
