package p2p

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/libp2p/go-libp2p/core/connmgr"
	"github.com/libp2p/go-libp2p/core/event"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/peerstore"
	"github.com/libp2p/go-libp2p/core/protocol"
	"github.com/multiformats/go-multiaddr"
)

// gossipHost is the libp2p host that the gossip router is given: one on which
// a peer is connected from the moment it is proven, and which cannot dial.
//
// The router greets whom the event bus announces, with all its topics, and
// believes what comes in. So the bus is ours and announces proven peers, and a
// stream from a peer waits for the proof before the router hears of it. Both
// sides may finish the proof in any order: neither's greeting is lost.
type gossipHost struct{ g *gossip }

func (gh *gossipHost) ID() peer.ID                      { return gh.g.h.self }
func (gh *gossipHost) Peerstore() peerstore.Peerstore   { return gh.g.h.swarm.Peerstore() }
func (gh *gossipHost) Addrs() []multiaddr.Multiaddr     { return gh.g.h.swarm.ListenAddresses() }
func (gh *gossipHost) Mux() protocol.Switch             { return gh.g.h.mux }
func (gh *gossipHost) ConnManager() connmgr.ConnManager { return &connmgr.NullConnMgr{} }
func (gh *gossipHost) EventBus() event.Bus              { return gh.g.bus }
func (gh *gossipHost) Close() error                     { return nil }
func (gh *gossipHost) Network() network.Network {
	return provenNetwork{Network: gh.g.h.swarm, h: gh.g.h}
}

// Connect would follow a peer's suggestion; only Host.Connect dials.
func (gh *gossipHost) Connect(context.Context, peer.AddrInfo) error {
	return errors.New("gossip does not dial")
}

// SetStreamHandler and its like are ignored: Host.accept leads gossip streams
// to the router, whose handler is kept here.
func (gh *gossipHost) SetStreamHandler(_ protocol.ID, f network.StreamHandler) { gh.g.handle = f }
func (gh *gossipHost) SetStreamHandlerMatch(_ protocol.ID, _ func(protocol.ID) bool, f network.StreamHandler) {
	gh.g.handle = f
}
func (gh *gossipHost) RemoveStreamHandler(protocol.ID) {}

// NewStream opens the router's stream to a proven peer. By then the router has let
// go of an older stream, and with it of all that the peer has subscribed to, even
// if the peer has come back meanwhile and said it on a stream of its own.
func (gh *gossipHost) NewStream(ctx context.Context, id peer.ID, _ ...protocol.ID) (network.Stream, error) {
	if _, ok := gh.g.h.links.peer(id); !ok {
		return nil, fmt.Errorf("gossip with %s: %w", id, ErrNotConnected)
	}
	s, err := gh.g.h.openGossip(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("gossip with %s: %w", id, err)
	}
	o := gh.g.opened(id, s)
	go gh.g.recallPeer(id) // ends when the router has read it, or given up the peer's stream
	return o, nil
}

func (h *Host) openGossip(ctx context.Context, id peer.ID) (network.Stream, error) {
	ctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	s, err := h.swarm.NewStream(network.WithNoDial(ctx, "only Connect dials"), id)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { s.Reset() })
	err = negotiate(s, gossipProtocol)
	if !stop() {
		err = errors.Join(ctx.Err(), err)
	}
	if err != nil {
		s.Reset()
		return nil, err
	}
	return s, nil
}

// provenNetwork hides peers that are not proven.
type provenNetwork struct {
	network.Network
	h *Host
}

func (n provenNetwork) Connectedness(id peer.ID) network.Connectedness {
	return n.h.connectedness(id)
}

func (n provenNetwork) Peers() []peer.ID { return slices.Clip(n.h.links.peerIDs()) }
