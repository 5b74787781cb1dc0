package mesh

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/pem"
	"net"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/weft-network/weft/ledger/channel"
	"github.com/weft-network/weft/p2p"
)

// A contact that does not answer is tried again after firstRetry, doubling up
// to lastRetry.
const (
	firstRetry = 100 * time.Millisecond
	lastRetry  = 3 * time.Second
	// steady is how far apart successes are that count as new ones.
	steady = 10 * time.Second
)

type contactKey struct{ channel, endpoint string }

// contact is a node that a channel's configuration names by host:port.
type contact struct {
	key       contactKey
	orgs      map[string]bool // MSP ids that may answer there
	roots     *x509.CertPool
	pinned    []byte // DER of a consenter's TLS server certificate
	consenter uint64 // Raft id, 0 for others
	orderer   bool

	// under Mesh.mu
	peer  p2p.ID // who answered last
	tried bool
	due   time.Time
	pause time.Duration
	since time.Time // of the newest success
	busy  bool
}

// refresh lists the contacts of all channels anew and keeps what is known of
// those that stay. The caller holds m.mu.
func (m *Mesh) refresh() {
	next := map[contactKey]*contact{}
	for _, ch := range m.channels {
		for _, c := range contactsOf(ch.ID, ch.Config()) {
			if c.key.endpoint == m.cfg.Endpoint {
				continue
			}
			if old := m.contacts[c.key]; old != nil {
				c.tried, c.due, c.pause, c.since = old.tried, old.due, old.pause, old.since
				// Who answered proved it to the old entry: a consenter with
				// another certificate or number has to prove itself anew.
				if bytes.Equal(old.pinned, c.pinned) && old.consenter == c.consenter {
					c.peer = old.peer
				}
			}
			next[c.key] = c
		}
	}
	m.contacts = next
}

// contactsOf reads the addresses of a configuration: consenters, orderer
// endpoints and anchor peers.
func contactsOf(ch string, conf *channel.Config) []*contact {
	byEndpoint := map[string]*contact{}
	roots := x509.NewCertPool()
	ordererOrgs := map[string]bool{}
	for _, o := range conf.Orderers {
		ordererOrgs[o.MSPID] = true
		for _, ca := range conf.MSPs.MSP(o.MSPID).TLSCAs() {
			roots.AddCert(ca)
		}
	}
	for i, c := range conf.Consenters {
		at := net.JoinHostPort(c.Host, strconv.FormatUint(uint64(c.Port), 10))
		block, _ := pem.Decode(c.ServerTlsCert)
		if block == nil {
			continue // refused when the configuration was read
		}
		byEndpoint[at] = &contact{key: contactKey{ch, at}, orgs: ordererOrgs, roots: roots, pinned: block.Bytes, consenter: uint64(i) + 1, orderer: true}
	}
	for _, o := range conf.Orderers {
		for _, at := range o.Endpoints {
			if byEndpoint[at] == nil {
				byEndpoint[at] = &contact{key: contactKey{ch, at}, orgs: map[string]bool{o.MSPID: true}, roots: o.TLSRoots, orderer: true}
			}
		}
	}
	for _, o := range conf.Application {
		for _, at := range o.AnchorPeers {
			if byEndpoint[at] == nil {
				byEndpoint[at] = &contact{key: contactKey{ch, at}, orgs: map[string]bool{o.MSPID: true}, roots: o.TLSRoots}
			}
		}
	}
	list := make([]*contact, 0, len(byEndpoint))
	for _, c := range byEndpoint {
		list = append(list, c)
	}
	return list
}

// keepContacts dials every contact that is not connected, until ctx ends.
func (m *Mesh) keepContacts(ctx context.Context) error {
	var dials sync.WaitGroup
	defer dials.Wait()
	for {
		wait := time.NewTimer(m.dialDue(ctx, &dials))
		select {
		case <-wait.C:
		case <-m.kick:
		case <-ctx.Done():
			wait.Stop()
			return nil
		}
		wait.Stop()
	}
}

