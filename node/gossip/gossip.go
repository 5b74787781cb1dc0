// Package gossip brings blocks to a peer's channel and tells the channel's
// members of each other.
//
// One peer of each organisation, its leader, streams blocks from the orderers
// and, unless all who are connected do the same, publishes them on the channel's
// block topic; all others take them from there. A peer that is behind fetches
// what it lacks from another member. Every member publishes a signed StateInfo
// (height, commit hash, chaincodes, whether it leads) when something changes and
// every few seconds; elections and the choice of endorsers read those. Blocks are
// verified by commit.Channel, once, before they are passed on.
package gossip

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"golang.org/x/sync/errgroup"
	"google.golang.org/protobuf/proto"

	"github.com/weft-network/weft/ledger/block"
	"github.com/weft-network/weft/ledger/ident"
	"github.com/weft-network/weft/node/commit"
	"github.com/weft-network/weft/node/mesh"
	"github.com/weft-network/weft/p2p"
	"github.com/weft-network/weft/p2p/wire"
)

// bodyLimit is the largest block that is gossiped whole; the rest of a message
// has a few dozen bytes. Larger blocks are announced by their head and fetched.
const bodyLimit = p2p.MaxGossip - 1024

// Config of a Channel.
type Config struct {
	Channel  *commit.Channel
	Mesh     *mesh.Mesh
	Signer   ident.Signer
	Endpoint string
	// Chaincodes lists what this peer can endorse on the channel.
	Chaincodes func() []*wire.InstalledChaincode
	// Streams is told of every stream of blocks that this peer opens from an
	// orderer, with 1, and of its end, with -1. Optional.
	Streams func(change int)
	// OnState is told of each newer state of a member that is believed. It must
	// not block. Optional.
	OnState func(*wire.StateInfo)
	// OnDivergence is told of each member whose state differs from this peer's,
	// once. It must not block. Optional.
	OnDivergence func(*Divergence)
	Now          func() time.Time
	Log          *slog.Logger
}

// Channel spreads one channel's blocks and membership.
type Channel struct {
	cfg     Config
	id      string
	topic   string // name of the state topic
	members *members
	blocks  *p2p.Topic
	state   *p2p.Topic
	changed chan struct{} // something worth deciding happened, or telling
	news    atomic.Bool   // this peer changed since it last told of itself
	dials   dials
	since   uint64      // unix nanoseconds at which this peer began to lead, 0 while it does not; under members.mu
	anew    atomic.Bool // the configuration changed, and members are to be looked at
}

// TopicName is a hash of the genesis block's hash and the purpose: nobody
// learns a channel's name from it.
func TopicName(genesis []byte, purpose p2p.Protocol) string {
	h := sha256.New()
	h.Write(genesis)
	h.Write([]byte(purpose))
	return hex.EncodeToString(h.Sum(nil))
}

// Join subscribes to the channel's topics.
func Join(cfg Config) (*Channel, error) {
	c := &Channel{cfg: cfg, id: cfg.Channel.ID(), members: newMembers(), changed: make(chan struct{}, 1)}
	genesis, err := cfg.Channel.Ledger().Block(0)
	if err != nil {
		return nil, fmt.Errorf("read the genesis block: %w", err)
	}
	hash := block.HeaderHash(genesis.Header)
	c.blocks, err = cfg.Mesh.Host().Join(p2p.TopicConfig{
		Name: TopicName(hash, mesh.Blocks), Channel: c.id, Protocol: mesh.Blocks,
		MessageID: blockMessageID, Validate: c.validateBlock, Receive: func(p2p.ID, []byte) {},
	})
	if err != nil {
		return nil, fmt.Errorf("join the block topic: %w", err)
	}
	c.topic = TopicName(hash, mesh.State)
	c.state, err = cfg.Mesh.Host().Join(p2p.TopicConfig{
		Name: c.topic, Channel: c.id, Protocol: mesh.State,
		MessageID: stateMessageID, Validate: c.validateState, Receive: func(p2p.ID, []byte) {},
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("join the state topic: %w", err), c.blocks.Leave())
	}
	return c, nil
}

// blockMessageID names a block by number and header hash: copies differ in the
// signatures of the orderers, never in those.
func blockMessageID(data []byte) string {
	m := new(wire.BlockGossip)
	if proto.Unmarshal(data, m) != nil {
		sum := sha256.Sum256(data)
		return string(sum[:])
	}
	return fmt.Sprintf("%d/%x/%t", m.Number, m.Hash, len(m.Body) > 0)
}

