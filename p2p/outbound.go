package p2p

import (
	"context"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/event"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
)

// outbound tells when the router is done with the stream: it closes or resets
// every one that it was given.
type outbound struct {
	network.Stream
	end   func()
	ended chan struct{}
}

func (o *outbound) Close() error {
	defer o.end()
	return o.Stream.Close()
}

func (o *outbound) Reset() error {
	defer o.end()
	return o.Stream.Reset()
}

func (g *gossip) opened(id peer.ID, s network.Stream) *outbound {
	o := &outbound{Stream: s, ended: make(chan struct{})}
	o.end = sync.OnceFunc(func() { g.lost(id, o) })
	g.mu.Lock()
	defer g.mu.Unlock()
	g.outbound[id] = o
	return o
}

func (g *gossip) lost(id peer.ID, o *outbound) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.outbound[id] == o {
		delete(g.outbound, id)
	}
	close(o.ended)
}

// attend keeps a peer before the router's eyes until ctx ends.
func (g *gossip) attend(ctx context.Context, id peer.ID) {
	if !g.h.enter() {
		return
	}
	go func() {
		defer g.h.work.Done()
		g.keep(ctx, id)
	}()
}

// keep shows a proven peer to the router as long as the router has no stream to
// it. Once would not do: the router ignores it while it has not let go of an older
// stream, or of an attempt at one, and does not come back to a peer whose streams
// have ended a few times. A peer whose stream is open is no news to it.
func (g *gossip) keep(ctx context.Context, id peer.ID) {
	for ctx.Err() == nil {
		var again <-chan time.Time
		ended := g.reached(id)
		if ended == nil {
			g.arrived.Emit(event.EvtPeerIdentificationCompleted{Peer: id, Protocols: []protocol.ID{gossipProtocol}})
			again = time.After(gossipRetry)
		}
		select {
		case <-ctx.Done():
		case <-ended:
		case <-again:
		}
	}
}

// reached is closed when the router's stream to a peer ends; nil when it has none.
func (g *gossip) reached(id peer.ID) <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	if o := g.outbound[id]; o != nil {
		return o.ended
	}
	return nil
}
