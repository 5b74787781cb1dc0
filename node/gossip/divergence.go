package gossip

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/weft-network/weft/p2p"
	"github.com/weft-network/weft/p2p/wire"
)

// Peers that are given the same blocks decide the same, or one of them is
// broken: its disk, its memory, its software. Every StateInfo has the commit hash
// of its sender's newest block, which covers all that was ever decided and
// written, so the first that comes after a difference shows it. Whoever finds
// another commit hash on its own ledger raises the alarm; who is right is for
// the operators to find out.
//
// StateInfos come ten times a second at most, the newest each time, signed, and
// each counts once (see members.take); so do comparisons. A claim about a block
// that this ledger does not have yet waits until it has: the first one and the
// newest one of each member, so that a slow ledger compares, too, and a flood of
// claims takes no room.

// lookAgain is how often the claims of one member may have a block read from
// disk: those of blocks that are not kept in memory.
const lookAgain = heartbeat

// noClaim is members.lowest when no claim waits.
const noClaim = ^uint64(0)

// Divergence is a block of which another peer has another commit hash.
type Divergence struct {
	Block       uint64
	Own, Theirs []byte
	Peer        p2p.ID
	MSPID       string
	Endpoint    string
	Equal       uint64 // the newest block known to have been equal, 0 for none
}

func (d *Divergence) Error() string {
	return fmt.Sprintf("the state differs from that of peer %s of %s: the commit hash of block %d is %x here and %x there (the last block known to have been equal is %d)",
		d.Endpoint, d.MSPID, d.Block, d.Own, d.Theirs, d.Equal)
}

// claim is what a member said of its newest block.
type claim struct {
	block uint64
	hash  []byte
}

// claims are those of one member. They are under members.mu.
type claims struct {
	first, newest *claim // of blocks that this ledger does not have yet
	agreed        uint64
	read          time.Time // when a block was last read from disk for it
}

// claimOf is nil when a member says nothing that could be compared: a genesis
// block has no commit hash.
func claimOf(info *wire.StateInfo) *claim {
	if info.Height < 2 || len(info.CommitHash) != sha256.Size {
		return nil
	}
	return &claim{info.Height - 1, info.CommitHash}
}

// claimed compares what a member says with this ledger, now or once this ledger
// gets there.
func (c *Channel) claimed(info *wire.StateInfo) {
	if x := claimOf(info); x != nil {
		now := time.Now()
		c.compare(c.members.claim(info.PeerId, x, c.height(), now))
		c.compare(c.members.due(c.height(), now)) // a block may have come in between
	}
}

// Committed tells the channel that a block is on the ledger, which may be one
// that others have made claims about. It does not block.
func (c *Channel) Committed() {
	c.compare(c.members.due(c.height(), time.Now()))
	c.poke()
}

func (c *Channel) height() uint64 { return c.cfg.Channel.Ledger().Height() }

// compare looks at claims about blocks that are on the ledger.
func (c *Channel) compare(list []due) {
	for _, d := range list {
		own, err := c.cfg.Channel.CommitHash(d.block, d.fromDisk)
		switch {
		case err != nil:
			c.cfg.Log.Warn("a member's state was not compared", "channel", c.id, "peer", d.peer, "block", d.block, "err", err)
		case own != nil:
			if found := c.members.settle(d, own); found != nil {
				c.alarm(found)
			}
		}
	}
}

// alarm tells of a divergence. Once per member: what comes after one is built on it.
func (c *Channel) alarm(d *Divergence) {
	c.cfg.Log.Error("STATE DIVERGENCE: two peers decided differently; stop one of them and find out which is right",
		"channel", c.id, "block", d.Block,
		slog.Group("here", "org", c.cfg.Signer.MSPID(), "endpoint", c.cfg.Endpoint, "peer", c.cfg.Mesh.Host().ID(), "commit hash", fmt.Sprintf("%x", d.Own)),
		slog.Group("there", "org", d.MSPID, "endpoint", d.Endpoint, "peer", d.Peer, "commit hash", fmt.Sprintf("%x", d.Theirs)),
		"last equal block", d.Equal)
	if c.cfg.OnDivergence != nil {
		c.cfg.OnDivergence(d)
	}
}

// Divergences are the members whose state differed from this peer's since it
// was started.
func (c *Channel) Divergences() []*Divergence { return c.members.diverged() }

// due is a claim whose block this ledger has.
type due struct {
	claim
	peer     string
	fromDisk bool // its block may be read from disk
}

// claim takes a member's claim: it is due if its block is below height, and is
// kept otherwise.
func (m *members) claim(id string, x *claim, height uint64, now time.Time) []due {
	m.mu.Lock()
	defer m.mu.Unlock()
	of, ok := m.byID[id]
	if !ok || m.alarms[id] != nil {
		return nil
	}
	defer func() { m.byID[id] = of }()
	if x.block < height {
		return []due{{*x, id, of.claims.mayRead(now)}}
	}
	if of.claims.first == nil {
		of.claims.first = x
	} else {
		of.claims.newest = x
	}
	m.lowest = min(m.lowest, x.block)
	return nil
}

// mayRead reports whether a block may be read from disk now, and counts that.
func (c *claims) mayRead(now time.Time) bool {
	if now.Sub(c.read) < lookAgain {
		return false
	}
	c.read = now
	return true
}

// due takes out the claims whose block is below height. It looks at the members
// only if there are any.
func (m *members) due(height uint64, now time.Time) []due {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.lowest >= height {
		return nil
	}
	var list []due
	m.lowest = noClaim
	for id, of := range m.byID {
		before := of.claims.first
		for of.claims.first != nil && of.claims.first.block < height {
			list = append(list, due{*of.claims.first, id, of.claims.mayRead(now)})
			of.claims.first, of.claims.newest = of.claims.newest, nil
		}
		if of.claims.first != nil {
			m.lowest = min(m.lowest, of.claims.first.block)
		}
		if of.claims.first != before {
			m.byID[id] = of
		}
	}
	return list
}

// settle notes what came of a comparison and returns the divergence if there is
// one that is news.
func (m *members) settle(d due, own []byte) *Divergence {
	m.mu.Lock()
	defer m.mu.Unlock()
	of, ok := m.byID[d.peer]
	switch {
	case !ok || m.alarms[d.peer] != nil || len(m.alarms) >= maxMembers:
		return nil
	case bytes.Equal(own, d.hash):
		of.claims.agreed = max(of.claims.agreed, d.block)
		m.byID[d.peer] = of
		return nil
	}
	found := &Divergence{
		Block: d.block, Own: own, Theirs: d.hash, Peer: p2p.ID(d.peer), MSPID: of.mspID,
		Endpoint: of.info.Endpoint, Equal: of.claims.agreed,
	}
	m.alarms[d.peer] = found
	return found
}

func (m *members) diverged() []*Divergence {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.SortedFunc(maps.Values(m.alarms), func(a, b *Divergence) int { return cmp.Compare(a.Peer, b.Peer) })
}
