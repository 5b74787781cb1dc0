// Package commit is the peer's side of a channel: blocks come in from any
// source and in any order, are verified, validated and appended in theirs, and
// whoever waits for a transaction is told.
//
// A block passes three stages. Offer parses it and checks its hashes and the
// orderers' signatures, once, in the goroutine of whoever brings it. Run then
// takes blocks in their order: one goroutine makes the checks that need no
// state (signatures of creators and endorsers) while the other validates the
// block before against the state and appends it. A fault of this peer's disk
// halts the channel: nothing is skipped, and a restart resumes at the same
// block.
package commit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"golang.org/x/sync/errgroup"

	"github.com/weft-network/weft/ledger"
	"github.com/weft-network/weft/ledger/block"
	"github.com/weft-network/weft/ledger/chain"
	"github.com/weft-network/weft/ledger/channel"
	"github.com/weft-network/weft/ledger/validate"
)

// Window is how many blocks ahead of the ledger are kept while they wait for
// those before them. It bounds memory: at the default limits a block has a few
// megabytes at most.
const Window = 64

// maxRivals is how many blocks of one number are kept until their turn tells
// which of them continues the chain. More than one exists only when orderers
// sign two, or when a channel was made anew under its old name.
const maxRivals = 4

// Answers of Offer that say nothing bad about the block.
var (
	// ErrAhead means that the block is too far ahead of the ledger to be kept.
	ErrAhead = errors.New("the block is too far ahead of this ledger")
	// ErrHalted means that the channel takes no more blocks: see Halted.
	ErrHalted = errors.New("the channel is halted")
)

// Config of a Channel.
type Config struct {
	// Dir holds the channel's ledger.
	Dir string
	// Genesis is appended when the ledger is empty; it may be nil otherwise.
	Genesis *common.Block
	// Workers bounds the goroutines that verify signatures of one block.
	Workers int
	// OnCommit, if set, is told of every committed block, in order, after its
	// state is readable. It must not block.
	OnCommit func(*Committed)
	Log      *slog.Logger
}

// Channel is one channel on a peer. It is safe for concurrent use.
type Channel struct {
	cfg    Config
	ledger *chain.Chain
	config atomic.Pointer[channel.Config]
	recent *recent
	waits  *waiters
	log    *slog.Logger
	life   context.Context // ends when the channel halts or is closed
	end    context.CancelFunc

	mu      sync.Mutex
	pending map[uint64][]*ledger.Block // checked, by number; none is below the ledger's height
	arrived chan struct{}              // closed and replaced when pending changes
	halted  error
}

// Committed is one block after its commit.
type Committed struct {
	Block *ledger.Block
	Codes []ledger.Code
	// Findings explain codes for people, by transaction index. It is empty for
	// blocks that this process did not validate itself.
	Findings []*ledger.Finding
}

// Open opens or creates the channel's ledger and reads its configuration.
func Open(cfg Config) (*Channel, error) {
	l, err := chain.Open(cfg.Dir, chain.Options{Replay: validate.Updates})
	if err != nil {
		return nil, fmt.Errorf("open the ledger in %s: %w", cfg.Dir, err)
	}
	c := &Channel{
		cfg: cfg, ledger: l, recent: newRecent(), waits: newWaiters(),
		pending: map[uint64][]*ledger.Block{}, arrived: make(chan struct{}),
	}
	if c.log = cfg.Log; c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	c.life, c.end = context.WithCancel(context.Background())
	if err := c.start(); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// start appends the genesis block to an empty ledger and reads the newest
// configuration.
func (c *Channel) start() error {
	if c.ledger.Height() == 0 {
		if err := c.appendGenesis(); err != nil {
			return err
		}
	}
	b, err := c.ledger.LastConfigBlock()
	if err != nil {
		return fmt.Errorf("read the newest config block: %w", err)
	}
	conf, err := channel.FromBlock(b)
	if err != nil {
		return fmt.Errorf("read the channel configuration: %w", err)
	}
	c.config.Store(conf)
	return nil
}

func (c *Channel) appendGenesis() error {
	if c.cfg.Genesis == nil {
		return fmt.Errorf("the ledger in %s is empty and no genesis block was given", c.cfg.Dir)
	}
	b, err := ledger.ParseBlock(c.cfg.Genesis)
	if err != nil {
		return fmt.Errorf("genesis block: %w", err)
	}
	if err := block.Check(b, 0, nil, nil, nil); err != nil {
		return fmt.Errorf("genesis block: %w", err)
	}
	block.SetCodes(b.Block, []ledger.Code{0})
	updates, err := validate.Updates(b, nil)
	if err != nil {
		return fmt.Errorf("genesis block: %w", err)
	}
	return c.ledger.Append(b, chain.Commit{Updates: updates})
}

// ID of the channel.
func (c *Channel) ID() string { return c.Config().ID }

// Config in force.
func (c *Channel) Config() *channel.Config { return c.config.Load() }

// Ledger of the channel.
func (c *Channel) Ledger() *chain.Chain { return c.ledger }

// Halted is the fault that stopped the channel, or nil.
func (c *Channel) Halted() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.halted
}

