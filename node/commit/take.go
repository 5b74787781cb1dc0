package commit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"

	"github.com/weft-network/weft/ledger"
	"github.com/weft-network/weft/ledger/block"
	"github.com/weft-network/weft/ledger/channel"
)

// Answers of Offer that say nothing bad about the block.
var (
	// ErrAhead means that the block is too far ahead of the ledger to be kept.
	ErrAhead = errors.New("the block is too far ahead of this ledger")
	// ErrEarly means that the block's signatures are not good under the
	// configuration in force, but that a block before it, which is not on the
	// ledger yet, may change that.
	ErrEarly = errors.New("the block cannot be judged before those before it are committed")
)

// Offer hands in a block from the outside. Old blocks and copies are ignored,
// early ones wait for their turn, one too far ahead is answered ErrAhead and one
// that cannot be judged yet ErrEarly. Any other error but ErrHalted means the
// block is bad and says why: its source should not be believed.
func (c *Channel) Offer(b *common.Block) error {
	_, err := c.Take(b)
	return err
}

// Take is Offer that also reports whether the block is news. Only of such a
// block is it known that it is good: an old one, or a copy, was not looked at.
func (c *Channel) Take(b *common.Block) (fresh bool, err error) {
	if b.GetHeader() == nil {
		return false, errors.New("a block without a header")
	}
	if known, err := c.known(b); known || err != nil {
		return false, err
	}
	a, err := c.check(b)
	if err != nil {
		return false, fmt.Errorf("block %d: %w", b.Header.Number, err)
	}
	return c.keep(a)
}

// OfferWait is Offer that waits while the block is too far ahead, or cannot be
// judged yet although all blocks before it are here.
func (c *Channel) OfferWait(ctx context.Context, b *common.Block) error {
	_, err := c.TakeWait(ctx, b)
	return err
}

// TakeWait is Take that waits as OfferWait does.
func (c *Channel) TakeWait(ctx context.Context, b *common.Block) (fresh bool, err error) {
	n, size := b.GetHeader().GetNumber(), sizeOf(b)
	for {
		fresh, err := c.Take(b)
		var came bool
		var waited error
		switch {
		case errors.Is(err, ErrAhead):
			came, waited = c.await(ctx, func(p *pending) (bool, bool) { return p.room(n, size), true })
		case errors.Is(err, ErrEarly):
			came, waited = c.await(ctx, func(p *pending) (bool, bool) { return p.done >= n, p.received() >= n })
		default:
			return fresh, err
		}
		if waited != nil || !came {
			return false, errors.Join(waited, err)
		}
	}
}

// await waits for a state of pending, as long as it may still come, and reports
// whether it did.
func (c *Channel) await(ctx context.Context, reached func(*pending) (yes, possible bool)) (bool, error) {
	for {
		c.mu.Lock()
		yes, possible := reached(&c.pending)
		changed, halted := c.pending.changed, c.halted
		c.mu.Unlock()
		switch {
		case halted != nil:
			return false, c.haltedError()
		case yes || !possible:
			return yes, nil
		}
		select {
		case <-changed:
		case <-c.life.Done():
			if c.Halted() == nil {
				return false, context.Canceled // closed
			}
		case <-ctx.Done():
			return false, ctx.Err()
		}
	}
}

// known tells blocks that need no check: old ones, and copies of pending ones.
func (c *Channel) known(b *common.Block) (bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	h := b.Header
	switch {
	case c.halted != nil:
		return false, fmt.Errorf("%w: %w", ErrHalted, c.halted)
	case h.Number < c.pending.done || c.pending.byNumber[h.Number] != nil && c.pending.has(h.Number, block.HeaderHash(h), c.Config()):
		return true, nil
	case !c.pending.room(h.Number, sizeOf(b)):
		return false, ErrAhead
	}
	return false, nil
}

// check makes the checks of a block that do not depend on the block before.
func (c *Channel) check(b *common.Block) (*arrival, error) {
	started := time.Now()
	c.mu.Lock()
	done := c.pending.done
	c.mu.Unlock()
	conf := c.Config() // of block done-1 or newer: read after done
	parsed, err := ledger.ParseBlock(b)
	if err != nil {
		return nil, err
	}
	if err := checkUnder(parsed, conf); err != nil {
		return nil, early(parsed, done, err)
	}
	now := time.Now()
	return &arrival{block: parsed, size: sizeOf(b), under: conf, at: now, check: now.Sub(started)}, nil
}

