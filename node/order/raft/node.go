package raft

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/weft-network/weft/ledger/block"
	"github.com/weft-network/weft/ledger/store"
	"github.com/weft-network/weft/node/order"
	pb "go.etcd.io/raft/v3/raftpb"
	"golang.org/x/sync/errgroup"
	"google.golang.org/protobuf/proto"
)

var _ order.Consensus = (*Node)(nil)

// Node is one consenter of a channel. It is safe for concurrent use.
type Node struct {
	cfg  Config
	opts options
	in   inbox

	toSave  queue[*pb.Message] // loop → saver
	toApply queue[*pb.Message] // loop → applier

	office *office
	stats  atomic.Pointer[Stats]
}

// New makes a node. It opens nothing before Run.
func New(cfg Config) (*Node, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if err := cfg.check(); err != nil {
		return nil, err
	}
	opts, err := optionsOf(cfg.Settings())
	if err != nil {
		return nil, err
	}
	n := &Node{cfg: cfg, opts: opts, office: newOffice()}
	n.in.wake, n.toSave.wake, n.toApply.wake = make(chan struct{}, 1), make(chan struct{}, 1), make(chan struct{}, 1)
	n.stats.Store(&Stats{ID: cfg.ID})
	return n, nil
}

// Leader is the id of the leading consenter, 0 when there is none.
func (n *Node) Leader() uint64 { return n.office.holder() }

// Leaderless implements order.Consensus.
func (n *Node) Leaderless() <-chan struct{} { return n.office.whenVacant() }

// IsLeader reports whether this node leads.
func (n *Node) IsLeader() bool { return n.Leader() == n.cfg.ID }

// Stats is a recent look at the node.
func (n *Node) Stats() Stats {
	s := *n.stats.Load()
	s.Waiting, s.WaitingBytes = n.in.waiting()
	return s
}

// Submit implements order.Consensus.
func (n *Node) Submit(m order.Message, done func(error)) {
	n.in.submit(item{m: m, at: n.cfg.Now(), done: done})
}

// Step implements order.Consensus: it takes a marshalled raftpb.Message, which
// must be from the consenter that sent it.
func (n *Node) Step(from uint64, msg []byte) error {
	if len(msg) > maxMessage {
		return fmt.Errorf("a Raft message of %d bytes exceeds the limit of %d", len(msg), maxMessage)
	}
	m := &pb.Message{}
	if err := proto.Unmarshal(msg, m); err != nil {
		return fmt.Errorf("a Raft message of consenter %d does not parse: %w", from, err)
	}
	if m.GetFrom() != from || m.GetTo() != n.cfg.ID {
		return fmt.Errorf("a Raft message of consenter %d to %d claims to be from %d to %d", from, n.cfg.ID, m.GetFrom(), m.GetTo())
	}
	if !passable(m) {
		return fmt.Errorf("a Raft message of type %v is not for sending", m.GetType())
	}
	if !n.in.step(m, len(msg)) {
		return order.ErrStopped
	}
	return nil
}

// passable reports whether consenters send each other messages of this type.
func passable(m *pb.Message) bool {
	switch m.GetType() {
	case pb.MsgApp, pb.MsgAppResp, pb.MsgVote, pb.MsgVoteResp, pb.MsgPreVote, pb.MsgPreVoteResp,
		pb.MsgHeartbeat, pb.MsgHeartbeatResp, pb.MsgTimeoutNow:
		return len(m.GetResponses()) == 0
	case pb.MsgSnap:
		_, err := decodeSnapData(m.GetSnapshot().GetData())
		return err == nil && len(m.GetResponses()) == 0
	default:
		return false
	}
}

// Run implements order.Consensus. An error means that this node cannot take
// part in the channel any more; ctx ending is none.
func (n *Node) Run(ctx context.Context) (err error) {
	defer func() { n.in.close(); n.office.set(0) }()
	disk, err := store.OpenLog(filepath.Join(n.cfg.Dir, "log"), store.Options{SegmentBytes: segmentBytes, Forgets: true})
	if err != nil {
		return fmt.Errorf("open the Raft log: %w", err)
	}
	defer func() { err = errors.Join(err, disk.Close()) }()
	voters := make([]uint64, len(n.cfg.Settings().Consenters))
	for i := range voters {
		voters[i] = uint64(i) + 1
	}
	g := n.cfg.Genesis.GetHeader()
	log, err := openLog(disk, voters, snapData{number: g.GetNumber(), hash: block.HeaderHash(g)})
	if err != nil {
		return err
	}
	sv := &saver{log: log, ledger: n.cfg.Ledger, fetch: n.cfg.Fetch}
	ap := &applier{log: log, ledger: n.cfg.Ledger, snapshotBytes: n.opts.snapshotBytes, warn: n.cfg.Log.Warn}
	if err := n.recoverLedger(ctx, log); err != nil {
		return ignoreEnd(ctx, err)
	}
	applied, err := appliedIndex(log, n.cfg.Ledger)
	if err != nil {
		return err
	}
	core, err := newCore(&n.cfg, n.opts, log, applied)
	if err != nil {
		return err
	}
	return ignoreEnd(ctx, n.run(ctx, core, log, sv, ap))
}

func (n *Node) run(ctx context.Context, c *core, log *diskLog, sv *saver, ap *applier) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return guard(func() error { return n.loop(ctx, c, log) }) })
	g.Go(func() error { return guard(func() error { return n.save(ctx, sv) }) })
	g.Go(func() error { return guard(func() error { return n.apply(ctx, ap) }) })
	err := g.Wait()
	c.lead.end()
	c.lead.abandon(func(*proposed) bool { return true })
	return err
}

// guard turns a panic into an error: the library panics when consenters
// contradict each other, and that must not take other channels down.
func guard(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("consensus halted: %v (did a consenter lose its data?)\n%s", p, debug.Stack())
		}
	}()
	return f()
}

func ignoreEnd(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return nil
	}
	return err
}

// recoverLedger fetches the blocks that the snapshot stands for and the ledger
// has not: a ledger that was wiped, or a crash that no sync had gone before.
func (n *Node) recoverLedger(ctx context.Context, log *diskLog) error {
	data, err := decodeSnapData(log.snap.GetData())
	if err != nil {
		return err
	}
	for n.cfg.Ledger.Height() <= data.number {
		err := catchUp(ctx, n.cfg.Ledger, n.cfg.Fetch, data)
		if err == nil {
			return nil
		}
		if err := n.pause(ctx, err); err != nil {
			return err
		}
	}
	return nil
}

// pause waits before the next attempt to fetch blocks.
func (n *Node) pause(ctx context.Context, why error) error {
	n.cfg.Log.Warn("catching up failed, trying again", "error", why)
	t := time.NewTimer(time.Duration(n.opts.election) * n.opts.tick)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// appliedIndex is the Raft index up to which entries need not be applied again.
// It may be too low, since writing a block twice changes nothing.
func appliedIndex(log *diskLog, l Ledger) (uint64, error) {
	applied, err := l.RaftIndex()
	if err != nil {
		return 0, fmt.Errorf("read the Raft index of the newest block: %w", err)
	}
	data, err := decodeSnapData(log.snap.GetData())
	if err != nil {
		return 0, err
	}
	if l.Height() > data.number {
		applied = max(applied, log.snap.GetMetadata().GetIndex())
	}
	return min(max(applied, log.start.GetIndex()), log.hard.GetCommit()), nil
}
