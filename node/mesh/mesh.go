// Package mesh knows who is who: it turns the host:port addresses of the
// channel configurations into proven libp2p connections, keeps those alive, and
// decides what a connected node may do on a channel.
//
// An address in a channel configuration is the client TLS port of a node. There
// mesh asks Identify, the one gRPC call between nodes, checks the TLS
// certificate against the organisation's TLS roots (a consenter's against the
// very certificate in its entry), the answer's identity against the channel's
// MSPs and its signature over this call's nonce, and then speaks libp2p only.
package mesh

import (
	"context"
	"crypto"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/weft-network/weft/ledger/channel"
	"github.com/weft-network/weft/ledger/ident"
	"github.com/weft-network/weft/p2p"
)

// The protocols between nodes. Those on a channel need a member of it; Raft and
// Submit need one of its consenters; Approvals needs a peer of this organisation.
const (
	Deliver   p2p.Protocol = "deliver"
	Broadcast p2p.Protocol = "broadcast"
	Endorse   p2p.Protocol = "endorse"
	Raft      p2p.Protocol = "raft"
	Submit    p2p.Protocol = "submit"
	Blocks    p2p.Protocol = "blocks" // gossip topic
	State     p2p.Protocol = "state"  // gossip topic
	Approvals p2p.Protocol = "approvals"
)

// Config of a Mesh.
type Config struct {
	Signer ident.Signer
	// Local holds the MSP of this node's organisation alone.
	Local  *ident.Set
	Listen []string // multiaddrs
	// Endpoint is the host:port at which this node is known in configurations.
	Endpoint string
	Now      func() time.Time
	Log      *slog.Logger
}

// Channel is what the mesh needs of a channel.
type Channel struct {
	ID     string
	Config func() *channel.Config
}

// Mesh is safe for concurrent use.
type Mesh struct {
	cfg  Config
	host *p2p.Host
	kick chan struct{} // wakes the dialler
	anew chan struct{} // wakes reconsider

	mu       sync.Mutex
	channels map[string]Channel
	contacts map[contactKey]*contact
	up       []func(p2p.Peer)
	down     []func(p2p.Peer)
}

// New opens the libp2p host; nothing is dialled before Run.
func New(cfg Config) (*Mesh, error) {
	m := &Mesh{
		cfg: cfg, kick: make(chan struct{}, 1), anew: make(chan struct{}, 1),
		channels: map[string]Channel{}, contacts: map[contactKey]*contact{},
	}
	host, err := p2p.New(p2p.Config{
		Identity: cfg.Signer.Serialized(), Public: cfg.Signer.Public(), Sign: cfg.Signer.Sign,
		Listen: cfg.Listen, Membership: m, Log: cfg.Log,
	})
	if err != nil {
		return nil, fmt.Errorf("open the libp2p host: %w", err)
	}
	m.host = host
	host.OnPeer(m.peerUp, m.peerDown)
	return m, nil
}

// Host is the libp2p host.
func (m *Mesh) Host() *p2p.Host { return m.host }

// OnPeer adds callbacks for peers that come and go. Before Run only.
func (m *Mesh) OnPeer(up, down func(p2p.Peer)) {
	m.up, m.down = append(m.up, up), append(m.down, down)
}

func (m *Mesh) peerUp(p p2p.Peer) {
	m.cfg.Log.Debug("peer connected", "peer", p.ID, "org", p.MSPID)
	for _, f := range m.up {
		f(p)
	}
}

func (m *Mesh) peerDown(p p2p.Peer) {
	m.cfg.Log.Debug("peer gone", "peer", p.ID, "org", p.MSPID)
	for _, f := range m.down {
		f(p)
	}
	m.wake()
}

// AddChannel makes a channel's members known and dials its contacts.
func (m *Mesh) AddChannel(c Channel) {
	m.mu.Lock()
	m.channels[c.ID] = c
	m.refresh()
	m.mu.Unlock()
	m.host.Reconsider() // peers that are connected already may be members
	m.wake()
}

// RemoveChannel forgets a channel; members of no other channel are dropped.
func (m *Mesh) RemoveChannel(id string) {
	m.mu.Lock()
	delete(m.channels, id)
	m.refresh()
	m.mu.Unlock()
	m.host.Reconsider()
}

