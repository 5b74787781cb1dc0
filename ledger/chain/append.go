package chain

import (
	"bytes"
	"errors"
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/weft-network/weft/ledger"
	"github.com/weft-network/weft/ledger/block"
	"github.com/weft-network/weft/ledger/state"
	"github.com/weft-network/weft/ledger/store"
)

// Commit is what comes of a block, besides the codes in its metadata.
type Commit struct {
	Updates state.Batch
	// Findings say why transactions are invalid, by index; it may be nil.
	Findings []*ledger.Finding
}

// Append commits a block: its codes are set in its metadata, its commit hash is
// computed and set here. It returns after the block is durable (unless NoSync)
// and its state readable, then wakes waiters.
//
// A block that is not the next one, or has no codes, is refused and changes
// nothing.
// After an error of the disk nobody knows what it holds: every later Append
// fails with that error, and a restart recovers.
func (c *Chain) Append(b *ledger.Block, commit Commit) error {
	if !c.gate.Enter() {
		return ErrClosed
	}
	defer c.gate.Leave()
	c.appending.Lock()
	defer c.appending.Unlock()
	if err := c.append(b, commit.Updates); err != nil {
		return fmt.Errorf("append block %d: %w", b.GetHeader().GetNumber(), err)
	}
	return nil
}

// keepBuffer is the largest buffer kept between blocks, so that one large block
// does not cost its memory for ever.
const keepBuffer = 4 << 20

func (c *Chain) append(b *ledger.Block, updates state.Batch) error {
	if err := c.failure(); err != nil {
		return err
	}
	next, err := c.next(b, updates)
	if err != nil {
		return err
	}
	if !c.blocksOnly() {
		block.SetCommitHash(b.Block, next.commitHash)
	}
	raw, err := proto.MarshalOptions{}.MarshalAppend(c.buf[:0], b.Block)
	if err != nil {
		return err
	}
	if cap(raw) <= keepBuffer {
		c.buf = raw
	}
	at, err := c.log.Append(raw)
	if err == nil && !c.opts.NoSync {
		err = c.log.Sync()
	}
	// A crash here leaves a block without its state: Open replays it.
	if err == nil {
		next.end = c.log.End()
		err = c.commit(b, at, next, updates)
	}
	if err != nil {
		c.fail(err)
	}
	return err
}

// next checks that b is the next block and returns the savepoint after it, but
// for the end of the log.
func (c *Chain) next(b *ledger.Block, updates state.Batch) (*savepoint, error) {
	tip := c.tip.Load()
	switch {
	case b.GetHeader() == nil:
		return nil, errors.New("it has no header")
	case b.Header.Number != tip.height:
		return nil, fmt.Errorf("the next block is number %d", tip.height)
	case !bytes.Equal(b.Header.PreviousHash, tip.hash):
		return nil, fmt.Errorf("its previous hash is %x, but block %d has %x", b.Header.PreviousHash, tip.height-1, tip.hash)
	}
	next := &savepoint{
		height:     tip.height + 1,
		hash:       block.HeaderHash(b.Header),
		lastConfig: tip.lastConfig,
	}
	if block.IsConfig(b.Block) {
		next.lastConfig = b.Header.Number
	}
	if c.blocksOnly() {
		if len(updates) > 0 {
			return nil, errors.New("a ledger without state takes no updates")
		}
		return next, nil
	}
	if len(b.Txs) != len(b.GetData().GetData()) {
		return nil, errors.New("its transactions are not parsed")
	}
	var err error
	next.commitHash, err = commitHash(tip, b, updates)
	return next, err
}

// commitHash is that of b on top of tip. The genesis block has none.
func commitHash(tip *savepoint, b *ledger.Block, updates state.Batch) ([]byte, error) {
	if tip.height == 0 {
		return nil, nil
	}
	codes := block.Codes(b.Block)
	if len(codes) != len(b.GetData().GetData()) {
		return nil, fmt.Errorf("it has %d codes for %d transactions", len(codes), len(b.GetData().GetData()))
	}
	return state.CommitHash(tip.commitHash, codes, updates), nil
}

// commit writes what derives from b, which is in the log at that position, and
// makes next the tip.
func (c *Chain) commit(b *ledger.Block, at store.Position, next *savepoint, updates state.Batch) error {
	batch := c.db.NewBatch()
	index(batch, b, at, next)
	if !c.blocksOnly() {
		if err := c.indexTxs(batch, b); err != nil {
			return err
		}
	}
	putUpdates(batch, updates)

	c.view.Lock()
	err := c.db.Apply(batch, false)
	if err == nil {
		c.tip.Store(next)
		_ = c.outdate() // it holds nothing that could be lost
	}
	c.view.Unlock()
	if err != nil {
		return err
	}
	c.mu.Lock()
	c.broadcast()
	c.mu.Unlock()
	return nil
}

func index(batch *store.Batch, b *ledger.Block, at store.Position, next *savepoint) {
	batch.Set(numberKey(b.Header.Number), encodePosition(at))
	batch.Set(hashKey(next.hash), encodeNumber(b.Header.Number))
	batch.Set(savepointKey, next.encode())
}

// indexTxs notes where each transaction id is. The first to claim an id on the
// ledger keeps it, whatever became of it.
func (c *Chain) indexTxs(batch *store.Batch, b *ledger.Block) error {
	codes := block.Codes(b.Block)
	seen := make(map[string]bool, len(b.Txs))
	for i, tx := range b.Txs {
		id := tx.TxID()
		if id == "" || len(id) > maxTxID || seen[id] || i >= len(codes) {
			continue
		}
		seen[id] = true
		key := txKey(id)
		old, err := c.db.Get(key)
		if err != nil {
			return err
		}
		if old == nil {
			batch.Set(key, encodeTxInfo(TxInfo{Block: b.Header.Number, Index: i, Code: codes[i]}))
		}
	}
	return nil
}

func putUpdates(batch *store.Batch, updates state.Batch) {
	for _, u := range updates {
		key := stateKey(u.Namespace, u.Key)
		// An empty value is an absent one, as in Fabric.
		if u.Delete || len(u.Value) == 0 {
			batch.Delete(key)
		} else {
			batch.Set(key, encodeState(u.Version, u.Value))
		}
	}
}
