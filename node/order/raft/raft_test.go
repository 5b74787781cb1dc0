package raft

import (
	"fmt"
	"testing"

	"github.com/weft-network/weft/ledger/channel"
)

func TestAYoungClusterElectsWithinAFewTicks(t *testing.T) {
	s := newSim(t, 1, 3, nil)
	s.settle(4)
	if s.leader() == nil {
		t.Fatal("no leader after 4 ticks")
	}
	for _, nd := range s.nodes {
		if nd.core.leader != s.leader().id {
			t.Errorf("node %d follows %d", nd.id, nd.core.leader)
		}
	}
}

func TestMessagesOfEveryNodeAreOrderedOnAll(t *testing.T) {
	s := newSim(t, 1, 3, nil)
	s.settle(4)
	for i := range 20 {
		s.submit(s.nodes[i%3], fmt.Sprintf("n%d %d", i%3, i))
	}
	s.drain()
	s.settle(2)
	s.check()
	if len(s.acked) != 20 || s.fails != 0 {
		t.Errorf("%d of 20 acknowledged, %d failed", len(s.acked), s.fails)
	}
}

func TestNothingIsAcknowledgedBeforeAQuorumHasIt(t *testing.T) {
	s := newSim(t, 1, 3, nil)
	s.settle(4)
	lead := s.leader()
	s.cut[lead.id] = true
	s.submit(lead, "a 1")
	s.drain()
	if s.acked["a 1"] {
		t.Fatal("acknowledged by a leader that reaches nobody")
	}
	s.settle(60)
	if s.acked["a 1"] || s.fails != 1 {
		t.Errorf("the lost leader's submitter was not told (failures %d)", s.fails)
	}
	s.cut[lead.id] = false
	s.settle(40)
	s.check()
}

func TestALoneMessageIsABlockAtOnceAndManyShareBlocks(t *testing.T) {
	s := newSim(t, 1, 3, nil)
	s.settle(4)
	lead := s.leader()
	s.submit(lead, "a 1")
	if n := len(lead.core.lead.inFlight); n != 1 {
		t.Fatalf("%d blocks in flight after the first message", n)
	}
	for i := range 20 {
		s.submit(lead, fmt.Sprintf("a %d", i+2))
	}
	if n := len(lead.core.lead.inFlight); n > lead.core.opts.inFlight {
		t.Errorf("%d blocks in flight, more than %d", n, lead.core.opts.inFlight)
	}
	s.drain()
	s.settle(2)
	s.check()
	if h := lead.ledger.Height(); h > 12 || len(s.acked) != 21 {
		t.Errorf("height %d, %d acknowledged", h, len(s.acked))
	}
}

func TestASingleNodeLeadsAtOnceAlsoAfterARestart(t *testing.T) {
	s := newSim(t, 1, 1, nil)
	nd := s.nodes[0]
	for round := range 3 {
		s.drain() // not one tick
		if s.leader() == nil {
			t.Fatalf("round %d: no leader", round)
		}
		s.submit(nd, fmt.Sprintf("r %d", round))
		s.drain()
		s.check()
		if len(s.acked) != round+1 {
			t.Fatalf("round %d: %d acknowledged", round, len(s.acked))
		}
		s.crash(nd)
		s.start(nd)
	}
}

func TestKillingTheLeaderMidLoadLosesNothingAcknowledged(t *testing.T) {
	s := newSim(t, 7, 3, nil)
	s.settle(4)
	n := 0
	for range 3 {
		lead := s.leader()
		for range 30 {
			n++
			s.submit(s.nodes[n%3], fmt.Sprintf("c%d.%d %d", n%3, s.nodes[n%3].life, n))
			if len(s.net) > 0 {
				s.deliver(0)
			}
			for _, nd := range s.nodes {
				if len(nd.saves) > 0 && n%2 == 0 {
					s.save(nd, len(nd.saves))
				}
				if len(nd.applies) > 0 {
					s.apply(nd)
				}
			}
		}
		s.crash(lead)
		for tries := 0; s.leader() == nil; tries++ { // votes of two may be split, and again
			if tries == 20 {
				t.Fatal("the two that are left have no leader")
			}
			s.settle(20)
		}
		s.start(lead)
		s.settle(10)
		s.check()
	}
	if len(s.acked) == 0 {
		t.Error("nothing was acknowledged")
	}
}

