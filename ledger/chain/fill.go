package chain

import (
	"github.com/weft-network/weft/ledger/store"
)

// fillFilter makes the filter of transaction ids and fills it in the background:
// that takes a second for some million ids, and until it is done the index
// answers. Called before the first block is added.
func (c *Chain) fillFilter() {
	tip := c.tip.Load()
	c.txs = newFilter(tip.txs + tip.txs/4)
	switch {
	case c.blocksOnly() || tip.txs > maxFilterIDs:
		return
	case tip.txs == 0:
		c.txs.done()
		return
	}
	s, err := c.db.Snapshot()
	if err != nil {
		return // the index will tell whoever reads it
	}
	c.filling.Go(func() {
		if err := c.addAll(s); err != nil {
			c.logs.Warn("the filter of transaction ids could not be filled; ids are looked up in the index", "err", err)
		}
	})
}

// addAll adds the ids of a snapshot, which it closes, to the filter.
func (c *Chain) addAll(s *store.Snapshot) (err error) {
	defer func() {
		if closed := s.Close(); err == nil {
			err = closed
		}
	}()
	it, err := s.Iter([]byte{prefixTx}, store.PrefixEnd([]byte{prefixTx}))
	if err != nil {
		return err
	}
	whole := true
	for n := 0; whole && it.Next(); n++ {
		whole = c.txs.add(it.Key()) && !(n%1024 == 0 && c.stopping())
	}
	if err := it.Err(); err != nil {
		_ = it.Close() // the first error counts
		return err
	}
	if whole {
		c.txs.done()
	}
	return it.Close()
}

func (c *Chain) stopping() bool {
	select {
	case <-c.stop:
		return true
	default:
		return false
	}
}