// validateBlock hands a gossiped block to the ledger, which verifies it; only
// then is it passed on.
func (c *Channel) validateBlock(from p2p.ID, data []byte) p2p.Verdict {
	m := new(wire.BlockGossip)
	if err := proto.Unmarshal(data, m); err != nil {
		return p2p.Reject
	}
	if len(m.Body) == 0 {
		return c.validateHead(m)
	}
	b := new(common.Block)
	if err := proto.Unmarshal(m.Body, b); err != nil || b.Header == nil {
		return p2p.Reject
	}
	if b.Header.Number != m.Number || string(block.HeaderHash(b.Header)) != string(m.Hash) {
		return p2p.Reject
	}
	fresh, err := c.cfg.Channel.Take(b)
	switch {
	case errors.Is(err, commit.ErrAhead), errors.Is(err, commit.ErrHalted):
		return p2p.Ignore // members' states will tell how far this ledger is behind
	case errors.Is(err, commit.ErrEarly):
		c.members.heard(m.Number) // it is fetched again in its turn
		c.look()
		return p2p.Ignore
	case err != nil:
		c.cfg.Log.Warn("a gossiped block is bad", "channel", c.id, "block", m.Number, "from", from, "err", err)
		return p2p.Reject
	case !fresh:
		// Nobody looked at this copy: passed on, it could be a forgery that
		// others count against this peer.
		return p2p.Ignore
	}
	if m.Number > c.cfg.Channel.Ledger().Height() {
		c.members.heard(m.Number) // those before it may have been missed
		c.look()
	}
	return p2p.Accept
}

// validateHead notes a block that is too large to gossip. Its number is
// believed only near this ledger's height, and few heads of one number are
// passed on, since a head proves nothing.
func (c *Channel) validateHead(m *wire.BlockGossip) p2p.Verdict {
	height := c.cfg.Channel.Ledger().Height()
	if len(m.Hash) != sha256.Size || m.Number < height || m.Number-height >= commit.Window {
		return p2p.Ignore
	}
	if !c.members.head(m.Number, height) {
		return p2p.Ignore
	}
	c.look()
	return p2p.Accept
}

// poke has this peer tell of itself soon.
func (c *Channel) poke() {
	c.news.Store(true)
	c.look()
}

// look has what others told looked at soon.
func (c *Channel) look() {
	select {
	case c.changed <- struct{}{}:
	default:
	}
}

// Poke tells the channel that this peer's own state changed: a chaincode was
// installed, a peer came or went. Of blocks, Committed tells.
func (c *Channel) Poke() { c.poke() }

// Reconfigured tells the channel that its configuration changed: members that
// do not belong to it any more are forgotten. It does not block.
func (c *Channel) Reconfigured() {
	c.anew.Store(true)
	c.poke()
}

// Run keeps the channel fed until ctx ends.
func (c *Channel) Run(ctx context.Context) error {
	defer func() {
		if err := errors.Join(c.blocks.Leave(), c.state.Leave()); err != nil {
			c.cfg.Log.Debug("leave topics", "channel", c.id, "err", err)
		}
	}()
	g, ctx := errgroup.WithContext(ctx)
	lead := make(chan bool, 1)  // sender: tend; receiver: follow
	behind := make(chan uint64) // sender: tend; receiver: catchUp
	g.Go(func() error { return c.tend(ctx, lead, behind) })
	g.Go(func() error { return c.follow(ctx, lead) })
	g.Go(func() error { return c.catchUp(ctx, behind) })
	if err := g.Wait(); ctx.Err() == nil {
		return err
	}
	return nil
}

// follow streams blocks from the orderers while this peer leads.
func (c *Channel) follow(ctx context.Context, lead <-chan bool) error {
	var stop context.CancelFunc
	var done chan struct{}
	halt := func() {
		if stop != nil {
			stop()
			<-done
			stop = nil
		}
	}
	defer halt()
	for {
		select {
		case leads := <-lead:
			halt()
			if leads {
				sctx, cancel := context.WithCancel(ctx)
				stop, done = cancel, make(chan struct{})
				go func() {
					defer close(done)
					c.stream(sctx)
				}()
			}
		case <-ctx.Done():
			return nil
		}
	}
}

// Pauses between attempts to stream from an orderer.
const (
	firstPause = 50 * time.Millisecond
	lastPause  = 2 * time.Second
)

// stream takes blocks from one orderer after the other until ctx ends.
func (c *Channel) stream(ctx context.Context) {
	pause := firstPause
	for ctx.Err() == nil {
		got, err := c.streamOnce(ctx)
		if ctx.Err() != nil {
			return
		}
		if got > 0 || errors.Is(err, errStalled) {
			pause = firstPause
		}
		c.cfg.Log.Debug("block stream ended", "channel", c.id, "blocks", got, "err", err)
		select {
		case <-time.After(pause):
			pause = min(2*pause, lastPause)
		case <-ctx.Done():
		}
	}
}