// Offer hands in a block from the outside. Old blocks and copies are ignored,
// early ones wait for their turn, and one beyond Window is answered ErrAhead.
// Any other error but ErrHalted means the block is bad and says why: its source
// should not be believed.
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
	n := b.Header.Number
	if known, err := c.known(b.Header); known || err != nil {
		return false, err
	}
	parsed, err := c.check(b)
	if err != nil {
		return false, fmt.Errorf("block %d: %w", n, err)
	}
	return c.keep(n, parsed)
}

// check makes the checks of a block that do not depend on the block before.
func (c *Channel) check(b *common.Block) (*ledger.Block, error) {
	parsed, err := ledger.ParseBlock(b)
	if err != nil {
		return nil, err
	}
	// The orderers of this channel may serve others too: their signatures
	// alone do not make it a block of this one.
	conf := c.Config()
	if id, err := block.ChannelID(b); err != nil || id != conf.ID {
		return nil, fmt.Errorf("it is of channel %q, not of %q", id, conf.ID)
	}
	// The link to the block before is checked when its turn comes: a header
	// that the orderers signed carries the right one.
	return parsed, block.Check(parsed, b.Header.Number, b.Header.PreviousHash, conf.MSPs, conf.Policy("/Channel/Orderer/BlockValidation"))
}

// OfferWait is Offer that waits while the block is too far ahead.
func (c *Channel) OfferWait(ctx context.Context, b *common.Block) error {
	_, err := c.TakeWait(ctx, b)
	return err
}

// TakeWait is Take that waits while the block is too far ahead.
func (c *Channel) TakeWait(ctx context.Context, b *common.Block) (fresh bool, err error) {
	for {
		fresh, err := c.Take(b)
		if !errors.Is(err, ErrAhead) {
			return fresh, err
		}
		if err := c.awaitRoom(ctx, b.Header.Number-Window+1); err != nil {
			return false, err
		}
	}
}

// awaitRoom waits for a height of the ledger, unless the channel halts.
func (c *Channel) awaitRoom(ctx context.Context, height uint64) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(c.life, cancel)()
	err := c.ledger.WaitHeight(ctx, height)
	if err != nil && c.Halted() != nil {
		return c.haltedError()
	}
	return err
}

func (c *Channel) haltedError() error { return fmt.Errorf("%w: %w", ErrHalted, c.Halted()) }

// known tells blocks that need no check: old ones, and copies of pending ones.
func (c *Channel) known(h *common.BlockHeader) (bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	height := c.ledger.Height()
	switch {
	case c.halted != nil:
		return false, fmt.Errorf("%w: %w", ErrHalted, c.halted)
	case h.Number < height:
		return true, nil
	case h.Number-height >= Window:
		return false, ErrAhead
	}
	return c.has(h.Number, block.HeaderHash(h)), nil
}

// has reports whether a block is pending. The caller holds mu.
func (c *Channel) has(n uint64, hash []byte) bool {
	return slices.ContainsFunc(c.pending[n], func(b *ledger.Block) bool { return bytes.Equal(b.Hash, hash) })
}

func (c *Channel) keep(n uint64, b *ledger.Block) (fresh bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n < c.ledger.Height() || c.has(n, b.Hash) {
		return false, nil
	}
	if len(c.pending[n]) >= maxRivals {
		return false, fmt.Errorf("block %d: %d others of that number are waiting already", n, maxRivals)
	}
	c.pending[n] = append(c.pending[n], b)
	close(c.arrived)
	c.arrived = make(chan struct{})
	return true, nil
}

