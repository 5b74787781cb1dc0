// Package chain is one channel's ledger on disk: the block log, which is the
// truth, and the state, indexes and savepoint derived from it.
//
// A commit appends the block to the log and syncs it, the one fsync; then one
// unsynced batch writes state, indexes, history and findings. Opening cuts a torn
// tail and replays from the savepoint. One goroutine appends; any number read.
// docs/ledger.md has the whole story, and what an operator does about faults.
//
// A crash leaves every block whose Append returned, and perhaps the one under
// way. The derived part may be behind by any number of blocks, never ahead; its
// directory may even be deleted, and Open makes it again from the blocks. With
// NoSync the newest blocks may be lost, but never one before a block that is kept.
package chain

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/weft-network/weft/ledger"
	"github.com/weft-network/weft/ledger/internal/gate"
	"github.com/weft-network/weft/ledger/state"
	"github.com/weft-network/weft/ledger/store"
)

// ErrNotFound answers reads of blocks and transactions that are not there.
var ErrNotFound = errors.New("not found")

// ErrClosed answers the use of a chain that was closed.
var ErrClosed = errors.New("the ledger is closed")

// Options of Open.
type Options struct {
	// NoSync leaves the log unsynced: for orderers, whose Raft log holds the
	// block. See Chain.Sync.
	NoSync bool
	// Replay returns the updates of a block whose codes are already in its
	// metadata. Open calls it for the blocks after the savepoint. Nil for
	// orderers: they keep blocks without state, transaction index and commit hash.
	// before is the state before the block, good until Replay returns.
	Replay func(b *ledger.Block, before state.Reader) (state.Batch, error)

	// ReadOnly opens what is there and changes no byte of it: a torn tail stays,
	// nothing is replayed. Blocks that the index does not cover are read all the
	// same, but the state is that of Recovery's IndexHeight, and transactions are
	// found up to there. Replay is not called. The ledger must not be open
	// elsewhere.
	ReadOnly bool
	// Progress hears of a replay: blocks done, of so many. It may be nil.
	Progress func(height, of uint64)

	// FS is the file system; nil is the operating system's.
	FS store.FS
	// Logger hears of recovery and failures; nil discards.
	Logger *slog.Logger
	// SegmentBytes is the size of the log's files; 0 is the store's default.
	SegmentBytes int64
	// CacheBytes bounds the memory for state that was used last; 0 is a default.
	CacheBytes int64
	// Fatal is store.Options.Fatal for the index.
	Fatal func(msg string)
}

func (o Options) store() store.Options {
	s := store.Options{
		FS: o.FS, Logger: o.Logger, SegmentBytes: o.SegmentBytes,
		CacheBytes: indexCacheBytes, ReadOnly: o.ReadOnly, Fatal: o.Fatal,
	}
	if o.Replay != nil {
		s.UpdateBytes = indexUpdateBytes
	}
	return s
}

// indexCacheBytes bounds the blocks of index files kept in memory. The keys of
// ten million entries, and the filters over them, fit.
const indexCacheBytes = 64 << 20

// indexUpdateBytes bounds the state and indexes that are not in index files yet:
// those of some 90,000 small transactions.
const indexUpdateBytes = 64 << 20

// Chain is an open channel ledger.
type Chain struct {
	opts Options
	logs *slog.Logger
	log  *store.Log
	dir  string    // of the index
	db   *store.DB // nil if ReadOnly found none that can be used
	gate gate.Gate
	tip  atomic.Pointer[savepoint]

	cache *cache
	txs   *filter
	found Recovery
	past  *unindexed // of ReadOnly

	stop    chan struct{} // closed by Close: ends what goes on in the background
	filling sync.WaitGroup

	appending sync.Mutex // held by Append
	buf       []byte     // of Append, for the encoded block

	// view is held for writing while a block's batch becomes visible, so that
	// snapshots pair the state with its height.
	view sync.RWMutex

	sharing sync.Mutex
	shared  *height // the newest, once somebody has asked for it

	mu      sync.Mutex
	changed chan struct{} // closed and replaced when the fields below or tip change
	failed  error         // why the chain takes no more blocks
	closed  bool
}

// The two directories of a ledger. Only the first is the truth.
const (
	blocksDir = "blocks"
	indexDir  = "index"
)

// Open opens or creates the ledger of a channel in dir. An error that is
// ErrIndex leaves the blocks untouched.
func Open(dir string, o Options) (*Chain, error) {
	c, err := open(dir, o)
	if err != nil {
		return nil, fmt.Errorf("open ledger %s: %w", dir, err)
	}
	return c, nil
}

func open(dir string, o Options) (*Chain, error) {
	if err := settleRollback(dir, o); err != nil {
		return nil, err
	}
	log, err := store.OpenLog(filepath.Join(dir, blocksDir), o.store())
	if err != nil {
		return nil, err
	}
	c := newChain(log, nil, o)
	if o.ReadOnly {
		err = c.openReadOnly(filepath.Join(dir, indexDir))
	} else {
		err = c.openIndex(filepath.Join(dir, indexDir))
	}
	if err != nil {
		return nil, errors.Join(err, c.shut())
	}
	return c, nil
}

// newChain makes an empty chain on its stores.
func newChain(log *store.Log, db *store.DB, o Options) *Chain {
	c := &Chain{
		opts: o, logs: o.Logger, log: log, db: db, changed: make(chan struct{}), stop: make(chan struct{}),
		cache: newCache(o.CacheBytes), txs: newFilter(0), found: Recovery{TornBytes: log.Torn()},
	}
	if c.logs == nil {
		c.logs = slog.New(slog.DiscardHandler)
	}
	return c
}

// blocksOnly tells that the chain has no state.
func (c *Chain) blocksOnly() bool { return c.opts.Replay == nil }

// Height is the number of blocks.
func (c *Chain) Height() uint64 { return c.tip.Load().height }

// LastHash is the header hash of the newest block, nil when empty.
func (c *Chain) LastHash() []byte { return c.tip.Load().hash }

// CommitHash is the commit hash of the newest block, nil when there is none.
func (c *Chain) CommitHash() []byte { return c.tip.Load().commitHash }

// LastConfig is the number of the newest config block; 0 when empty.
func (c *Chain) LastConfig() uint64 { return c.tip.Load().lastConfig }

// Sync makes all blocks durable: for chains with NoSync, before whatever else
// holds the blocks forgets them. An error is final, as that of Append.
func (c *Chain) Sync() error {
	if !c.gate.Enter() {
		return ErrClosed
	}
	defer c.gate.Leave()
	c.appending.Lock()
	defer c.appending.Unlock()
	if err := c.failure(); err != nil {
		return fmt.Errorf("sync blocks: %w", err)
	}
	if err := c.log.Sync(); err != nil {
		c.fail(err)
		return fmt.Errorf("sync blocks: %w", err)
	}
	return nil
}

// Close flushes and closes. It ends the waiting of WaitHeight with ErrClosed,
// waits for the calls under way and for every snapshot to be closed, and after
// that all methods but the trivial ones (Height and the like) answer ErrClosed.
// Closing twice is harmless.
func (c *Chain) Close() error {
	c.mu.Lock()
	c.closed = true
	c.broadcast()
	c.mu.Unlock()
	if !c.gate.Close() {
		return nil
	}
	return c.shut()
}
