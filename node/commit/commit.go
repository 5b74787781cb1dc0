// Package commit is the peer's side of a channel: blocks come in from any
// source and in any order, are verified, validated and appended in theirs, and
// whoever waits for a transaction is told.
//
// A block passes four stages, and later blocks are in earlier stages meanwhile:
//
//	check     parse it, check its hashes and the orderers' signatures, once, in
//	          the goroutine of whoever brings it (take.go)
//	verify    the signatures of creators and endorsers, several blocks at a time
//	validate  duplicates, policies and reads, one block after the other, on the
//	          ledger and what the blocks before will change of it (ahead.go)
//	append    everything that is queued with one fsync; then state, height,
//	          waiters and OnCommit, in order
//
// A lone block goes through the last three in one goroutine: handing it on would
// only cost time. What comes of a block does not depend on how many are under
// way: each is decided exactly as if all before it were on the ledger. A block
// that changes the channel's configuration is a barrier: no later one is verified
// before it is on the ledger, and those that came in meanwhile are checked again,
// under the configuration that they have to obey.
//
// A fault of this peer's disk halts the channel: nothing is skipped, and a
// restart resumes at the same block.
package commit

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"

	"github.com/weft-network/weft/ledger"
	"github.com/weft-network/weft/ledger/block"
	"github.com/weft-network/weft/ledger/chain"
	"github.com/weft-network/weft/ledger/channel"
	"github.com/weft-network/weft/ledger/store"
	"github.com/weft-network/weft/ledger/validate"
)

// ErrHalted means that the channel takes no more blocks: see Halted.
var ErrHalted = errors.New("the channel is halted")

// Config of a Channel.
type Config struct {
	// Dir holds the channel's ledger.
	Dir string
	// Genesis is appended when the ledger is empty; it may be nil otherwise.
	Genesis *common.Block
	// Workers bounds the goroutines that verify signatures, of all blocks
	// together. Less than one is one.
	Workers int
	// OnCommit, if set, is told of every committed block, in order, after its
	// state is readable. It must not block.
	OnCommit func(*Committed)
	// FS is the file system; nil is the operating system's.
	FS store.FS
	// Fatal ends the process when the index can be written no more; what the
	// process knew is on the disk then, and a restart recovers. It must not
	// return. Nil panics.
	Fatal func(msg string)
	Log   *slog.Logger
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
	pending pending
	halted  error
	stalled error
}

// Committed is one block after its commit. It is shared: it must not be changed.
type Committed struct {
	Block *ledger.Block
	Codes []ledger.Code
	// Findings explain codes for people, by transaction index; nil where VALID.
	// There are none for blocks that this process did not validate itself.
	Findings []*ledger.Finding
	// Config is the configuration in force from this block on, if the block
	// changed it.
	Config *channel.Config
	// Times is zero for blocks that this process did not validate itself.
	Times Times
}

// Open opens or creates the channel's ledger and reads its configuration.
func Open(cfg Config) (*Channel, error) {
	l, err := chain.Open(cfg.Dir, chain.Options{Replay: validate.Updates, FS: cfg.FS, Logger: cfg.Log, Fatal: cfg.Fatal})
	if err != nil {
		return nil, fmt.Errorf("open the ledger in %s: %w", cfg.Dir, err)
	}
	c := &Channel{cfg: cfg, ledger: l, waits: newWaiters()}
	if c.log = cfg.Log; c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	c.life, c.end = context.WithCancel(context.Background())
	if err := c.start(); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	c.pending, c.recent = newPending(l.Height()), newRecent(l.Height())
	return c, nil
}

// ID of the channel.
func (c *Channel) ID() string { return c.Config().ID }

// Config in force: that of the newest block. It changes with a config block,
// before anybody hears of that block.
func (c *Channel) Config() *channel.Config { return c.config.Load() }

// Ledger of the channel.
func (c *Channel) Ledger() *chain.Chain { return c.ledger }

// Halted is the fault that stopped the channel, or nil.
func (c *Channel) Halted() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.halted
}

func (c *Channel) haltedError() error { return fmt.Errorf("%w: %w", ErrHalted, c.Halted()) }

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

// Close closes the ledger. Call it after Run has returned.
func (c *Channel) Close() error {
	c.end()
	return c.ledger.Close()
}