// next waits for the block n that follows the hash and leaves it in pending, so
// that copies are known until it is committed.
func (c *Channel) next(ctx context.Context, n uint64, previous []byte) (*ledger.Block, error) {
	for {
		c.mu.Lock()
		b, arrived := c.choose(n, previous), c.arrived
		c.mu.Unlock()
		if b != nil {
			return b, nil
		}
		select {
		case <-arrived:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// choose drops the pending blocks n that do not continue this chain and returns
// one that does. The caller holds mu.
func (c *Channel) choose(n uint64, previous []byte) *ledger.Block {
	c.pending[n] = slices.DeleteFunc(c.pending[n], func(b *ledger.Block) bool {
		if bytes.Equal(b.Header.PreviousHash, previous) {
			return false
		}
		c.log.Warn("a block of another chain is dropped", "channel", c.ID(), "block", n, "hash", fmt.Sprintf("%x", b.Hash),
			"follows", fmt.Sprintf("%x", b.Header.PreviousHash), "newest here", fmt.Sprintf("%x", previous))
		return true
	})
	if len(c.pending[n]) == 0 {
		delete(c.pending, n)
		return nil
	}
	return c.pending[n][0]
}

// Run commits blocks until ctx ends, when it returns nil, or the channel must
// halt, when it says why. Close the channel after Run has returned.
func (c *Channel) Run(ctx context.Context) error {
	g, gctx := errgroup.WithContext(ctx)
	prepared := make(chan ready, 2) // sender: prepare; receiver: commitAll
	g.Go(func() error { return c.prepare(gctx, prepared) })
	g.Go(func() error { return c.commitAll(gctx, prepared) })
	err := g.Wait()
	if ctx.Err() != nil {
		return nil
	}
	c.mu.Lock()
	c.halted = err
	clear(c.pending)
	c.mu.Unlock()
	c.end()
	return fmt.Errorf("channel %s is halted at block %d: %w", c.ID(), c.ledger.Height(), err)
}

// ready is a block whose state-independent checks are done.
type ready struct {
	block *ledger.Block
	set   *validate.Prepared
}

func (c *Channel) prepare(ctx context.Context, out chan<- ready) error {
	previous := c.ledger.LastHash()
	for n := c.ledger.Height(); ; n++ {
		b, err := c.next(ctx, n, previous)
		if err != nil {
			return err
		}
		previous = b.Hash
		set, err := validate.Prepare(ctx, b, c.Config(), c.cfg.Workers)
		if err != nil {
			return fmt.Errorf("check block %d: %w", n, err)
		}
		select {
		case out <- ready{b, set}:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (c *Channel) commitAll(ctx context.Context, in <-chan ready) error {
	for {
		select {
		case r := <-in:
			if err := c.commit(r); err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// commit validates one block against the state and appends it. Waiters and
// OnCommit are told after the state is readable.
func (c *Channel) commit(r ready) error {
	n := r.block.Header.Number
	snap := c.ledger.Snapshot()
	res, err := r.set.Finish(view{snap, c.ledger})
	err = errors.Join(err, snap.Close())
	if err != nil {
		return fmt.Errorf("validate block %d: %w", n, err)
	}
	block.SetCodes(r.block.Block, res.Codes)
	if err := c.ledger.Append(r.block, chain.Commit{Updates: res.Updates, Findings: res.Findings}); err != nil {
		return fmt.Errorf("append block %d: %w", n, err)
	}
	c.mu.Lock()
	delete(c.pending, n)
	c.mu.Unlock()
	done := &Committed{Block: r.block, Codes: res.Codes, Findings: res.Findings}
	c.recent.add(n, done)
	c.waits.notify(done)
	if c.cfg.OnCommit != nil {
		c.cfg.OnCommit(done)
	}
	return nil
}

// view is the committed ledger as validation reads it.
type view struct {
	*chain.Snapshot
	ledger *chain.Chain
}

func (v view) HasTx(txID string) (bool, error) {
	_, err := v.ledger.Tx(txID)
	if errors.Is(err, chain.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// Block returns a committed block parsed, from a small cache of recent blocks
// or from disk. The result is shared: it must not be changed.
func (c *Channel) Block(n uint64) (*Committed, error) {
	if done := c.recent.get(n); done != nil {
		return done, nil
	}
	raw, err := c.ledger.Block(n)
	if err != nil {
		return nil, err
	}
	b, err := ledger.ParseBlock(raw)
	if err != nil {
		return nil, fmt.Errorf("block %d of the log: %w", n, err)
	}
	return &Committed{Block: b, Codes: block.Codes(raw)}, nil
}

// Close closes the ledger.
func (c *Channel) Close() error {
	c.end()
	return c.ledger.Close()
}
