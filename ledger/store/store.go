// Package store is the only place that touches pebble and the block log's
// files. It promises that what was synced survives a crash, that readers see
// whole batches, and that a directory written by a newer format is refused.
//
// DB is an ordered key-value store; Log is an append-only file of records. Both
// own their directory: a second process that opens it is told so. An error of
// the disk under a synced write is final. DB stops the process, as nothing may
// be trusted after it; Log refuses every later write.
package store

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/weft-network/weft/ledger/internal/gate"
)

// ErrClosed answers the use of a store that was closed.
var ErrClosed = errors.New("the store is closed")

// FS is the file system that stores live on.
type FS = vfs.FS

// Options of OpenDBWith and OpenLog. The zero value is the default.
type Options struct {
	// FS is the file system; nil is the operating system's.
	FS FS
	// Logger hears of failures, and at debug level of the engine's work. Nil
	// discards both.
	Logger *slog.Logger
	// SegmentBytes is the size at which a Log starts a new segment; 0 is
	// DefaultSegmentBytes. DB ignores it.
	SegmentBytes int64
	// Forgets allows a Log to Forget. One that was opened so has to be opened so
	// ever after: without, a log that lacks its beginning has lost it. DB ignores it.
	Forgets bool
	// CacheBytes bounds what a DB keeps in memory of its files; 0 is a size for
	// stores that are small or seldom read. It is filled on demand. Log ignores it.
	CacheBytes int64
	// UpdateBytes bounds the memory of a DB for writes that are not in tables yet;
	// 0 is a size for stores that are small or whose writes do not stay. The more
	// of them are written at once, the seldomer what is there is rewritten. It is
	// taken on demand. Log ignores it.
	UpdateBytes int64
	// ReadOnly opens what is there and changes no byte of it; the directory may
	// be on a disk that cannot be written. Nobody else may have it open.
	ReadOnly bool
	// Fatal is called when a DB's disk failed under a write, after which
	// nothing may be trusted but what the next start finds. It must not return;
	// a process ends in it. Nil panics.
	Fatal func(msg string)
}

func (o Options) withDefaults() Options {
	if o.FS == nil {
		o.FS = vfs.Default
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.SegmentBytes <= 0 {
		o.SegmentBytes = DefaultSegmentBytes
	}
	if o.CacheBytes <= 0 {
		o.CacheBytes = defaultCacheBytes
	}
	if o.UpdateBytes <= 0 {
		o.UpdateBytes = defaultUpdateBytes
	}
	if o.Fatal == nil {
		o.Fatal = func(msg string) { panic(errors.New("store: the disk failed: " + msg)) }
	}
	if o.ReadOnly {
		o.FS = readOnly{o.FS}
	}
	return o
}

// DB is a small ordered key-value store (pebble) for node-local data: installed
// chaincode, approvals. It is safe for concurrent use.
type DB struct {
	p    *pebble.DB
	lock *pebble.Lock
	gate gate.Gate

	readOnly bool
	guarded  atomic.Bool // its write-ahead log is
}

// OpenDB opens or creates the store in dir and checks its format version.
func OpenDB(dir string) (*DB, error) { return OpenDBWith(dir, Options{}) }

// OpenDBWith is OpenDB with options.
func OpenDBWith(dir string, o Options) (*DB, error) {
	o = o.withDefaults()
	lock, err := claim(o, dir, kindDB, dbFormat)
	if err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	d := &DB{lock: lock, readOnly: o.ReadOnly}
	o.FS = guard{o.FS, &d.guarded, o.Fatal}
	d.p, err = openPebble(dir, pebbleOptions(o, lock))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open store %s: %w", dir, err), lock.Close())
	}
	d.guarded.Store(true)
	return d, nil
}

// openPebble is pebble.Open for a disk that may fail: where pebble panics because
// of that, nothing was opened yet, and the caller can be told.
func openPebble(dir string, po *pebble.Options) (p *pebble.DB, err error) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case error:
			err = fmt.Errorf("the disk failed: %w", r)
		default:
			panic(r)
		}
	}()
	return pebble.Open(dir, po)
}

// Get returns nil for an absent key. The value is the caller's own copy; that
// of a key set to an empty value is empty, not nil.
func (d *DB) Get(key []byte) ([]byte, error) {
	if !d.gate.Enter() {
		return nil, ErrClosed
	}
	defer d.gate.Leave()
	return get(d.p, key)
}

// Scan calls f for start ≤ key < end in order until it returns false; a nil end
// has no bound. The slices are valid during the call only.
func (d *DB) Scan(start, end []byte, f func(key, value []byte) bool) error {
	if !d.gate.Enter() {
		return ErrClosed
	}
	defer d.gate.Leave()
	it, err := newIter(d.p, start, end)
	if err != nil {
		return err
	}
	for it.Next() {
		if !f(it.Key(), it.Value()) {
			break
		}
	}
	return errors.Join(it.Err(), it.Close())
}

// Close flushes and closes, after the calls under way and once every snapshot
// is closed. Closing twice is harmless.
func (d *DB) Close() error {
	if !d.gate.Close() {
		return nil
	}
	var flushed error
	if !d.readOnly {
		flushed = d.p.Flush() // a clean close leaves everything durable, synced or not
	}
	d.guarded.Store(false)
	return errors.Join(flushed, d.p.Close(), d.lock.Close())
}

// get reads one key of a database or a snapshot.
func get(r pebble.Reader, key []byte) ([]byte, error) {
	v, closer, err := r.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read store: %w", err)
	}
	own := make([]byte, len(v))
	copy(own, v)
	return own, closer.Close()
}

// PrefixEnd is the first key after all keys that begin with prefix: the end of
// a Scan over them. It is nil, no bound, for a prefix of only 0xff.
func PrefixEnd(prefix []byte) []byte {
	end := slices.Clone(prefix)
	for i := len(end) - 1; i >= 0; i-- {
		if end[i] < 0xff {
			end[i]++
			return end[:i+1]
		}
	}
	return nil
}
