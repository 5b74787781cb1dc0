package chain

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
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

// Entry is a block with what comes of it.
type Entry struct {
	Block  *ledger.Block
	Commit Commit
}

// Append is AppendAll for one block.
func (c *Chain) Append(b *ledger.Block, commit Commit) error {
	return c.AppendAll([]Entry{{b, commit}})
}

// AppendAll commits consecutive blocks, whose codes are set in their metadata:
// their commit hashes are computed and set here. It returns after all of them
// are durable (unless NoSync), by one sync, and their state is readable; they
// become visible, and waiters are woken, one after the other.
//
// If one of them is not the next block, or has no codes, all are refused and
// nothing changes; so with store.ErrDiskFull, after which the same call succeeds
// once there is room.
// After another error of the disk nobody knows what it holds: every later call
// fails with that error, and a restart recovers.
func (c *Chain) AppendAll(entries []Entry) error {
	if !c.gate.Enter() {
		return ErrClosed
	}
	defer c.gate.Leave()
	c.appending.Lock()
	defer c.appending.Unlock()
	if c.opts.ReadOnly {
		return fmt.Errorf("append blocks: %w", store.ErrReadOnly)
	}
	if err := c.failure(); err != nil {
		return fmt.Errorf("append blocks: %w", err)
	}
	links, err := c.link(entries)
	if err != nil {
		return err
	}
	if err := c.write(links); err != nil {
		c.fail(err)
		return fmt.Errorf("append block %d: %w", links[0].next.height-1, err)
	}
	return nil
}

// keepBuffer is the largest buffer kept between blocks, so that one large block
// does not cost its memory for ever.
const keepBuffer = 4 << 20

// link is an entry with its place on the ledger.
type link struct {
	Entry
	at   store.Position
	next *savepoint // after it
}

// link checks that the entries come next, one after the other, and that there
// is room for them.
func (c *Chain) link(entries []Entry) ([]link, error) {
	links, tip, size := make([]link, len(entries)), c.tip.Load(), 0
	for i, e := range entries {
		next, err := c.next(tip, e.Block, e.Commit.Updates)
		if err != nil {
			return nil, fmt.Errorf("append block %d: %w", e.Block.GetHeader().GetNumber(), err)
		}
		links[i] = link{Entry: e, next: next}
		tip = next
		size += proto.Size(e.Block.Block) + sha256.Size
	}
	if err := c.log.Room(size); err != nil {
		return nil, fmt.Errorf("append blocks: %w", err)
	}
	return links, nil
}

// write writes blocks in the one order that survives a crash at any point:
//
//  1. The blocks go to the end of the log. A crash leaves some of them, and part
//     of one, which Open cuts. That nobody was told of them does no harm: they
//     are the network's blocks, and would have come next anyway.
//  2. The log is synced. A crash leaves blocks without their state, which Open
//     replays. From here on they are never lost.
//  3. Block by block, one batch holds all that derives from it, the savepoint
//     included. It is not synced: a crash leaves the batches up to some block,
//     each whole or not at all, and Open replays the rest.
//  4. After its batch a block is told of: Height, snapshots, waiters.
func (c *Chain) write(links []link) error {
	for i := range links {
		if err := c.appendToLog(&links[i]); err != nil {
			return err
		}
	}
	if !c.opts.NoSync {
		if err := c.log.Sync(); err != nil {
			return err
		}
	}
	for i := range links {
		if err := c.commit(&links[i]); err != nil {
			return err
		}
	}
	return nil
}

// appendToLog appends one block to the log.
func (c *Chain) appendToLog(l *link) error {
	b := l.Block.Block
	if !c.blocksOnly() {
		block.SetCommitHash(b, l.next.commitHash)
	}
	raw, err := proto.MarshalOptions{}.MarshalAppend(c.buf[:0], b)
	if err != nil {
		return err
	}
	if cap(raw) <= keepBuffer {
		c.buf = raw
	}
	l.at, err = c.log.Append(raw)
	l.next.end = c.log.End()
	return err
}

// next checks that b is the block after tip and returns the savepoint after it,
// but for the end of the log and the number of transactions.
func (c *Chain) next(tip *savepoint, b *ledger.Block, updates state.Batch) (*savepoint, error) {
	switch {
	case b == nil || b.Header == nil:
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
	if block.IsConfig(b.Block) && (c.blocksOnly() || valid(b)) {
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
	next.noMetadata = (tip.height == 0 || tip.noMetadata) && !updates.Describes()
	var err error
	next.commitHash, err = commitHash(tip, b, updates)
	return next, err
}

// valid reports whether the first transaction of b is. An invalid configuration
// was never in force.
func valid(b *ledger.Block) bool {
	codes := block.Codes(b.Block)
	return len(codes) > 0 && codes[0] == peer.TxValidationCode_VALID
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

// commit writes what derives from a block in the log, and makes it the newest.
func (c *Chain) commit(l *link) error {
	batch := c.db.NewBatch()
	number := l.Block.Header.Number
	l.next.txs = c.tip.Load().txs
	if !c.blocksOnly() {
		added, err := c.indexTxs(batch, l.Block)
		if err != nil {
			return err
		}
		l.next.txs += uint64(added)
	}
	batch.Set(numberKey(number), encodePosition(l.at))
	batch.Set(hashKey(l.next.hash), encodeNumber(number))
	batch.Set(savepointKey, l.next.encode())
	entries := putUpdates(batch, l.Commit.Updates)
	putHistory(batch, l.Block)
	putFindings(batch, number, l.Commit.Findings)

	c.view.Lock()
	err := c.db.Apply(batch, false)
	if err == nil {
		c.cache.commit(l.next.height, entries)
		c.tip.Store(l.next)
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

// indexTxs notes where each transaction id is, and counts the new ones. The
// first to claim an id on the ledger keeps it, whatever became of it.
func (c *Chain) indexTxs(batch *store.Batch, b *ledger.Block) (added int, err error) {
	codes := block.Codes(b.Block)
	seen := make(map[string]bool, len(b.Txs))
	for i, tx := range b.Txs {
		id := tx.IndexID()
		if id == "" || len(id) > maxTxID || seen[id] || i >= len(codes) {
			continue
		}
		seen[id] = true
		key := txKey(id)
		if !c.txs.excludes(key) {
			old, err := c.db.Get(key)
			if err != nil {
				return 0, err
			}
			if old != nil {
				continue
			}
		}
		// Before the batch is visible: who finds the id may ask the filter.
		c.txs.add(key)
		batch.Set(key, encodeTxInfo(TxInfo{Block: b.Header.Number, Index: i, Code: codes[i]}))
		added++
	}
	return added, nil
}

// putUpdates returns what it put, for the cache.
func putUpdates(batch *store.Batch, updates state.Batch) []keyed {
	entries := make([]keyed, len(updates))
	for i := range updates {
		u := &updates[i]
		e := &entries[i]
		e.key = entryKey(u.Namespace, u.Collection, u.Key)
		if u.Removes() {
			batch.Delete(e.key)
		} else {
			e.value = encodeEntry(u.Version, u.Metadata, u.Value)
			batch.Set(e.key, e.value)
		}
	}
	return entries
}
