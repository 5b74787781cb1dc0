package mesh

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/weft-network/weft/ledger/channel"
	"github.com/weft-network/weft/ledger/channel/channeltest"
	"github.com/weft-network/weft/ledger/ident"
	"github.com/weft-network/weft/ledger/ident/ca"
	"github.com/weft-network/weft/ledger/ident/catest"
	"github.com/weft-network/weft/p2p"
	"github.com/weft-network/weft/p2p/wire"
)

func now() time.Time { return catest.Epoch().Add(time.Hour) }

// place is a channel of Org1 and Org2 with one consenter, orderer0.
type place struct {
	orderers, org1, org2 *catest.Org

	mu     sync.Mutex
	config *channel.Config
}

func newPlace(t *testing.T) *place {
	t.Helper()
	p := &place{orderers: catest.NewOrderer(t), org1: catest.New(t, "Org1"), org2: catest.New(t, "Org2")}
	p.config = channeltest.Config(t, "channel1", p.orderers, []*catest.Org{p.org1, p.org2})
	return p
}

func (p *place) contact(t *testing.T, want func(*contact) bool) *contact {
	t.Helper()
	for _, c := range contactsOf("channel1", p.config) {
		if want(c) {
			return c
		}
	}
	t.Fatal("no such contact")
	return nil
}

func consenter(c *contact) bool { return c.consenter == 1 }
func anchor1(c *contact) bool   { return c.orgs["Org1MSP"] }

// open makes the mesh of a node that nobody is connected to.
func (p *place) open(t *testing.T, org *catest.Org, s ident.Signer) *Mesh {
	t.Helper()
	m, err := New(Config{
		Signer: s, Local: catest.Set(t, org), Listen: []string{"/ip4/127.0.0.1/tcp/0"},
		Endpoint: "nowhere:1", Now: now, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Host().Close() })
	m.AddChannel(Channel{ID: "channel1", Config: func() *channel.Config {
		p.mu.Lock()
		defer p.mu.Unlock()
		return p.config
	}})
	return m
}

// serve answers Identify as a mesh, with the TLS certificate of a member.
func serve(t *testing.T, m *Mesh, with *ca.Member) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := grpc.NewServer(grpc.Creds(credentials.NewTLS(&tls.Config{Certificates: []tls.Certificate{with.TLSCert}, NextProtos: []string{"h2"}})))
	wire.RegisterNodeServer(s, NodeServer{Mesh: m})
	go func() { _ = s.Serve(l) }()
	t.Cleanup(s.Stop)
	return l.Addr().String()
}

func TestAConsenterIsWhoHasTheTLSCertificateOfItsEntry(t *testing.T) {
	p := newPlace(t)
	node := p.orderers.Orderer("orderer0")
	m := p.open(t, p.orderers, node.Signer())
	c := p.contact(t, consenter)
	for _, k := range []struct {
		why  string
		tls  *ca.Member
		want string // "" for success
	}{
		{"its own certificate", node, ""},
		{"another of the same organisation", p.orderers.Orderer("orderer1"), "the TLS certificate is not the one of the consenter's entry"},
		{"one of another organisation", p.org1.Peer("peer0"), "certificate signed by unknown authority"},
	} {
		c.key.endpoint = serve(t, m, k.tls)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		r, err := identify(ctx, c, p.config)
		cancel()
		switch {
		case k.want == "" && (err != nil || r.PeerId != string(m.Host().ID())):
			t.Errorf("%s: %v", k.why, err)
		case k.want != "" && (err == nil || !strings.Contains(err.Error(), k.want)):
			t.Errorf("%s: %v", k.why, err)
		}
	}
}