// Reconfigured tells the mesh that a channel's configuration changed: soon
// after, contacts are those that it names, and who may not be connected or have
// its streams any more is dropped. It does not block.
func (m *Mesh) Reconfigured() {
	select {
	case m.anew <- struct{}{}:
	default: // somebody looks at all channels anyway
	}
}

func (m *Mesh) wake() {
	select {
	case m.kick <- struct{}{}:
	default:
	}
}

// Run serves the host and keeps the contacts connected until ctx ends.
func (m *Mesh) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return m.host.Run(ctx) })
	g.Go(func() error { return m.keepContacts(ctx) })
	g.Go(func() error { return m.reconsider(ctx) })
	return g.Wait()
}

// reconsider drops connected peers whose certificates have run out meanwhile,
// and follows changes of configurations.
func (m *Mesh) reconsider(ctx context.Context) error {
	again := time.NewTicker(time.Minute)
	defer again.Stop()
	for {
		select {
		case <-again.C:
			m.host.Reconsider()
		case <-m.anew:
			m.mu.Lock()
			m.refresh()
			m.mu.Unlock()
			m.host.Reconsider()
			m.wake()
		case <-ctx.Done():
			return nil
		}
	}
}

// Known implements p2p.Membership: an identity counts when this organisation or
// a channel of this node knows it and it has not expired.
func (m *Mesh) Known(identity []byte) (string, crypto.PublicKey, error) {
	id, err := m.find(identity)
	if err != nil {
		return "", nil, err
	}
	if !m.cfg.Now().Before(id.ExpiresAt()) {
		return "", nil, fmt.Errorf("the certificate of %s expired at %s", id.MSPID, id.ExpiresAt().UTC().Format(time.RFC3339))
	}
	if !id.Has(ident.RolePeer) && !id.Has(ident.RoleOrderer) {
		return "", nil, fmt.Errorf("the identity of %s is neither a peer nor an orderer", id.MSPID)
	}
	return id.MSPID, id.Cert.PublicKey, nil
}

func (m *Mesh) find(identity []byte) (*ident.Identity, error) {
	id, err := m.cfg.Local.Identity(identity)
	if err == nil {
		return id, nil
	}
	for _, c := range m.snapshot() {
		if id, err = c.Config().MSPs.Identity(identity); err == nil {
			return id, nil
		}
	}
	return nil, fmt.Errorf("no channel of this node knows the identity: %w", err)
}

// Allow implements p2p.Membership.
func (m *Mesh) Allow(identity []byte, p p2p.Protocol, channelID string) error {
	if p == Approvals {
		return m.allowOwn(identity)
	}
	m.mu.Lock()
	c, ok := m.channels[channelID]
	m.mu.Unlock()
	if !ok {
		// The same words whether the channel exists or not: strangers learn nothing.
		return fmt.Errorf("access denied: channel [%s]", channelID)
	}
	conf := c.Config()
	id, err := conf.MSPs.Identity(identity)
	if err != nil {
		return fmt.Errorf("access denied: channel [%s]", channelID)
	}
	if p == Raft || p == Submit {
		if id.Has(ident.RoleOrderer) && conf.Orderers[id.MSPID] != nil {
			return nil // the handler checks that it is the consenter it says
		}
		return fmt.Errorf("access denied: channel [%s] creator org [%s]: not an orderer", channelID, id.MSPID)
	}
	if err := conf.Policy("/Channel/Readers").Evaluate([]*ident.Identity{id}); err != nil {
		return fmt.Errorf("access denied: channel [%s] creator org [%s]: %w", channelID, id.MSPID, err)
	}
	return nil
}

func (m *Mesh) allowOwn(identity []byte) error {
	id, err := m.cfg.Local.Identity(identity)
	if err != nil || !id.Has(ident.RolePeer) {
		return fmt.Errorf("access denied: only peers of %s", m.cfg.Signer.MSPID())
	}
	return nil
}

func (m *Mesh) snapshot() []Channel {
	m.mu.Lock()
	defer m.mu.Unlock()
	list := make([]Channel, 0, len(m.channels))
	for _, c := range m.channels {
		list = append(list, c)
	}
	slices.SortFunc(list, func(a, b Channel) int { return compare(a.ID, b.ID) })
	return list
}

func compare(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// Connected returns a connected peer by its id.
func (m *Mesh) Connected(id p2p.ID) (p2p.Peer, bool) {
	for _, p := range m.host.Peers() {
		if p.ID == id {
			return p, true
		}
	}
	return p2p.Peer{}, false
}
