package chain

import (
	"bytes"
	"errors"
	"fmt"
	"sort"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"

	"github.com/weft-network/weft/ledger"
	"github.com/weft-network/weft/ledger/block"
	"github.com/weft-network/weft/ledger/state"
	"github.com/weft-network/weft/ledger/store"
)

// ErrIndex is in every error that is the index's alone. It is derived: the
// blocks are whole, and it can be made again from them.
var ErrIndex = errors.New("the index is damaged, the blocks are not: stop the node, run \"weft ledger rebuild\", and start it again")

// Recovery is what Open found.
type Recovery struct {
	// TornBytes is how much a crash had left of unfinished blocks.
	TornBytes int64
	// IndexHeight is the number of blocks that the index covered. Open replayed
	// the rest, unless it was ReadOnly.
	IndexHeight uint64
	// Index is why ReadOnly cannot use the index; nil when it can.
	Index error
}

// Recovery is what Open found.
func (c *Chain) Recovery() Recovery { return c.found }

// openIndex opens the index and makes it agree with the log.
func (c *Chain) openIndex(dir string) error {
	c.dir = dir
	db, err := store.OpenDBWith(dir, c.opts.store())
	if err != nil {
		return c.indexError(err)
	}
	c.db = db
	if c.found.TornBytes > 0 {
		// It may have been acknowledged only if the disk damaged it since, and the
		// index does not know of it: then the node fetches it again.
		c.logs.Warn("the log ended in an unfinished block, which was removed",
			"bytes", c.found.TornBytes, "at", c.log.Place(c.log.End()))
	}
	return c.recover()
}

// indexError tells what to do about an error of the index, if it is not about
// who else uses it.
func (c *Chain) indexError(err error) error {
	if err == nil || errors.Is(err, store.ErrInUse) || errors.Is(err, store.ErrNewerFormat) {
		return err
	}
	return fmt.Errorf("index %s: %w: %w", c.dir, err, ErrIndex)
}

func (c *Chain) recover() error {
	tip, err := c.loadSavepoint()
	if err != nil {
		return c.indexError(err)
	}
	c.found.IndexHeight = tip.height
	c.tip.Store(tip)
	c.cache.reset(tip.height)
	if tip.end > c.log.End() {
		if err := c.rollBack(); err != nil {
			return err
		}
	}
	if err := c.checkTip(); err != nil {
		return err
	}
	c.fillFilter()
	return c.replay()
}

// loadSavepoint reads where the index is. One of an older format is emptied, to
// be made again.
func (c *Chain) loadSavepoint() (*savepoint, error) {
	v, err := c.db.Get(savepointKey)
	if err != nil {
		return nil, err
	}
	if v == nil {
		return &savepoint{}, nil
	}
	tip, err := decodeSavepoint(v)
	if !errors.Is(err, errOlderFormat) {
		return tip, err
	}
	c.logs.Info("the index has an older format and is made again from the blocks", "format", v[0], "new", savepointVersion)
	return c.emptyIndex()
}

// emptyIndex removes everything from the index, for good.
func (c *Chain) emptyIndex() (*savepoint, error) {
	batch := c.db.NewBatch()
	batch.DeleteRange([]byte{0}, []byte{0xff})
	empty := &savepoint{}
	batch.Set(savepointKey, empty.encode())
	return empty, c.db.Apply(batch, true)
}

// checkTip makes sure that the log has the newest block of the index where the
// index says, so that replay begins at a record.
func (c *Chain) checkTip() error {
	tip := c.tip.Load()
	if tip.height == 0 {
		return nil
	}
	at, err := c.position(tip.height - 1)
	if err != nil {
		return c.indexError(fmt.Errorf("look up block %d: %w", tip.height-1, err))
	}
	b, err := c.Block(tip.height - 1)
	if err != nil {
		return err
	}
	if !bytes.Equal(block.HeaderHash(b.GetHeader()), tip.hash) {
		return c.indexError(fmt.Errorf("block %d, %s, is not the one that the index knows", tip.height-1, c.log.Place(at)))
	}
	return c.checkDense()
}

// denseBlocks is how far back checkDense looks: further than any number of
// batches that pebble's write-ahead logs hold, which are bounded by its memory
// tables.
const denseBlocks = 1 << 18

// checkDense makes sure that the index has the place of each of the newest
// blocks. If one is missing then so are the updates of its batch: pebble's files
// are not all of one time, as when an old copy of one was put back.
func (c *Chain) checkDense() error {
	height := c.tip.Load().height
	n := height - min(height, denseBlocks)
	err := c.db.Scan(numberKey(n), store.PrefixEnd([]byte{prefixNumber}), func(key, _ []byte) bool {
		if !bytes.Equal(key, numberKey(n)) {
			return false
		}
		n++
		return true
	})
	if err == nil && n != height {
		err = fmt.Errorf("it is at block %d, but lacks block %d", height-1, n)
	}
	return c.indexError(err)
}