func (c *Channel) streamOnce(ctx context.Context) (int, error) {
	var up []mesh.Contact
	for _, o := range c.cfg.Mesh.Orderers(c.id) {
		if o.Connected {
			up = append(up, o)
		}
	}
	if len(up) == 0 {
		return 0, errors.New("no orderer is connected")
	}
	o := up[rand.IntN(len(up))]
	from := c.cfg.Channel.Ledger().Height()
	c.cfg.Log.Debug("streaming blocks from an orderer", "channel", c.id, "orderer", o.Endpoint, "from", from)
	if c.cfg.Streams != nil {
		c.cfg.Streams(1)
		defer c.cfg.Streams(-1)
	}
	got := 0
	err := c.fetch(ctx, o.Peer, from, ^uint64(0), func(raw []byte, b *common.Block) {
		got++
		c.publish(ctx, raw, b)
	})
	return got, err
}

// Patience with a node that delivers blocks.
const (
	// stall is how long one may take for the next block of those it has.
	stall = 15 * time.Second
	// quiet is how long an orderer may have nothing new before another one is
	// asked: one that is cut off from the rest does not know what it misses.
	quiet = 30 * time.Second
)

var errStalled = errors.New("it sent no block for too long")

// fetch takes blocks from ... to from a node, verifies each and hands it to
// the ledger, then to each if it was news.
func (c *Channel) fetch(ctx context.Context, from p2p.ID, start, stop uint64, each func([]byte, *common.Block)) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	s, err := c.cfg.Mesh.Host().Open(ctx, from, mesh.Deliver, c.id)
	if err != nil {
		return err
	}
	defer s.Close()
	defer context.AfterFunc(ctx, func() { s.Close() })()
	wait := stall
	if stop == maxFollow {
		wait = quiet
	}
	patience := time.AfterFunc(wait, func() { cancel(errStalled) })
	defer patience.Stop()
	err = Receive(s, start, stop, func(raw []byte, b *common.Block) error {
		patience.Stop() // the ledger's time is not the sender's fault
		defer patience.Reset(wait)
		fresh, err := c.cfg.Channel.TakeWait(ctx, b)
		if err != nil {
			return fmt.Errorf("block from %s: %w", from, err)
		}
		if fresh {
			each(raw, b)
		}
		return nil
	})
	if cause := context.Cause(ctx); err != nil && errors.Is(cause, errStalled) {
		return fmt.Errorf("blocks from %s: %w", from, cause)
	}
	return err
}

// publish gossips a block of an orderer, if anybody may need it.
func (c *Channel) publish(ctx context.Context, raw []byte, b *common.Block) {
	if !c.audience(b.Header.Number) {
		return
	}
	m := &wire.BlockGossip{Number: b.Header.Number, Hash: block.HeaderHash(b.Header)}
	if len(raw) <= bodyLimit {
		m.Body = raw
	}
	data, err := proto.Marshal(m)
	if err == nil {
		err = c.blocks.Publish(ctx, data)
	}
	if err != nil && ctx.Err() == nil {
		c.cfg.Log.Warn("a block was not gossiped", "channel", c.id, "block", m.Number, "err", err)
	}
}

// catchUp fetches blocks that gossip did not bring, up to the heights that
// tend sends.
func (c *Channel) catchUp(ctx context.Context, behind <-chan uint64) error {
	for {
		select {
		case target := <-behind:
			c.catchUpTo(ctx, target)
		case <-ctx.Done():
			return nil
		}
	}
}

func (c *Channel) catchUpTo(ctx context.Context, target uint64) {
	height := c.cfg.Channel.Ledger().Height()
	ahead := c.members.ahead(height, c.cfg.Signer.MSPID(), time.Now())
	if len(ahead) == 0 {
		c.members.forgetHeard() // nobody has what was heard of; somebody will say so when he does
	}
	for _, m := range ahead {
		height = c.cfg.Channel.Ledger().Height()
		if height >= target || ctx.Err() != nil {
			return
		}
		if m.info.Height <= height {
			continue
		}
		c.cfg.Log.Info("catching up from a peer", "channel", c.id, "peer", m.info.Endpoint, "from", height, "to", m.info.Height)
		err := c.fetch(ctx, p2p.ID(m.info.PeerId), height, m.info.Height-1, func([]byte, *common.Block) {})
		if err != nil && ctx.Err() == nil {
			c.members.doubt(m.info.PeerId, time.Now())
			c.cfg.Log.Warn("catching up failed", "channel", c.id, "peer", m.info.Endpoint, "err", err)
		}
	}
}
