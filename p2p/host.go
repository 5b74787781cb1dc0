package p2p

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/peerstore"
	"github.com/libp2p/go-libp2p/core/protocol"
	"github.com/libp2p/go-libp2p/p2p/net/swarm"
	"github.com/multiformats/go-multiaddr"
	"github.com/multiformats/go-multistream"
)

// Host is a running libp2p node.
//
// There is no libp2p identify, ping, relay, NAT, discovery or DHT: a stranger
// that completes the TLS handshake can talk the "hello" protocol and nothing
// else. Peers are dialled by Connect only; reconnecting is the caller's part.
type Host struct {
	cfg   Config
	log   *slog.Logger
	self  peer.ID
	swarm *swarm.Swarm
	mux   *multistream.MultistreamMuxer[protocol.ID]
	close func() error // the swarm and what it stands on

	announce []string // set by Config.Announce
	links    *links
	gossip   *gossip
	events   *events

	// ctx ends when the host closes; started is closed by Run.
	ctx     context.Context
	cancel  context.CancelFunc
	started chan struct{}

	mu       sync.Mutex
	running  bool
	closed   bool
	work     sync.WaitGroup // handlers and what else must end before Run returns
	handlers map[protocol.ID]handler
	up, down []func(Peer)
}

type handler struct {
	name  Protocol
	serve func(ctx context.Context, s *Stream)
}

// New starts listening. Handlers are registered before Run; until then nobody
// is answered. A Host that is never run must be closed.
func New(cfg Config) (*Host, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	announce, err := parseAddrs(cfg.Announce)
	if err != nil {
		return nil, err
	}
	h := &Host{
		cfg: cfg, log: cfg.Log,
		announce: addrStrings(announce),
		events:   newEvents(),
		mux:      multistream.NewMultistreamMuxer[protocol.ID](),
		started:  make(chan struct{}),
		handlers: map[protocol.ID]handler{},
	}
	h.ctx, h.cancel = context.WithCancel(context.Background())
	h.links = newLinks(h)
	if err := h.open(); err != nil {
		h.cancel()
		return nil, err
	}
	return h, nil
}

// open builds the swarm and gossip, then listens: no connection comes in
// before there is something to take it.
func (h *Host) open() (err error) {
	key, err := newSignerKey(h.cfg.Public, h.cfg.Sign)
	if err != nil {
		return err
	}
	if h.self, err = peer.IDFromPublicKey(key.public); err != nil {
		return fmt.Errorf("derive the peer id: %w", err)
	}
	if h.swarm, h.close, err = newSwarm(h.self, key); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			h.close()
		}
	}()
	if h.gossip, err = newGossip(h); err != nil {
		return err
	}
	h.mux.AddHandler(helloProtocol, nil)
	h.mux.AddHandler(gossipProtocol, nil)
	h.swarm.SetStreamHandler(h.accept)
	h.swarm.Notify(h.links.notifiee())
	return h.listen()
}

// listen fails unless every address can be bound.
func (h *Host) listen() error {
	addrs, err := parseAddrs(h.cfg.Listen)
	if err != nil {
		return err
	}
	for _, a := range addrs {
		if err := h.swarm.Listen(a); err != nil {
			return fmt.Errorf("listen on %s: %w: stop the process that uses the address, or choose another", a, err)
		}
	}
	return nil
}

// ID of this host.
func (h *Host) ID() ID { return ID(h.self.String()) }

// Addrs that the host listens on, or that Config.Announce gives: multiaddrs
// without the peer id.
func (h *Host) Addrs() []string {
	if len(h.announce) > 0 {
		return append([]string(nil), h.announce...)
	}
	addrs, err := h.swarm.InterfaceListenAddresses()
	if err != nil {
		h.log.Warn("cannot list the addresses of this machine", "err", err)
		addrs = h.swarm.ListenAddresses()
	}
	return addrStrings(addrs)
}

// OnPeer calls up and down when a proven peer connects and when its last
// connection ends; the calls come one at a time, in order. They should not
// block: later events wait for them. Before Run only.
func (h *Host) OnPeer(up, down func(Peer)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if up != nil {
		h.up = append(h.up, up)
	}
	if down != nil {
		h.down = append(h.down, down)
	}
}

// Peers are the proven, connected peers.
func (h *Host) Peers() []Peer { return h.links.peers() }

// Connect dials a peer and completes the identity exchange. It returns at once
// when the peer is connected already, and a *RefusedError when either side does
// not know the other. It waits for Run.
func (h *Host) Connect(ctx context.Context, id ID, addrs []string) (Peer, error) {
	pid, err := decodeID(id)
	if err != nil {
		return Peer{}, err
	}
	if p, ok := h.links.peer(pid); ok {
		return p, nil
	}
	p, err := h.dial(ctx, pid, addrs)
	if err != nil {
		return Peer{}, fmt.Errorf("connect to peer %s: %w", id, err)
	}
	return p, nil
}