// dialDue starts the dials that are due and returns when to look again.
func (m *Mesh) dialDue(ctx context.Context, dials *sync.WaitGroup) time.Duration {
	connected := map[p2p.ID]bool{}
	for _, p := range m.host.Peers() {
		connected[p.ID] = true
	}
	now, next := time.Now(), time.Minute
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range m.contacts {
		if c.busy || c.peer != "" && connected[c.peer] {
			continue
		}
		if until := c.due.Sub(now); until > 0 {
			next = min(next, until)
			continue
		}
		c.busy = true
		dials.Go(func() { m.dial(ctx, c) })
	}
	return next
}

// dial identifies and connects one contact.
func (m *Mesh) dial(ctx context.Context, c *contact) {
	id, err := m.reach(ctx, c)
	m.mu.Lock()
	defer m.mu.Unlock()
	c.busy = false
	// refresh may have replaced the contact meanwhile; then this answer is for
	// an entry that is no longer in force.
	if now := m.contacts[c.key]; now != nil && bytes.Equal(now.pinned, c.pinned) && now.consenter == c.consenter {
		c = now
	}
	c.busy, c.tried = false, true
	c.next(err == nil, time.Now())
	if err != nil {
		if ctx.Err() == nil {
			m.cfg.Log.Debug("contact not reached", "channel", c.key.channel, "endpoint", c.key.endpoint, "err", err)
		}
	} else {
		c.peer = id
	}
	m.wake()
}

// next sets when to dial again, should it be needed. A connection that ends soon
// after it was made is no better than none: without the pause, two nodes of
// which one drops the other would storm it.
func (c *contact) next(reached bool, now time.Time) {
	if reached {
		if now.Sub(c.since) > steady {
			c.pause = 0
		}
		c.since = now
	}
	c.pause = min(max(2*c.pause, firstRetry), lastRetry)
	c.due = now.Add(c.pause)
}

func (m *Mesh) reach(ctx context.Context, c *contact) (p2p.ID, error) {
	m.mu.Lock()
	ch, ok := m.channels[c.key.channel]
	m.mu.Unlock()
	if !ok {
		return "", context.Canceled
	}
	r, err := identify(ctx, c, ch.Config())
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, identifyTimeout)
	defer cancel()
	p, err := m.host.Connect(ctx, p2p.ID(r.PeerId), r.Addrs)
	if err != nil {
		return "", err
	}
	return p.ID, nil
}

// Contact is a node named by a channel's configuration, and who answered there.
type Contact struct {
	Endpoint  string
	Peer      p2p.ID // "" while unknown
	MSPID     string
	Consenter uint64
	Connected bool
}

// Orderers lists the ordering nodes of a channel, by endpoint.
func (m *Mesh) Orderers(channelID string) []Contact {
	return m.list(channelID, func(c *contact) bool { return c.orderer })
}

func (m *Mesh) list(channelID string, want func(*contact) bool) []Contact {
	peers := map[p2p.ID]p2p.Peer{}
	for _, p := range m.host.Peers() {
		peers[p.ID] = p
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	var list []Contact
	for k, c := range m.contacts {
		if k.channel != channelID || !want(c) {
			continue
		}
		p, ok := peers[c.peer]
		list = append(list, Contact{Endpoint: k.endpoint, Peer: c.peer, MSPID: p.MSPID, Consenter: c.consenter, Connected: ok})
	}
	slices.SortFunc(list, func(a, b Contact) int { return compare(a.Endpoint, b.Endpoint) })
	return list
}

// Consenter returns the Raft id that a peer has on a channel, 0 when it is no
// consenter or has not been identified yet.
func (m *Mesh) Consenter(channelID string, id p2p.ID) uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	for k, c := range m.contacts {
		if k.channel == channelID && c.consenter != 0 && c.peer == id {
			return c.consenter
		}
	}
	return 0
}

// ConsenterPeer returns the peer that is a channel's consenter, "" while unknown.
func (m *Mesh) ConsenterPeer(channelID string, raftID uint64) p2p.ID {
	m.mu.Lock()
	defer m.mu.Unlock()
	for k, c := range m.contacts {
		if k.channel == channelID && c.consenter == raftID {
			return c.peer
		}
	}
	return ""
}

// Tried reports whether every anchor peer of the organisation on the channel
// has been dialled at least once.
func (m *Mesh) Tried(channelID, mspID string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	for k, c := range m.contacts {
		if k.channel == channelID && !c.orderer && c.orgs[mspID] && !c.tried {
			return false
		}
	}
	return true
}
