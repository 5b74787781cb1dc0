package order

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/orderer/etcdraft"
	"github.com/weft-network/weft/ledger"
	"github.com/weft-network/weft/ledger/block"
	"github.com/weft-network/weft/ledger/chain"
	"github.com/weft-network/weft/ledger/channel"
	"golang.org/x/sync/errgroup"
	"google.golang.org/protobuf/proto"
)

const blockValidationPath = "/Channel/Orderer/BlockValidation"

// Channel is one channel on this orderer. It is safe for concurrent use.
type Channel struct {
	id       string
	number   uint64 // this orderer's consenter id
	genesis  *common.Block
	chain    *chain.Chain
	cfg      *Config
	config   atomic.Pointer[channel.Config]
	log      *slog.Logger
	links    *links
	ordering Consensus

	writing sync.Mutex // of Write and Import

	state  atomic.Int32
	cancel context.CancelFunc // set by start, under the Registrar's lock
	ended  chan struct{}      // closed when run has returned; nil before start
}

// The states of a channel's consensus.
const (
	stateStopped int32 = iota
	stateRunning
	stateFailed
)

// openChannel opens the ledger of a joined channel and makes its consensus. dir
// holds the genesis block's file already.
func openChannel(cfg *Config, dir string, genesis *common.Block) (c *Channel, err error) {
	settings, number, err := cfg.checkJoin(genesis)
	if err != nil {
		return nil, err
	}
	log := cfg.Log.With("channel", settings.ID)
	ledger, err := chain.Open(filepath.Join(dir, "chain"), chain.Options{NoSync: true, Logger: log, Fatal: cfg.Fatal})
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, ledger.Close())
		}
	}()
	c = &Channel{id: settings.ID, number: number, genesis: genesis, chain: ledger, cfg: cfg, log: log}
	c.config.Store(settings)
	if err := c.startChain(); err != nil {
		return nil, err
	}
	c.links = newLinks(c)
	if c.ordering, err = cfg.Consensus(c, number, filepath.Join(dir, "consensus")); err != nil {
		return nil, fmt.Errorf("consensus of channel %s: %w", c.id, err)
	}
	return c, nil
}

// startChain puts the genesis block into an empty ledger, and makes sure that
// an old one begins with it.
func (c *Channel) startChain() error {
	if c.chain.Height() == 0 {
		return c.chain.Append(&ledger.Block{Block: c.genesis, Hash: block.HeaderHash(c.genesis.Header)}, chain.Commit{})
	}
	first, err := c.chain.Block(0)
	if err != nil {
		return err
	}
	if !bytes.Equal(block.HeaderHash(first.Header), block.HeaderHash(c.genesis.Header)) {
		return fmt.Errorf("the ledger of channel %s begins with another genesis block than the one it was joined with", c.id)
	}
	last, err := c.chain.LastConfigBlock()
	if err != nil {
		return err
	}
	return c.adopt(last)
}

// adopt makes a config block's configuration the one in force.
func (c *Channel) adopt(b *common.Block) error {
	cfg, err := channel.FromBlock(b)
	if err != nil {
		return fmt.Errorf("config block %d: %w", b.Header.Number, err)
	}
	c.config.Store(cfg)
	return nil
}

// Number is this orderer's consenter id: its place in the channel's
// consenters, from 1.
func (c *Channel) Number() uint64 { return c.number }

// ID of the channel.
func (c *Channel) ID() string { return c.id }

// Config in force.
func (c *Channel) Config() *channel.Config { return c.config.Load() }

// Ledger of the channel: blocks only.
func (c *Channel) Ledger() *chain.Chain { return c.chain }

// Genesis block of the channel.
func (c *Channel) Genesis() *common.Block { return c.genesis }

// Consensus of the channel.
func (c *Channel) Consensus() Consensus { return c.ordering }

// LeaderAddress is host:port of the leading consenter, "" when there is none.
func (c *Channel) LeaderAddress() string {
	all, n := c.Config().Consenters, c.ordering.Leader()
	if n == 0 || n > uint64(len(all)) {
		return ""
	}
	return fmt.Sprintf("%s:%d", all[n-1].GetHost(), all[n-1].GetPort())
}

// leaderElsewhere is the leader's address when this orderer is not the leader.
func (c *Channel) leaderElsewhere() string {
	if c.ordering.Leader() == c.number {
		return ""
	}
	return c.LeaderAddress()
}

// Height is the number of blocks.
func (c *Channel) Height() uint64 { return c.chain.Height() }

// LastHash is the header hash of the newest block.
func (c *Channel) LastHash() []byte { return c.chain.LastHash() }

// Sync makes all blocks durable.
func (c *Channel) Sync() error { return c.chain.Sync() }

