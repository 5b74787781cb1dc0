// Package chain is one channel's ledger on disk: the block log, which is the
// truth, and the state, indexes and savepoint derived from it.
//
// A commit appends the block to the log and syncs it, the one fsync; then one
// unsynced batch writes state and indexes. Opening cuts a torn tail and replays
// from the savepoint. One goroutine appends; any number read.
package chain

import (
	"context"
	"errors"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/weft-network/weft/ledger"
	"github.com/weft-network/weft/ledger/state"
)

// Chain is an open channel ledger.
type Chain struct{}

// Options of Open.
type Options struct {
	// NoSync leaves the log unsynced: for orderers, whose Raft log holds the block.
	NoSync bool
	// Replay returns the updates of a block whose codes are already in its
	// metadata. Open calls it for the blocks after the savepoint. Nil for
	// orderers: they keep blocks without state.
	Replay func(b *ledger.Block) (state.Batch, error)
}

// Open opens or creates the ledger of a channel in dir.
func Open(dir string, o Options) (*Chain, error) { return nil, errors.New("not built yet") }

// Height is the number of blocks.
func (c *Chain) Height() uint64 { return 0 }

// LastHash is the header hash of the newest block, nil when empty.
func (c *Chain) LastHash() []byte { return nil }

// CommitHash is the commit hash of the newest block, nil when there is none.
func (c *Chain) CommitHash() []byte { return nil }

// Append commits a block: its codes are set in its metadata, its commit hash is
// computed and set here. It returns after the block is durable (unless NoSync)
// and its state readable, then wakes waiters.
func (c *Chain) Append(b *ledger.Block, updates state.Batch) error {
	return errors.New("not built yet")
}

// ErrNotFound answers reads of blocks and transactions that are not there.
var ErrNotFound = errors.New("not found")

// Block reads block n. The caller owns the result.
func (c *Chain) Block(n uint64) (*common.Block, error) { return nil, ErrNotFound }

// BlockByHash reads the block with that header hash.
func (c *Chain) BlockByHash(hash []byte) (*common.Block, error) { return nil, ErrNotFound }

// Tx tells where the first transaction with that id is, and its code.
func (c *Chain) Tx(txID string) (TxInfo, error) { return TxInfo{}, ErrNotFound }

// TxInfo is the place and code of a committed transaction.
type TxInfo struct {
	Block uint64
	Index int
	Code  ledger.Code
}

// LastConfigBlock is the newest config block.
func (c *Chain) LastConfigBlock() (*common.Block, error) { return nil, ErrNotFound }

// Snapshot is a consistent view of state and height.
func (c *Chain) Snapshot() *Snapshot { return nil }

// Snapshot implements state.Reader and must be closed.
type Snapshot struct{}

// Height of the snapshot.
func (s *Snapshot) Height() uint64 { return 0 }

// Get implements state.Reader.
func (s *Snapshot) Get(ns, key string) ([]byte, *ledger.Version, error) {
	return nil, nil, errors.New("not built yet")
}

// Range implements state.Reader.
func (s *Snapshot) Range(ns, start, end string) (state.Iterator, error) {
	return nil, errors.New("not built yet")
}

// Close frees the snapshot.
func (s *Snapshot) Close() error { return nil }

// WaitHeight returns when the ledger has at least h blocks, or ctx ends.
func (c *Chain) WaitHeight(ctx context.Context, h uint64) error { return errors.New("not built yet") }

// Close flushes and closes. No method may be running or called after.
func (c *Chain) Close() error { return nil }
