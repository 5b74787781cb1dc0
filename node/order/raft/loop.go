package raft

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/weft-network/weft/node/order"
	"go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"
)

// loop owns the core: it feeds it and hands out its work.
func (n *Node) loop(ctx context.Context, c *core, log *diskLog) error {
	ticks := n.cfg.Ticks
	if ticks == nil {
		t := time.NewTicker(n.opts.tick)
		defer t.Stop()
		ticks = t.C
	}
	var breath breathTimer
	defer breath.end()
	for {
		if err := n.dispatch(c.ready()); err != nil {
			return err
		}
		breath.keep(c.lead.rest.breath)
		n.office.set(c.leader)
		n.publish(c, log)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticks:
			c.tick()
		case <-breath.over():
			breath.end()
			c.lead.breathed()
		case <-n.in.wake:
			got := n.in.take()
			for _, m := range got.net {
				c.step(m)
			}
			for _, f := range got.finished {
				n.observe(c, f.found)
				c.finished(f.responses, f.found)
			}
			for _, it := range c.submit(got.items) {
				n.forward(c.leader, it)
			}
		}
	}
}

// breathTimer is a timer that runs for as long as it is kept.
type breathTimer struct{ timer *time.Timer }

// keep starts the timer unless it runs; a duration of 0 stops it.
func (p *breathTimer) keep(d time.Duration) {
	switch {
	case d == 0:
		p.end()
	case p.timer == nil:
		p.timer = time.NewTimer(d)
	}
}

// over receives when the time is over, and never when there is no timer.
func (p *breathTimer) over() <-chan time.Time {
	if p.timer == nil {
		return nil
	}
	return p.timer.C
}

func (p *breathTimer) end() {
	if p.timer != nil {
		p.timer.Stop()
		p.timer = nil
	}
}

func (n *Node) forward(leader uint64, it item) {
	if n.cfg.Forward == nil {
		it.done(order.ErrNoLeader)
		return
	}
	it.m.Passed = true
	n.cfg.Forward(leader, it.m, it.done)
}

// dispatch marshals outgoing messages here, in the loop, because Raft may
// change what they share afterwards.
func (n *Node) dispatch(w work) error {
	for _, m := range w.send {
		raw, err := proto.Marshal(m)
		if err != nil {
			return fmt.Errorf("marshal a Raft message: %w", err)
		}
		n.cfg.Send(m.GetTo(), raw)
	}
	n.toSave.put(w.save)
	n.toApply.put(w.apply)
	return nil
}

func (n *Node) publish(c *core, log *diskLog) {
	st := c.rn.BasicStatus()
	log.mu.RLock()
	defer log.mu.RUnlock()
	n.stats.Store(&Stats{
		ID: c.id, Leader: c.leader, Term: c.term, IsLeader: c.isLeader,
		Committed: st.HardState.GetCommit(), Applied: st.Applied, InFlight: len(c.lead.inFlight),
		LogBytes: log.bytes, SnapshotIndex: log.snap.GetMetadata().GetIndex(),
	})
}

func (n *Node) observe(c *core, found []outcome) {
	if n.cfg.Observe == nil {
		return
	}
	for _, o := range found {
		if !o.written {
			continue
		}
		ev := Ordered{Number: o.number, Messages: o.messages, Bytes: o.bytes}
		if p := c.lead.inFlight[o.number]; p != nil && len(p.items) > 0 {
			ev.Gather, ev.Agree = p.at.Sub(p.items[0].at), n.cfg.Now().Sub(p.at)
		}
		n.cfg.Observe(ev)
	}
}

// save is the saver's goroutine.
func (n *Node) save(ctx context.Context, s *saver) error {
	return n.toSave.drain(ctx, func(ms []*pb.Message) error {
		responses, err := s.save(ctx, ms)
		for err != nil && hasSnapshot(ms) && !errors.Is(err, errLog) {
			if err := n.pause(ctx, err); err != nil {
				return err
			}
			responses, err = s.save(ctx, ms)
		}
		if err != nil {
			return err
		}
		return n.deliver(responses, nil)
	})
}

func hasSnapshot(ms []*pb.Message) bool {
	for _, m := range ms {
		if !raft.IsEmptySnap(m.GetSnapshot()) {
			return true
		}
	}
	return false
}

// apply is the applier's goroutine.
func (n *Node) apply(ctx context.Context, a *applier) error {
	return n.toApply.drain(ctx, func(ms []*pb.Message) error {
		for _, m := range ms {
			found, responses, err := a.apply(m)
			if err != nil {
				return err
			}
			if err := n.deliver(responses, found); err != nil {
				return err
			}
		}
		return nil
	})
}

// deliver sends responses to others and hands this node's own to the loop.
func (n *Node) deliver(responses []*pb.Message, found []outcome) error {
	var own []*pb.Message
	for _, m := range responses {
		if m.GetTo() == n.cfg.ID {
			own = append(own, m)
			continue
		}
		raw, err := proto.Marshal(m)
		if err != nil {
			return fmt.Errorf("marshal a Raft message: %w", err)
		}
		n.cfg.Send(m.GetTo(), raw)
	}
	n.in.finish(finished{responses: own, found: found})
	return nil
}
