package gossip

import (
	"context"
	"slices"
	"time"

	"github.com/weft-network/weft/node/mesh"
	"github.com/weft-network/weft/p2p"
)

// Timing of an election.
const (
	// hello is how long a starting peer waits for a leader of its organisation
	// to be heard before it leads itself.
	hello = 1500 * time.Millisecond
	// longestHello is how long it waits while peers of its organisation are
	// still being tried, or are connected and silent, as on a busy machine.
	longestHello = 4 * hello
)

// candidate is a peer of one organisation: who, and since when it leads, in
// unix nanoseconds of its clock, 0 when it does not.
type candidate struct {
	id    string
	since uint64
}

func (c candidate) leads() bool { return c.since != 0 }

// outranks tells which of two that lead goes on: who began first, and of two
// that began at once the smaller id. One that started and did not find the
// leader in time gives way to it when they meet. Clocks that differ change who
// goes on, never that one does.
func (c candidate) outranks(o candidate) bool {
	if c.since != o.since {
		return c.since < o.since
	}
	return c.id < o.id
}

// decide tells whether self leads, given the other live peers of its
// organisation. Who leads goes on leading unless another that does outranks it;
// when nobody does, the smallest id takes over. A peer that has not waited to
// hear of the others does not take over yet. Two may lead for a moment while
// news travels: blocks come twice then, no harm.
func decide(self candidate, others []candidate, waited bool) bool {
	smallest, led := true, false
	for _, o := range others {
		if o.leads() && self.leads() && o.outranks(self) {
			return false
		}
		smallest = smallest && self.id < o.id
		led = led || o.leads()
	}
	return self.leads() || !led && smallest && waited
}

// Leading reports whether this peer streams from the orderers for its organisation.
func (c *Channel) Leading() bool { return c.leadingSince() != 0 }

func (c *Channel) leadingSince() uint64 {
	c.members.mu.Lock()
	defer c.members.mu.Unlock()
	return c.since
}

// elect decides anew who leads, tells follow when that changed, and reports
// whether it did.
func (c *Channel) elect(ctx context.Context, started time.Time, lead chan<- bool) bool {
	own, silent := c.colleagues()
	waiting := time.Since(started)
	told := c.cfg.Mesh.Tried(c.id, c.cfg.Signer.MSPID()) && !silent
	waited := told && (len(own) == 0 || waiting > hello) || waiting > longestHello
	self := candidate{string(c.cfg.Mesh.Host().ID()), c.leadingSince()}
	leads := decide(self, own, waited)
	if leads == self.leads() {
		return false
	}
	c.members.mu.Lock()
	c.since = 0
	if leads {
		c.since = uint64(time.Now().UnixNano())
	}
	c.members.mu.Unlock()
	c.cfg.Log.Info("leadership of the organisation changed", "channel", c.id, "org", c.cfg.Signer.MSPID(), "this peer leads", leads)
	select {
	case lead <- leads:
	case <-ctx.Done():
	}
	return true
}

// colleagues are the connected peers of this peer's organisation that have told
// of themselves, and whether there are silent ones.
func (c *Channel) colleagues() (told []candidate, silent bool) {
	peers := slices.DeleteFunc(c.cfg.Mesh.Host().Peers(), func(p p2p.Peer) bool {
		return p.MSPID != c.cfg.Signer.MSPID() || c.cfg.Mesh.Allow(p.Identity, mesh.State, c.id) != nil
	})
	return c.members.told(peers, time.Now())
}

// told reads what connected peers said of themselves since they connected, and
// whether any is silent. What a peer said before is of its past: it may have
// led, stopped and started again.
func (m *members) told(peers []p2p.Peer, now time.Time) (list []candidate, silent bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, p := range peers {
		x, ok := m.byID[string(p.ID)]
		if !ok || x.heard.Before(p.Since) || now.Sub(x.heard) >= stale {
			silent = true
			continue
		}
		list = append(list, candidate{string(p.ID), x.info.LeadingSince})
	}
	return list, silent
}