func TestAFollowerBehindTheSnapshotFetchesBlocks(t *testing.T) {
	s := newSim(t, 3, 3, func(c *channel.Config) { c.RaftOptions.SnapshotIntervalSize = 500 })
	s.settle(4)
	lead := s.leader()
	late := s.nodes[lead.id%3]
	s.crash(late)
	for i := range 100 {
		s.submit(lead, fmt.Sprintf("a %d", i))
		s.drain()
	}
	if first, _ := lead.log.FirstIndex(); first < 50 {
		t.Fatalf("the leader's log begins at %d: it was not compacted", first)
	}
	if lead.log.bytes > 2000 {
		t.Errorf("the leader's log has %d bytes", lead.log.bytes)
	}
	if size, err := lead.db.Size(); err != nil || size > 8000 {
		t.Errorf("the leader's log has %d bytes on disk, %v", size, err)
	}
	s.start(late)
	s.settle(30)
	s.check()
	for _, nd := range s.nodes { // and all of it survives
		s.crash(nd)
	}
	for _, nd := range s.nodes {
		s.start(nd)
	}
	s.settle(40)
	s.check()
	if len(s.acked) != 100 {
		t.Errorf("%d of 100 acknowledged", len(s.acked))
	}
}

// TestFaults runs random schedules of loss, reordering, duplication, partitions
// and power cuts, and checks at the end that all chains are equal and that
// nothing acknowledged was lost, doubled or reordered within a submitter.
func TestFaults(t *testing.T) {
	schedules := 40
	if testing.Short() {
		schedules = 8
	}
	for seed := range uint64(schedules) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) { faults(t, seed) })
	}
}

func faults(t *testing.T, seed uint64) {
	s := newSim(t, seed, 3, func(c *channel.Config) { c.RaftOptions.SnapshotIntervalSize = 600 })
	s.settle(4)
	for n := range 1500 {
		nd := s.nodes[s.rng.IntN(len(s.nodes))]
		if nd.core == nil {
			if s.rng.IntN(20) == 0 {
				s.start(nd)
			}
			continue
		}
		switch k := s.rng.IntN(100); {
		case k < 12:
			s.tick(nd)
		case k < 50 && len(s.net) > 0:
			i := s.rng.IntN(min(len(s.net), 5))
			if s.rng.IntN(20) == 0 {
				s.net = append(s.net, s.net[i])
			}
			s.deliver(i)
		case k < 51 && len(s.net) > 0:
			s.net = s.net[1:]
		case k < 66 && len(nd.saves) > 0:
			s.save(nd, 1+s.rng.IntN(len(nd.saves)))
		case k < 80 && len(nd.applies) > 0:
			s.apply(nd)
		case k < 98:
			s.submit(nd, fmt.Sprintf("c%d.%d %d", nd.id, nd.life, n))
		case k < 99 && s.rng.IntN(5) == 0:
			s.crash(nd)
		case k < 100 && s.rng.IntN(3) == 0:
			s.cut[nd.id] = !s.cut[nd.id]
		}
	}
	clear(s.cut)
	for _, nd := range s.nodes {
		if nd.core == nil {
			s.start(nd)
		}
	}
	s.settle(100)
	s.check()
	if s.leader() == nil {
		t.Error("no leader at the end")
	}
	t.Logf("height %d, %d sent, %d acknowledged, %d refused, term %d", s.nodes[0].ledger.Height(), len(s.sent), len(s.acked), s.fails, s.nodes[0].core.term)
	before := len(s.acked)
	s.submit(s.leader(), "end 1")
	s.drain()
	if len(s.acked) != before+1 {
		t.Error("the healed cluster does not order")
	}
}