// checkUnder checks a block for itself and under a configuration. The link to
// the block before is checked when its turn comes: a header that the orderers
// signed carries the right one.
func checkUnder(b *ledger.Block, conf *channel.Config) error {
	// The orderers of this channel may serve others too: their signatures alone
	// do not make it a block of this one.
	if id, err := block.ChannelID(b.Block); err != nil || id != conf.ID {
		return fmt.Errorf("it is of channel %q, not of %q", id, conf.ID)
	}
	return block.Check(b, b.Header.Number, b.Header.PreviousHash, conf.MSPs, conf.Policy("/Channel/Orderer/BlockValidation"))
}

// early is what a failed check means when the ledger has done blocks: that the
// block is bad, or that nobody can know yet, since only its signatures are at
// fault and a configuration may come before it that they are good under.
func early(b *ledger.Block, done uint64, failed error) error {
	if b.Header.Number <= done || block.Check(b, b.Header.Number, b.Header.PreviousHash, nil, nil) != nil {
		return failed
	}
	return fmt.Errorf("%w: %w", ErrEarly, failed)
}

func (c *Channel) keep(a *arrival) (fresh bool, err error) {
	n := a.block.Header.Number
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.halted != nil:
		return false, fmt.Errorf("%w: %w", ErrHalted, c.halted)
	case n < c.pending.done || c.pending.has(n, a.block.Hash, a.under):
		return false, nil
	case len(c.pending.byNumber[n]) >= maxRivals:
		return false, fmt.Errorf("block %d: %d others of that number are waiting already", n, maxRivals)
	case !c.pending.room(n, a.size):
		return false, ErrAhead // others came meanwhile
	}
	c.pending.add(a)
	return true, nil
}

// Received is the height that the ledger has when all blocks that are here have
// been committed.
func (c *Channel) Received() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.pending.received()
}

// Pending is how many block numbers are here and not on the ledger yet.
func (c *Channel) Pending() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.pending.byNumber)
}

// here reports whether a block of that number is.
func (c *Channel) here(n uint64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.pending.byNumber[n] != nil
}

// next waits for the block n that follows the hash and leaves it in pending, so
// that copies are known until it is committed.
func (c *Channel) next(ctx context.Context, n uint64, previous []byte) (*arrival, error) {
	for {
		c.mu.Lock()
		a, changed := c.choose(n, previous), c.pending.changed
		c.mu.Unlock()
		switch {
		case a == nil:
			select {
			case <-changed:
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		case c.checkAgain(a):
			return a, nil
		}
	}
}

// choose drops the pending blocks n that do not continue this chain and returns
// one that does. The caller holds mu.
func (c *Channel) choose(n uint64, previous []byte) *arrival {
	follows := func(a *arrival) bool { return bytes.Equal(a.block.Header.PreviousHash, previous) }
	for _, a := range c.pending.byNumber[n] {
		if !follows(a) {
			c.log.Warn("a block of another chain is dropped", "channel", c.ID(), "block", n, "hash", fmt.Sprintf("%x", a.block.Hash),
				"follows", fmt.Sprintf("%x", a.block.Header.PreviousHash), "newest here", fmt.Sprintf("%x", previous))
			c.pending.drop(n, func(a *arrival) bool { return !follows(a) })
			break
		}
	}
	if left := c.pending.byNumber[n]; len(left) > 0 {
		return left[0]
	}
	return nil
}

// checkAgain checks a block whose turn it is under the configuration in force,
// if it came in under another, and drops it if it is not good any more.
func (c *Channel) checkAgain(a *arrival) bool {
	conf := c.Config()
	if a.under == conf {
		return true
	}
	err := checkUnder(a.block, conf)
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		n := a.block.Header.Number
		c.log.Warn("a block that came before a change of the configuration is not good after it", "channel", c.ID(), "block", n, "err", err)
		c.pending.drop(n, func(x *arrival) bool { return x == a })
		return false
	}
	a.under = conf
	return true
}
