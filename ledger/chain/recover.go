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

// recover makes the index agree with the log.
func (c *Chain) recover() error {
	tip, err := c.loadSavepoint()
	if err != nil {
		return err
	}
	c.tip.Store(tip)
	if tip.end > c.log.End() {
		if err := c.rollBack(); err != nil {
			return err
		}
	}
	if err := c.checkTip(); err != nil {
		return err
	}
	return c.replay()
}

func (c *Chain) loadSavepoint() (*savepoint, error) {
	v, err := c.db.Get(savepointKey)
	if err != nil {
		return nil, err
	}
	if v == nil {
		return &savepoint{}, nil
	}
	return decodeSavepoint(v)
}

// checkTip makes sure that the log has the newest block of the index where the
// index says, so that replay begins at a record.
func (c *Chain) checkTip() error {
	tip := c.tip.Load()
	if tip.height == 0 {
		return nil
	}
	b, err := c.Block(tip.height - 1)
	if err != nil {
		return err
	}
	if !bytes.Equal(block.HeaderHash(b.GetHeader()), tip.hash) {
		return fmt.Errorf("block %d of the log is not the one that the index knows", tip.height-1)
	}
	return nil
}

// replay indexes the blocks of the log after the savepoint.
func (c *Chain) replay() error {
	from := c.Height()
	var at store.Position
	var raw []byte
	err := c.log.Scan(c.tip.Load().end, func(next store.Position, payload []byte) error {
		// One behind, since only the next record tells where a block ends.
		err := c.replayBlock(at, raw, next)
		at, raw = next, payload
		return err
	})
	if err == nil {
		err = c.replayBlock(at, raw, c.log.End())
	}
	if err == nil && c.Height() > from {
		c.logs.Info("blocks replayed", "from", from, "height", c.Height())
	}
	return err
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
		return fmt.Errorf("replay block %d: %w", n, err)
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
	next, err := c.next(b, updates)
	if err != nil {
		return err
	}
	if !bytes.Equal(next.commitHash, block.CommitHash(raw)) && !c.blocksOnly() {
		return fmt.Errorf("its commit hash is %x, but replay gives %x", block.CommitHash(raw), next.commitHash)
	}
	next.end = end
	return c.commit(b, at, next, updates)
}

// rollBack takes from the index the blocks that a crash took from an unsynced
// log. State cannot be taken back; it is made again from the first block.
func (c *Chain) rollBack() error {
	tip := c.tip.Load()
	if !c.opts.NoSync {
		return fmt.Errorf("the index is at block %d, but the block log ends before it: the disk lost synced blocks", tip.height-1)
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
