package gossip

import (
	"time"

	"github.com/weft-network/weft/ledger/ident"
	"github.com/weft-network/weft/node/mesh"
	"github.com/weft-network/weft/p2p"
)

// keepsUp is how many blocks the newest word of a peer that leads may be behind
// while it counts as one that needs no block of others: it tells of itself ten
// times a second at most.
const keepsUp = 16

// audience reports whether a connected peer of the channel may be without the
// block of that number, unless it is gossiped. A peer that leads its organisation
// and keeps up streams it from an orderer itself; where nobody else is there, to
// send each block a second time would cost all of them about as much as a dozen
// transactions. Who is silent counts as one that needs it. A leader whose stream
// breaks is told by the others' states what it lacks, and fetches it.
func (c *Channel) audience(number uint64) bool {
	now := time.Now()
	for _, p := range c.cfg.Mesh.Host().Peers() {
		if !c.members.streams(p, number, now) && c.reads(p) {
			return true
		}
	}
	return false
}

// reads reports whether a connected node is a peer of the channel.
func (c *Channel) reads(p p2p.Peer) bool {
	id, err := c.cfg.Channel.Config().MSPs.Identity(p.Identity)
	return err == nil && id.Has(ident.RolePeer) && c.cfg.Mesh.Allow(p.Identity, mesh.Blocks, c.id) == nil
}

// streams reports whether a peer has said, since it was connected, that it leads
// its organisation, and keeps up with the block of that number.
func (m *members) streams(p p2p.Peer, number uint64, now time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	x, ok := m.byID[string(p.ID)]
	return ok && !x.heard.Before(p.Since) && now.Sub(x.heard) < stale &&
		x.info.LeadingSince > 0 && number < x.info.Height+keepsUp
}