// replay indexes the blocks of the log after the savepoint, one at a time: a
// block and what comes of it are all that is in memory.
func (c *Chain) replay() error {
	tip := c.tip.Load()
	if tip.end == c.log.End() {
		return nil
	}
	of, err := c.blocksOfLog(tip)
	if err != nil {
		return err
	}
	c.logs.Info("blocks are replayed", "from", tip.height, "to", of)
	var at store.Position
	var raw []byte
	err = c.log.Scan(tip.end, func(next store.Position, payload []byte) error {
		// One behind, since only the next record tells where a block ends.
		err := c.replayBlock(at, raw, next)
		if c.opts.Progress != nil && raw != nil && err == nil {
			c.opts.Progress(c.Height(), of)
		}
		at, raw = next, payload
		return err
	})
	if err == nil {
		err = c.replayBlock(at, raw, c.log.End())
	}
	if err == nil && c.opts.Progress != nil {
		c.opts.Progress(c.Height(), of)
	}
	if err == nil {
		c.logs.Info("blocks were replayed", "height", c.Height())
	}
	return err
}

// blocksOfLog is the number of blocks in the log.
func (c *Chain) blocksOfLog(tip *savepoint) (uint64, error) {
	n := tip.height
	err := c.log.Walk(tip.end, func(_, _ store.Position) error {
		n++
		return nil
	})
	return n, err
}

func (c *Chain) replayBlock(at store.Position, raw []byte, end store.Position) error {
	if raw == nil {
		return nil
	}
	n := c.Height()
	b, err := decodeBlock(n, raw)
	if err == nil {
		err = c.reindex(b, at, end)
	}
	if err != nil {
		return fmt.Errorf("replay block %d, %s: %w", n, c.log.Place(at), err)
	}
	return nil
}

func (c *Chain) reindex(raw *common.Block, at, end store.Position) error {
	b, updates := &ledger.Block{Block: raw}, state.Batch(nil)
	if !c.blocksOnly() {
		var err error
		if b, err = ledger.ParseBlock(raw); err != nil {
			return err
		}
		before := c.Snapshot()
		updates, err = c.opts.Replay(b, before)
		if err = errors.Join(err, before.Close()); err != nil {
			return err
		}
	}
	next, err := c.next(c.tip.Load(), b, updates)
	if err != nil {
		return err
	}
	if !bytes.Equal(next.commitHash, block.CommitHash(raw)) && !c.blocksOnly() {
		return fmt.Errorf("its commit hash is %x, but replay gives %x", block.CommitHash(raw), next.commitHash)
	}
	next.end = end
	return c.commit(&link{Entry: Entry{Block: b, Commit: Commit{Updates: updates}}, at: at, next: next})
}

// rollBack takes from the index the blocks that a crash took from an unsynced
// log. State cannot be taken back; it is made again from the first block.
func (c *Chain) rollBack() error {
	tip := c.tip.Load()
	if !c.opts.NoSync {
		return c.lostBlocks(tip)
	}
	back := &savepoint{}
	if c.blocksOnly() {
		height, err := c.heightOfLog(tip.height)
		if err == nil {
			back, err = c.savepointAt(height, tip)
		}
		if err != nil {
			return fmt.Errorf("take back blocks: %w", err)
		}
	}
	batch := c.db.NewBatch()
	if back.height == 0 {
		batch.DeleteRange([]byte{0}, []byte{0xff})
	} else {
		batch.DeleteRange(numberKey(back.height), store.PrefixEnd([]byte{prefixNumber}))
	}
	batch.Set(savepointKey, back.encode())
	// Synced: the old savepoint must not come back once the log has grown anew.
	if err := c.db.Apply(batch, true); err != nil {
		return err
	}
	c.logs.Warn("the block log lost unsynced blocks", "from", back.height, "height", tip.height)
	c.tip.Store(back)
	return nil
}

// lostBlocks is the error for a log that ends before the newest block of the
// index. The index is never written ahead of a sync of the log, so that block
// was acknowledged.
func (c *Chain) lostBlocks(tip *savepoint) error {
	return fmt.Errorf("the index has block %d, but the log of blocks ends before it, %s: the disk lost synced blocks. "+
		"Put back what belongs there from a copy, or give the blocks up: \"weft ledger rebuild\" makes an index for "+
		"those that are left, and the node fetches the others again", tip.height-1, c.log.Place(c.log.End()))
}

// heightOfLog is the number of indexed blocks that the log has.
func (c *Chain) heightOfLog(indexed uint64) (uint64, error) {
	var failed error
	n := sort.Search(int(indexed), func(i int) bool {
		at, err := c.position(uint64(i))
		failed = errors.Join(failed, err)
		return at >= c.log.End()
	})
	return uint64(n), failed
}

// savepointAt makes the savepoint of a height of a chain without state, below
// the one that is taken back.
func (c *Chain) savepointAt(height uint64, tip *savepoint) (*savepoint, error) {
	if height == 0 {
		return &savepoint{}, nil
	}
	b, err := c.Block(height - 1)
	if err != nil {
		return nil, err
	}
	s := &savepoint{height: height, end: c.log.End(), hash: block.HeaderHash(b.GetHeader()), lastConfig: tip.lastConfig}
	if tip.lastConfig >= height { // that config block is lost, too
		s.lastConfig, err = c.lastConfigAt(b)
	}
	return s, err
}

// lastConfigAt finds the newest config block up to b by going back. What b says
// of it is not taken: not every block carries it.
func (c *Chain) lastConfigAt(b *common.Block) (uint64, error) {
	for n := b.GetHeader().GetNumber(); !block.IsConfig(b) && n > 0; {
		n--
		var err error
		if b, err = c.Block(n); err != nil {
			return 0, err
		}
	}
	return b.GetHeader().GetNumber(), nil
}
