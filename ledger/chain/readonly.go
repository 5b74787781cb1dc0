package chain

import (
	"errors"
	"fmt"

	"github.com/weft-network/weft/ledger/block"
	"github.com/weft-network/weft/ledger/store"
)

// unindexed are the blocks of a ledger opened for reading only that its index
// does not cover.
type unindexed struct {
	index *savepoint // where the index is
	from  uint64
	at    []store.Position
}

// derived is where state and indexes are: at the newest block, but for ReadOnly.
func (c *Chain) derived() *savepoint {
	if c.past != nil {
		return c.past.index
	}
	return c.tip.Load()
}

// openReadOnly opens the index if it can be used, and finds the blocks that it
// does not cover.
func (c *Chain) openReadOnly(dir string) error {
	c.dir = dir
	index, err := c.readIndex(dir)
	if err != nil {
		if errors.Is(err, store.ErrInUse) || errors.Is(err, store.ErrNewerFormat) {
			return err
		}
		if c.db != nil {
			err = errors.Join(err, c.db.Close())
		}
		c.db, index, c.found.Index = nil, &savepoint{}, err
	}
	c.found.IndexHeight = index.height
	c.cache.reset(index.height)
	c.past = &unindexed{index: index, from: index.height}
	c.tip.Store(index)
	err = c.log.Walk(index.end, func(at, _ store.Position) error {
		c.past.at = append(c.past.at, at)
		return nil
	})
	if err != nil || len(c.past.at) == 0 {
		return err
	}
	return c.tipOfLog(index.height + uint64(len(c.past.at)))
}

// readIndex opens the index and makes the checks that Open makes.
func (c *Chain) readIndex(dir string) (*savepoint, error) {
	db, err := store.OpenDBWith(dir, c.opts.store())
	if err != nil {
		return nil, err
	}
	c.db = db
	v, err := db.Get(savepointKey)
	if err != nil {
		return nil, err
	}
	index := &savepoint{}
	if v != nil {
		if index, err = decodeSavepoint(v); err != nil {
			return nil, err
		}
	}
	c.tip.Store(index)
	if index.end > c.log.End() {
		return nil, c.lostBlocks(index)
	}
	return index, c.checkTip()
}

// tipOfLog makes the newest block of the log the tip.
func (c *Chain) tipOfLog(height uint64) error {
	c.tip.Store(&savepoint{height: height}) // lets it be read
	b, err := c.Block(height - 1)
	if err != nil {
		return err
	}
	if n := b.GetHeader().GetNumber(); n != height-1 {
		return fmt.Errorf("the newest block is number %d, but there are %d blocks", n, height)
	}
	config, err := c.lastConfigAt(b)
	if err != nil {
		return err
	}
	c.tip.Store(&savepoint{
		height: height, end: c.log.End(), lastConfig: config,
		hash: block.HeaderHash(b.Header), commitHash: block.CommitHash(b),
	})
	return nil
}
