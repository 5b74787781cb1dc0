// Package raft orders the messages of one channel with go.etcd.io/raft.
//
// It promises that a message whose done was called with nil is on the disks of
// a quorum of the consenters, in the same block on all of them, and once. The
// leader makes the blocks: each Raft entry is a block (header and data), whose
// number and previous hash follow from the one before it, also while that one
// is still in flight. A block whose place on the chain was taken, because its
// leader had lost its office, is dropped by every consenter alike.
//
// What happens where:
//
//   - core is the protocol: single-threaded, without clock, disk or network.
//     Time is ticks; what must be written, applied and sent comes out as work.
//   - saver writes the Raft log, synced, and fetches the blocks behind a
//     snapshot. The leader's MsgApp goes out while its own write is under way.
//   - applier writes committed blocks to the ledger, and compacts the log.
//   - Node runs the three in goroutines of their own; tests run them by hand.
//
// A crash at any point is harmless: the Raft log is synced before anything that
// depends on it is sent; the ledger need not be, because each block records its
// Raft index, and the entries after the newest block are applied again.
// The ledger is synced before the log that could restore it is compacted.
//
// A consenter that lost its Raft log must not come back under its old identity:
// it may have forgotten a vote. Its node halts when the leader finds out.
package raft

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/weft-network/weft/ledger/channel"
	"github.com/weft-network/weft/node/order"
)

// Ledger is the chain of blocks that a Node writes. Two goroutines call it; its
// methods are safe for that.
type Ledger interface {
	// Height is the number of blocks; there is at least the genesis block.
	Height() uint64
	// LastHash is the header hash of the newest block.
	LastHash() []byte
	// RaftIndex is recorded in the newest block, 0 in a genesis block.
	RaftIndex() (uint64, error)
	// Write completes (signs) an ordered block and appends it. It returns false
	// and changes nothing when b is not the next block of the chain.
	Write(b *common.Block, raftIndex uint64) (bool, error)
	// Import checks a finished block of another orderer and appends it. Blocks
	// that are already there are passed over.
	Import(b *common.Block) error
	// Sync makes all blocks durable.
	Sync() error
}

// Fetch calls f with the blocks from … to, in order, from other orderers. f
// verifies; when it refuses a block Fetch stops with that error.
type Fetch func(ctx context.Context, from, to uint64, f func(*common.Block) error) error

// Config of a Node.
type Config struct {
	// Dir holds the Raft log.
	Dir string
	// ID is this consenter's number: its place in the channel's consenters, from 1.
	ID     uint64
	Ledger Ledger
	// Genesis is the channel's genesis block.
	Genesis *common.Block
	// Settings is the channel's configuration in force. Raft's own options are
	// read once, when the node starts.
	Settings func() *channel.Config
	// Send passes a message to another consenter, best effort. It must not block.
	Send func(to uint64, msg []byte)
	// Forward passes a message to the leading consenter; it has Submit's
	// contract. Nil refuses messages on followers.
	Forward func(to uint64, m order.Message, done func(error))
	Fetch   Fetch
	// Observe is told of every block this node writes, if not nil. It must not block.
	Observe func(Ordered)
	// Now is the clock that Ordered is measured with, time.Now if nil. Raft's
	// time is ticks.
	Now func() time.Time
	// Ticks overrides the source of ticks, for tests. Nil: a time.Ticker with
	// the channel's TickInterval.
	Ticks <-chan time.Time
	Log   *slog.Logger
}

// Ordered describes one block that was written.
type Ordered struct {
	Number   uint64
	Messages int
	Bytes    int
	// Gather is how long the block's first message waited to be proposed, and
	// Agree how long the block took from there until it was written. Both are 0
	// on nodes that did not propose it.
	Gather, Agree time.Duration
}

// Stats is a look at a running node.
type Stats struct {
	ID, Leader, Term uint64
	IsLeader         bool
	Committed        uint64 // Raft index
	Applied          uint64 // Raft index
	Waiting          int    // messages submitted here and not answered yet
	WaitingBytes     int
	InFlight         int // blocks proposed here and not written yet
	LogBytes         uint64
	SnapshotIndex    uint64
}

// Defaults of Raft's options where a channel leaves them out.
const (
	defaultTick          = 100 * time.Millisecond
	defaultElectionTick  = 10
	defaultHeartbeatTick = 1
	defaultMaxInFlight   = 5
	defaultSnapshotBytes = 16 << 20
)

// paceWindow is the number of blocks in flight up to which a block is cut at
// once: a message that comes while a block is being agreed on waits for that,
// with all the others that come. A block costs all nodes of the network about as
// much as a transaction, so two in flight, which make blocks half as large, slow
// a busy network down; what they save a message is a part of one agreement.
const paceWindow = 1

// Limits on what comes from outside.
const (
	// maxMessage bounds a message of another consenter: one MsgApp holds
	// entries of maxEntriesPerMessage, or one block of Fabric's largest size.
	maxMessage = 128 << 20
	// maxInbox and maxInboxBytes bound the messages that wait for the loop; more
	// are dropped, as a network would.
	maxInbox      = 4096
	maxInboxBytes = 128 << 20
	// maxWaiting and maxWaitingBytes bound the messages submitted and not
	// answered; beyond, clients are told to come back.
	maxWaiting      = 64 << 10
	maxWaitingBytes = 256 << 20
	// maxEntriesPerMessage is the size up to which entries share a message.
	maxEntriesPerMessage = 1 << 20
)

// options are Raft's options with defaults filled in.
type options struct {
	tick                time.Duration
	election, heartbeat int
	inFlight            int
	snapshotBytes       uint64
}

func optionsOf(c *channel.Config) (options, error) {
	o := options{
		tick: defaultTick, election: defaultElectionTick, heartbeat: defaultHeartbeatTick,
		inFlight: defaultMaxInFlight, snapshotBytes: defaultSnapshotBytes,
	}
	if s := c.RaftOptions.GetTickInterval(); s != "" {
		d, err := time.ParseDuration(s)
		if err != nil || d <= 0 {
			return o, fmt.Errorf("the channel's Raft option TickInterval %q is not a positive duration", s)
		}
		o.tick = d
	}
	if n := c.RaftOptions.GetElectionTick(); n > 0 {
		o.election = int(n)
	}
	if n := c.RaftOptions.GetHeartbeatTick(); n > 0 {
		o.heartbeat = int(n)
	}
	if n := c.RaftOptions.GetMaxInflightBlocks(); n > 0 {
		o.inFlight = int(n)
	}
	if n := c.RaftOptions.GetSnapshotIntervalSize(); n > 0 {
		o.snapshotBytes = uint64(n)
	}
	if o.election <= o.heartbeat {
		return o, fmt.Errorf("the channel's Raft option ElectionTick %d must be greater than HeartbeatTick %d", o.election, o.heartbeat)
	}
	return o, nil
}

func (cfg *Config) check() error {
	switch {
	case cfg.ID == 0:
		return errors.New("a consenter's id must not be 0")
	case cfg.Ledger == nil || cfg.Genesis == nil || cfg.Settings == nil || cfg.Send == nil || cfg.Log == nil:
		return errors.New("a Raft node needs a ledger, its genesis block, settings, a way to send and a log")
	}
	if n := len(cfg.Settings().Consenters); cfg.ID > uint64(n) {
		return fmt.Errorf("consenter %d is none of the channel's %d", cfg.ID, n)
	}
	return nil
}
