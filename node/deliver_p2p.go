package node

import (
	"context"

	"github.com/weft-network/weft/ledger/chain"
	"github.com/weft-network/weft/node/gossip"
	"github.com/weft-network/weft/node/mesh"
	"github.com/weft-network/weft/p2p"
)

// handleDeliver answers the deliver protocol from the ledgers of both roles; a
// node that is both answers from the orderer's, which is never behind.
func (n *Node) handleDeliver() {
	n.deliverOnce.Do(func() {
		n.mesh.Host().Handle(mesh.Deliver, func(ctx context.Context, s *p2p.Stream) {
			l := n.ledger(s.Channel())
			if l == nil {
				return
			}
			if err := gossip.Serve(ctx, s, l); err != nil && ctx.Err() == nil {
				n.log.Debug("deliver stream ended", "channel", s.Channel(), "to", s.Peer().ID, "err", err)
			}
		})
	})
}

func (n *Node) ledger(id string) *chain.Chain {
	if n.orderer != nil {
		if l := n.orderer.ledger(id); l != nil {
			return l
		}
	}
	if n.peer != nil {
		if pc, ok := n.peer.get(id); ok {
			return pc.Ledger()
		}
	}
	return nil
}