func TestAnAnswerIsBelievedAsFarAsItProves(t *testing.T) {
	p := newPlace(t)
	peer0, other := p.org1.Peer("peer0").Signer(), p.org2.Peer("peer0").Signer()
	nonce := []byte(strings.Repeat("n", 32))
	c := p.contact(t, anchor1)
	for _, k := range []struct {
		want   string
		by     ident.Signer
		before func(*wire.IdentifyResponse) // of the signature
		after  func(*wire.IdentifyResponse)
		nonce  string
	}{
		{want: "", by: peer0},
		{want: "which the channel configuration does not name for this address", by: other},
		{want: "signature", by: peer0, nonce: strings.Repeat("o", 32)},
		{want: "signature", by: peer0, after: func(r *wire.IdentifyResponse) { r.Addrs[0] = "/ip4/127.0.0.1/tcp/666" }},
		{want: "signature", by: peer0, after: func(r *wire.IdentifyResponse) { r.Signature = nil }},
		{want: "its peer id is not that of its key", by: peer0, before: func(r *wire.IdentifyResponse) { r.PeerId = idOf(t, other) }},
		{want: "0 addresses", by: peer0, before: func(r *wire.IdentifyResponse) { r.Addrs = nil }},
		{want: "17 addresses", by: peer0, before: func(r *wire.IdentifyResponse) { r.Addrs = make([]string, 17) }},
		{want: "an address of 257 bytes", by: peer0, before: func(r *wire.IdentifyResponse) { r.Addrs[0] = strings.Repeat("a", 257) }},
		{want: "bytes of identity", by: peer0, before: func(r *wire.IdentifyResponse) { r.Identity = make([]byte, maxIdentity+1) }},
		{want: "Org9MSP", by: catest.New(t, "Org9").Peer("peer0").Signer()},
	} {
		r := &wire.IdentifyResponse{Identity: k.by.Serialized(), PeerId: idOf(t, k.by), Addrs: []string{"/ip4/127.0.0.1/tcp/1"}}
		if k.before != nil {
			k.before(r)
		}
		signed := nonce
		if k.nonce != "" {
			signed = []byte(k.nonce)
		}
		said, err := statement(r, signed)
		if err != nil {
			t.Fatal(err)
		}
		if r.Signature, err = k.by.Sign(said); err != nil {
			t.Fatal(err)
		}
		if k.after != nil {
			k.after(r)
		}
		err = c.believe(r, nonce, p.config.MSPs)
		if (err == nil) != (k.want == "") || err != nil && !strings.Contains(err.Error(), k.want) {
			t.Errorf("want %q, got %v", k.want, err)
		}
	}
	if err := c.believe(&wire.IdentifyResponse{}, nonce, p.config.MSPs); err == nil {
		t.Error("an empty answer is believed")
	}
}

func idOf(t testing.TB, s ident.Signer) string {
	t.Helper()
	id, err := p2p.IDFromKey(s.Public())
	if err != nil {
		t.Fatal(err)
	}
	return string(id)
}