// RaftIndex is the consensus log's index of the newest block; 0 for genesis.
func (c *Channel) RaftIndex() (uint64, error) {
	height := c.chain.Height()
	if height <= 1 {
		return 0, nil
	}
	b, err := c.chain.Block(height - 1)
	if err != nil {
		return 0, err
	}
	raw, err := block.ConsenterMetadata(b)
	if err != nil {
		return 0, err
	}
	meta := &etcdraft.BlockMetadata{}
	if err := proto.Unmarshal(raw, meta); err != nil {
		return 0, fmt.Errorf("consenter metadata of block %d: %w", height-1, err)
	}
	return meta.RaftIndex, nil
}

// Write signs an ordered block (header and data) and appends it. It returns
// false, and writes nothing, when b is not the next block of the chain or does
// not hash to what its header says.
func (c *Channel) Write(b *common.Block, raftIndex uint64) (bool, error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	if b.GetHeader().GetNumber() != c.chain.Height() || !bytes.Equal(b.GetHeader().GetPreviousHash(), c.chain.LastHash()) {
		return false, nil
	}
	signed := block.New(b.Header.Number, b.Header.PreviousHash, b.GetData().GetData())
	hash := block.HeaderHash(signed.Header)
	if len(signed.Data.Data) == 0 || !bytes.Equal(hash, block.HeaderHash(b.Header)) {
		return false, nil
	}
	meta, err := proto.Marshal(c.consenterMetadata(raftIndex))
	if err != nil {
		return false, fmt.Errorf("marshal consenter metadata: %w", err)
	}
	if err := block.Sign(signed, c.cfg.Signer, c.chain.LastConfig(), meta); err != nil {
		return false, err
	}
	return true, c.chain.Append(&ledger.Block{Block: signed, Hash: hash}, chain.Commit{})
}

func (c *Channel) consenterMetadata(raftIndex uint64) *etcdraft.BlockMetadata {
	n := uint64(len(c.Config().Consenters))
	meta := &etcdraft.BlockMetadata{NextConsenterId: n + 1, RaftIndex: raftIndex}
	for id := uint64(1); id <= n; id++ {
		meta.ConsenterIds = append(meta.ConsenterIds, id)
	}
	return meta
}

// Import checks a block of another orderer (place, hashes, the orderers'
// signatures) and appends it. A block that is there already is passed over.
func (c *Channel) Import(b *common.Block) error {
	c.writing.Lock()
	defer c.writing.Unlock()
	height, cfg := c.chain.Height(), c.Config()
	if b.GetHeader() != nil && b.Header.Number < height {
		return nil
	}
	lb := &ledger.Block{Block: b}
	if err := block.Check(lb, height, c.chain.LastHash(), cfg.MSPs, cfg.Policy(blockValidationPath)); err != nil {
		return err
	}
	// Codes and commit hash are a peer's; orderers keep blocks without.
	b.Metadata.Metadata[common.BlockMetadataIndex_TRANSACTIONS_FILTER] = nil
	b.Metadata.Metadata[common.BlockMetadataIndex_COMMIT_HASH] = nil
	lb.Hash = block.HeaderHash(b.Header)
	if err := c.chain.Append(lb, chain.Commit{}); err != nil {
		return err
	}
	if block.IsConfig(b) {
		return c.adopt(b)
	}
	return nil
}

// Send passes a consensus message to another consenter, best effort. It does
// not block.
func (c *Channel) Send(to uint64, msg []byte) { c.links.send(to, msg) }

// Forward passes a message to the leading consenter; it has the contract of
// Consensus.Submit.
func (c *Channel) Forward(to uint64, m Message, done func(error)) { c.links.forward(to, m, done) }

// start runs the consensus until ctx ends or stop is called.
func (c *Channel) start(ctx context.Context) {
	ctx, c.cancel = context.WithCancel(ctx)
	c.ended = make(chan struct{})
	c.state.Store(stateRunning)
	go func() {
		defer close(c.ended)
		if err := c.run(ctx); err != nil {
			c.state.Store(stateFailed)
			c.log.Error("the channel has halted", "error", err)
			return
		}
		c.state.Store(stateStopped)
	}()
}

func (c *Channel) run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return c.links.run(ctx) })
	g.Go(func() error {
		err := c.ordering.Run(ctx)
		if err == nil && ctx.Err() == nil {
			err = errors.New("the consensus ended by itself")
		}
		if err == nil {
			err = ctx.Err()
		}
		return err
	})
	if err := g.Wait(); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// stop ends the consensus and waits for it.
func (c *Channel) stop() {
	if c.cancel != nil {
		c.cancel()
		<-c.ended
	}
}
