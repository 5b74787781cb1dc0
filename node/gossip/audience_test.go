package gossip

import (
	"testing"
	"time"

	"github.com/weft-network/weft/p2p"
	"github.com/weft-network/weft/p2p/wire"
)

func TestWhoNeedsNoGossip(t *testing.T) {
	now := time.Now()
	m := newMembers()
	m.take(&wire.StateInfo{PeerId: "leads", Sequence: 1, LeadingSince: 100, Height: 50}, "Org1MSP", time.Time{}, now)
	m.take(&wire.StateInfo{PeerId: "follows", Sequence: 1, Height: 50}, "Org1MSP", time.Time{}, now)
	m.take(&wire.StateInfo{PeerId: "boasts", Sequence: 1, LeadingSince: 100, Height: ^uint64(0)}, "Org1MSP", time.Time{}, now)
	before := now.Add(-time.Second)
	for _, c := range []struct {
		why    string
		peer   p2p.Peer
		number uint64
		at     time.Time
		want   bool
	}{
		{"one that leads and is level", p2p.Peer{ID: "leads", Since: before}, 50, now, true},
		{"one that leads and is a little behind", p2p.Peer{ID: "leads", Since: before}, 50 + keepsUp - 1, now, true},
		{"one that leads and falls behind", p2p.Peer{ID: "leads", Since: before}, 50 + keepsUp, now, false},
		{"one that led and is silent since", p2p.Peer{ID: "leads", Since: before}, 50, now.Add(stale), false},
		{"one that led before it came back", p2p.Peer{ID: "leads", Since: now.Add(1)}, 50, now.Add(2), false},
		{"one that follows", p2p.Peer{ID: "follows", Since: before}, 50, now, false},
		{"one that has said nothing", p2p.Peer{ID: "silent", Since: before}, 50, now, false},
		{"one whose height cannot be", p2p.Peer{ID: "boasts", Since: before}, 50, now, false},
	} {
		if got := m.streams(c.peer, c.number, c.at); got != c.want {
			t.Errorf("%s: %t", c.why, got)
		}
	}
}