func TestIdentifyWantsANonce(t *testing.T) {
	p := newPlace(t)
	n := NodeServer{Mesh: p.open(t, p.org1, p.org1.Peer("peer0").Signer())}
	for _, size := range []int{0, minNonce - 1, maxNonce + 1} {
		if _, err := n.Identify(t.Context(), &wire.IdentifyRequest{Nonce: make([]byte, size)}); status.Code(err) != codes.InvalidArgument {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
}

func TestWhoMayDoWhat(t *testing.T) {
	p := newPlace(t)
	m := p.open(t, p.org1, p.org1.Peer("peer0").Signer())
	own, other := p.org1.Peer("peer1").Serialized, p.org2.Peer("peer0").Serialized
	orderer, user := p.orderers.Orderer("orderer0").Serialized, p.org1.User("User1").Serialized
	stranger := catest.New(t, "Org9").Peer("peer0").Serialized
	for _, c := range []struct {
		who      string
		identity []byte
		allowed  map[p2p.Protocol]bool
		known    bool
	}{
		{"a peer of this organisation", own, set(Deliver, Blocks, State, Endorse, Broadcast, Approvals), true},
		{"a peer of another", other, set(Deliver, Blocks, State, Endorse, Broadcast), true},
		{"an orderer", orderer, set(Deliver, Blocks, State, Endorse, Broadcast, Raft, Submit), true},
		{"a user", user, set(Deliver, Blocks, State, Endorse, Broadcast), false}, // and so cannot connect
		{"a stranger", stranger, nil, false},
		{"noise", []byte{0xff}, nil, false},
	} {
		for _, protocol := range []p2p.Protocol{Deliver, Blocks, State, Endorse, Broadcast, Raft, Submit, Approvals} {
			if got := m.Allow(c.identity, protocol, "channel1") == nil; got != c.allowed[protocol] {
				t.Errorf("%s, %s: allowed %t", c.who, protocol, got)
			}
			if protocol != Approvals && m.Allow(c.identity, protocol, "channel9") == nil {
				t.Errorf("%s, %s: allowed on a channel that is not here", c.who, protocol)
			}
		}
		if _, _, err := m.Known(c.identity); (err == nil) != c.known {
			t.Errorf("%s: %v", c.who, err)
		}
	}
}

func set(list ...p2p.Protocol) map[p2p.Protocol]bool {
	m := map[p2p.Protocol]bool{}
	for _, p := range list {
		m[p] = true
	}
	return m
}

func TestAnExpiredPeerIsUnknown(t *testing.T) {
	p := newPlace(t)
	m := p.open(t, p.org1, p.org1.Peer("peer0").Signer())
	id := p.org1.Peer("peer1").Serialized
	if _, _, err := m.Known(id); err != nil {
		t.Fatal(err)
	}
	m.cfg.Now = func() time.Time { return catest.Epoch().AddDate(30, 0, 0) }
	if _, _, err := m.Known(id); err == nil || !strings.Contains(err.Error(), "expired at") {
		t.Errorf("%v", err)
	}
}

func TestRedialsArePaced(t *testing.T) {
	c, at := &contact{}, now()
	for i, want := range []time.Duration{100, 200, 400, 800, 1600, 3000, 3000} {
		if c.next(i%2 == 0, at); c.due.Sub(at) != want*time.Millisecond { // dropped, refused, dropped, ...
			t.Errorf("attempt %d: again after %s", i, c.due.Sub(at))
		}
		at = c.due
	}
	at = at.Add(time.Hour)
	if c.next(true, at); c.due.Sub(at) != firstRetry {
		t.Errorf("after an hour: again after %s", c.due.Sub(at))
	}
}

func TestWhoAnsweredForAnEntryIsNotBelievedForAnother(t *testing.T) {
	p := newPlace(t)
	m := p.open(t, p.org1, p.org1.Peer("peer0").Signer())
	m.mu.Lock()
	for _, c := range m.contacts {
		c.peer = "somebody"
	}
	m.refresh() // nothing changed
	m.mu.Unlock()
	if m.ConsenterPeer("channel1", 1) != "somebody" || m.Consenter("channel1", "somebody") != 1 {
		t.Error("what is known was forgotten")
	}
	changed := *p.config
	changed.Consenters = append(changed.Consenters[:0:0], changed.Consenters...)
	changed.Consenters[0] = proto.CloneOf(changed.Consenters[0])
	changed.Consenters[0].ServerTlsCert = p.orderers.Orderer("orderer1").TLSCertPEM
	p.config = &changed
	m.mu.Lock()
	m.refresh()
	m.mu.Unlock()
	if got := m.ConsenterPeer("channel1", 1); got != "" {
		t.Errorf("%q still counts as the consenter", got)
	}
}

// After a change of the configuration, whom it does not know any more is nobody,
// and whom it names is dialled.
func TestTheMeshFollowsTheConfiguration(t *testing.T) {
	p := newPlace(t)
	m := p.open(t, p.orderers, p.orderers.Orderer("orderer0").Signer())
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- m.reconsider(ctx) }()
	defer func() { cancel(); <-done }()
	peer2, id := p.org2.Peer("peer0"), p.org2.Peer("peer0").Signer().Serialized()
	if _, _, err := m.Known(id); err != nil {
		t.Fatal(err)
	}
	named := func() []string {
		var list []string
		for _, c := range m.list("channel1", func(*contact) bool { return true }) {
			list = append(list, c.Endpoint)
		}
		return list
	}
	if !slices.Contains(named(), peer2.Name+":7051") {
		t.Fatalf("contacts are %v", named())
	}
	p.mu.Lock()
	p.config = channeltest.Config(t, "channel1", p.orderers, []*catest.Org{p.org1})
	p.mu.Unlock()
	m.Reconfigured()
	for slices.Contains(named(), peer2.Name+":7051") {
		runtime.Gosched() // until the test's time is over
	}
	if _, _, err := m.Known(id); err == nil {
		t.Error("a peer of an organisation that left is known")
	}
	if m.Allow(id, State, "channel1") == nil || !slices.Contains(named(), p.org1.Peer("peer0").Name+":7051") {
		t.Errorf("who left is allowed, or who stayed is not a contact: %v", named())
	}
}
