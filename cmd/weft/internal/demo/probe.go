package demo

import (
	"context"
	"crypto"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/weft-network/weft/cmd/weft/internal/devnet"
	"github.com/weft-network/weft/ledger/block"
	"github.com/weft-network/weft/ledger/ident"
	"github.com/weft-network/weft/ledger/ident/ca"
	"github.com/weft-network/weft/node/gossip"
	"github.com/weft-network/weft/node/mesh"
	"github.com/weft-network/weft/p2p"
	"github.com/weft-network/weft/p2p/wire"
)

// probe is a libp2p node of our own with a certificate of an organisation's CA,
// role peer: what a peer of that organisation could try with other software.
type probe struct {
	host  *p2p.Host
	end   context.CancelFunc
	group errgroup.Group
	// heard counts gossip messages of the topics that it joined.
	heard atomic.Int64
}

// trusting is the Membership of somebody who plays by no rules: it believes
// everybody and admits everything.
type trusting struct{}

func (trusting) Known(identity []byte) (string, crypto.PublicKey, error) {
	mspID, cert, err := ident.Parse(identity)
	if err != nil {
		return "", nil, err
	}
	return mspID, cert.PublicKey, nil
}

func (trusting) Allow([]byte, p2p.Protocol, string) error { return nil }

// startProbe issues a fresh peer certificate of the organisation and opens a
// host with it.
func (s *Scenario) startProbe(org string) (*probe, error) {
	o, err := s.Net.Org(org)
	if err != nil {
		return nil, err
	}
	notBefore, notAfter := ca.Validity(time.Now())
	issuer, err := ca.Load(s.Net.OrgDir(o), ca.Spec{Name: o.Name, MSPID: o.MSPID, Domain: o.Domain, Kind: ca.PeerOrg,
		NotBefore: notBefore, NotAfter: notAfter, Rand: rand.Reader})
	if err != nil {
		return nil, err
	}
	m, err := issuer.Peer("probe")
	if err != nil {
		return nil, err
	}
	host, err := p2p.New(p2p.Config{
		Identity: m.Serialized, Public: m.Signer().Public(), Sign: m.Signer().Sign,
		Listen: []string{"/ip4/127.0.0.1/tcp/0"}, Membership: trusting{}, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	p := &probe{host: host, end: cancel}
	p.group.Go(func() error { return host.Run(ctx) })
	return p, nil
}

func (p *probe) close() error {
	p.end()
	return p.group.Wait()
}

// connect asks the node who it is, as any stranger may, and dials it.
func (p *probe) connect(ctx context.Context, s *Scenario, node *devnet.Node) (p2p.ID, error) {
	conn, err := s.access.Conn(ctx, node)
	if err != nil {
		return "", err
	}
	nonce := make([]byte, 32)
	if _, err := rand.Read(nonce); err != nil {
		return "", err
	}
	who, err := wire.NewNodeClient(conn).Identify(ctx, &wire.IdentifyRequest{Nonce: nonce})
	if err != nil {
		return "", fmt.Errorf("ask %s who it is: %w", node.Name, err)
	}
	id := p2p.ID(who.PeerId)
	_, err = p.host.Connect(ctx, id, who.Addrs)
	return id, err
}

// protocols are what a node may open on a channel.
func protocols() []p2p.Protocol {
	return []p2p.Protocol{mesh.Deliver, mesh.Endorse, mesh.Broadcast, mesh.Raft, mesh.Submit}
}

// served is how many of them every node of a channel serves: it delivers blocks,
// and endorses or orders.
const served = 2

// errServed is that a stream was opened that should have been refused.
var errServed = errors.New("the stream was opened")

// streams tries every protocol on the channel; it returns the refusal. Protocols
// that the node does not serve at all fail in another way, but none may open.
func (p *probe) streams(ctx context.Context, to p2p.ID, channel string) (string, error) {
	answer, refusals := "", 0
	for _, proto := range protocols() {
		st, err := p.host.Open(ctx, to, proto, channel)
		var refused *p2p.RefusedError
		switch {
		case err == nil:
			return "", errors.Join(fmt.Errorf("%s: %w", proto, errServed), st.Close())
		case errors.As(err, &refused):
			answer = refused.Reason
			refusals++
		}
	}
	return answer, claim(refusals >= served, "%d protocols or more are refused by the channel's rules; %d are", served, refusals)
}

// listen joins the block and state topics of a channel, whose genesis block the
// probe is assumed to know.
func (p *probe) listen(s *Scenario, channel string) error {
	genesis, _, err := s.Net.Genesis(channel)
	if err != nil {
		return err
	}
	hash := block.HeaderHash(genesis.Header)
	for _, purpose := range []p2p.Protocol{mesh.Blocks, mesh.State} {
		if _, err := p.host.Join(p2p.TopicConfig{
			Name: gossip.TopicName(hash, purpose), Channel: channel, Protocol: purpose,
			MessageID: func(data []byte) string { return string(data) },
			Validate:  func(p2p.ID, []byte) p2p.Verdict { return p2p.Accept },
			Receive:   func(p2p.ID, []byte) { p.heard.Add(1) },
		}); err != nil {
			return err
		}
	}
	return nil
}
