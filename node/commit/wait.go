package commit

import (
	"context"
	"errors"
	"sync"

	"github.com/weft-network/weft/ledger/block"
	"github.com/weft-network/weft/ledger/chain"
)

// waiters are those who wait for a transaction to be committed, by its id.
type waiters struct {
	mu   sync.Mutex
	byID map[string][]chan chain.TxInfo
}

func newWaiters() *waiters { return &waiters{byID: map[string][]chan chain.TxInfo{}} }

func (w *waiters) add(txID string) chan chain.TxInfo {
	ch := make(chan chain.TxInfo, 1)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.byID[txID] = append(w.byID[txID], ch)
	return ch
}

func (w *waiters) remove(txID string, ch chan chain.TxInfo) {
	w.mu.Lock()
	defer w.mu.Unlock()
	list := w.byID[txID]
	for i, c := range list {
		if c == ch {
			list = append(list[:i], list[i+1:]...)
			break
		}
	}
	if len(list) == 0 {
		delete(w.byID, txID)
		return
	}
	w.byID[txID] = list
}

func (w *waiters) notify(done *Committed) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.byID) == 0 {
		return
	}
	for i, tx := range done.Block.Txs {
		for _, ch := range w.byID[tx.TxID()] {
			ch <- chain.TxInfo{Block: done.Block.Header.Number, Index: i, Code: done.Codes[i]}
		}
		delete(w.byID, tx.TxID())
	}
}

// WaitTx returns where a transaction was committed, valid or not, waiting for
// it until ctx ends. The first occurrence of the id counts.
func (c *Channel) WaitTx(ctx context.Context, txID string) (chain.TxInfo, error) {
	ch := c.waits.add(txID) // before the ledger is read: a commit in between is not missed
	defer c.waits.remove(txID, ch)
	info, err := c.ledger.Tx(txID)
	if !errors.Is(err, chain.ErrNotFound) {
		return info, err
	}
	select {
	case info := <-ch:
		return info, nil
	case <-ctx.Done():
		return chain.TxInfo{}, ctx.Err()
	}
}

// Committed blocks that stay parsed in memory, the newest always: enough for
// event streams that follow the head closely.
const (
	keptRecent = 32
	// keptRecentBytes bounds them as they came; parsed they take twice that.
	keptRecentBytes = 16 << 20
)

// recent holds the newest committed blocks.
type recent struct {
	mu     sync.Mutex
	blocks [keptRecent]recentBlock
	oldest uint64 // number of the oldest one that is kept
	bytes  int
}

type recentBlock struct {
	done *Committed
	size int
}

func newRecent(height uint64) *recent { return &recent{oldest: height} }

// add puts the next block in.
func (r *recent) add(n uint64, done *Committed, size int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.oldest < n && (n-r.oldest >= keptRecent || r.bytes+size > keptRecentBytes) {
		old := &r.blocks[r.oldest%keptRecent]
		r.bytes -= old.size
		*old = recentBlock{}
		r.oldest++
	}
	r.blocks[n%keptRecent] = recentBlock{done, size}
	r.bytes += size
}

func (r *recent) get(n uint64) *Committed {
	r.mu.Lock()
	defer r.mu.Unlock()
	if done := r.blocks[n%keptRecent].done; done != nil && done.Block.Header.Number == n {
		return done
	}
	return nil
}

// CommitHash is the commit hash of a block on the ledger, nil for the genesis
// block. Blocks other than the newest few are read from disk, if the caller will
// have that; their hashes are nil otherwise.
func (c *Channel) CommitHash(n uint64, fromDisk bool) ([]byte, error) {
	if done := c.recent.get(n); done != nil {
		return block.CommitHash(done.Block.Block), nil
	}
	if !fromDisk {
		return nil, nil
	}
	raw, err := c.ledger.Block(n)
	if err != nil {
		return nil, err
	}
	return block.CommitHash(raw), nil
}