func (h *Host) dial(ctx context.Context, pid peer.ID, addrs []string) (Peer, error) {
	if pid == h.self {
		return Peer{}, errors.New("that is this node itself")
	}
	targets, err := parseAddrs(addrs)
	if err != nil {
		return Peer{}, err
	}
	if len(targets) > maxAddrs {
		targets = targets[:maxAddrs]
	}
	if err := h.waitStarted(ctx); err != nil {
		return Peer{}, err
	}
	// Pacing is the caller's: without this, a peer that comes back would be
	// left alone for up to minutes. Only the addresses given now are tried.
	h.swarm.Backoff().Clear(pid)
	h.swarm.Peerstore().ClearAddrs(pid)
	h.swarm.Peerstore().AddAddrs(pid, targets, peerstore.TempAddrTTL)
	defer h.links.dialling(pid)()
	conn, err := h.swarm.DialPeer(ctx, pid)
	if err != nil {
		return Peer{}, err
	}
	l := h.links.dialled(conn)
	if l == nil {
		return Peer{}, fmt.Errorf("%w: an older connection was just ending", ErrNotConnected)
	}
	if err := l.wait(ctx); err != nil {
		return Peer{}, err
	}
	return l.peer, nil
}

func (h *Host) waitStarted(ctx context.Context) error {
	select {
	case <-h.started:
		return nil
	case <-h.ctx.Done():
		return errors.New("the host is closed")
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Drop closes the connections to a peer.
func (h *Host) Drop(id ID) {
	if pid, err := decodeID(id); err == nil {
		h.swarm.ClosePeer(pid)
	}
}

// Reconsider asks Membership again about every connected peer and drops those
// that are no longer known or have lost a topic; streams on a channel that is
// no longer theirs are reset, and topics that have become theirs are opened.
// Call it after a channel configuration changed, and now and then for
// certificates that expire.
func (h *Host) Reconsider() {
	for _, p := range h.links.peers() {
		if _, err := h.identify(p.ID, p.Identity); err != nil {
			h.log.Info("dropping a peer", "peer", p.ID, "org", p.MSPID, "err", err)
			h.Drop(p.ID)
		}
	}
	for _, s := range h.links.openStreams() {
		if err := h.cfg.Membership.Allow(s.peer.Identity, s.protocol, s.channel); err != nil {
			s.raw.Reset()
		}
	}
	h.gossip.reconsider()
}

// Run serves until ctx ends, then closes the host and returns when every
// handler has. It may be called once.
func (h *Host) Run(ctx context.Context) error {
	h.mu.Lock()
	if h.running || h.closed {
		h.mu.Unlock()
		return errors.New("p2p: the host was run or closed before")
	}
	h.running = true
	h.mu.Unlock()
	for id := range h.handlers {
		h.mux.AddHandler(id, nil)
	}
	close(h.started)

	delivered := make(chan struct{})
	go func() {
		defer close(delivered)
		h.events.deliver()
	}()
	<-ctx.Done()
	err := h.Close()
	h.events.end() // after Close: the last down calls are delivered
	<-delivered
	return err
}

// Close ends the host: connections first, so that handlers see their streams
// fail, then it waits for them. Run calls it; calling it again does nothing.
func (h *Host) Close() error {
	h.mu.Lock()
	if h.closed {
		h.mu.Unlock()
		return nil
	}
	h.closed = true
	h.mu.Unlock()
	h.cancel()
	err := h.close()
	h.links.closeAll()
	h.work.Wait()
	if err != nil {
		return fmt.Errorf("close the libp2p host: %w", err)
	}
	return nil
}

// enter counts a goroutine that Close waits for; false when it is too late.
func (h *Host) enter() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return false
	}
	h.work.Add(1)
	return true
}

// notifyUp and notifyDown queue the OnPeer calls. They are called with the
// lock of links held, which orders them.
func (h *Host) notifyUp(p Peer)   { h.events.add(func() { call(h.up, p) }) }
func (h *Host) notifyDown(p Peer) { h.events.add(func() { call(h.down, p) }) }

func call(fs []func(Peer), p Peer) {
	for _, f := range fs {
		f(p)
	}
}

// connectedness for gossip: only a proven peer is connected.
func (h *Host) connectedness(p peer.ID) network.Connectedness {
	if _, ok := h.links.peer(p); !ok {
		return network.NotConnected
	}
	return h.swarm.Connectedness(p)
}

func parseAddrs(in []string) ([]multiaddr.Multiaddr, error) {
	out := make([]multiaddr.Multiaddr, 0, len(in))
	for _, s := range in {
		a, err := multiaddr.NewMultiaddr(s)
		if err != nil {
			return nil, fmt.Errorf("multiaddr %q: %w", s, err)
		}
		// A peer id at the end is allowed, and ignored: ids are given apart.
		if bare, _ := peer.SplitAddr(a); len(bare) > 0 {
			out = append(out, bare)
		}
	}
	return out, nil
}

func addrStrings(in []multiaddr.Multiaddr) []string {
	out := make([]string, 0, len(in))
	for _, a := range in {
		out = append(out, a.String())
	}
	return out
}
