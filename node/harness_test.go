package node

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/hyperledger/fabric-gateway/pkg/client"
	"github.com/hyperledger/fabric-gateway/pkg/hash"
	"github.com/hyperledger/fabric-gateway/pkg/identity"
	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/gateway"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer/lifecycle"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/weft-network/weft/internal/porttest"
	"github.com/weft-network/weft/ledger/channel/genesis"
	"github.com/weft-network/weft/ledger/definition"
	"github.com/weft-network/weft/ledger/ident/ca"
	"github.com/weft-network/weft/ledger/ident/catest"
	"github.com/weft-network/weft/ledger/policy"
	"github.com/weft-network/weft/wasm/build"
	"github.com/weft-network/weft/wasm/pack"
)

// network is a whole network in one process: real ports, real libp2p, real
// Raft, one directory.
type network struct {
	t        *testing.T
	dir      string
	orgs     map[string]*catest.Org
	roots    map[string]string // organisation folders
	orderers []*running
	peers    map[string]*running
}

// running is one node that can be stopped and started again.
type running struct {
	net    *network
	name   string
	org    *catest.Org
	member *ca.Member
	cfg    Config
	node   *Node
	stop   context.CancelFunc
	done   chan error
}

func newNetwork(t *testing.T, orderers int, peers map[string]int) *network {
	t.Helper()
	n := &network{t: t, dir: t.TempDir(), orgs: map[string]*catest.Org{}, roots: map[string]string{}, peers: map[string]*running{}}
	n.orgs["Orderer"] = catest.NewOrderer(t)
	for i := range orderers {
		o := n.orgs["Orderer"]
		n.orderers = append(n.orderers, n.add(o, o.Orderer(fmt.Sprintf("orderer%d", i+1)), Orderer))
	}
	for org, count := range peers {
		o := catest.New(t, org)
		n.orgs[org] = o
		o.User("User1")
		o.Admin("Admin")
		for i := range count {
			name := fmt.Sprintf("peer%d.%s", i, org)
			n.peers[name] = n.add(o, o.Peer(fmt.Sprintf("peer%d", i)), Peer)
		}
	}
	for name, o := range n.orgs {
		root, err := o.Write(filepath.Join(n.dir, "organizations"))
		if err != nil {
			t.Fatal(err)
		}
		n.roots[name] = root
	}
	for _, r := range n.all() {
		r.configure(n.roots[r.org.Spec.Name])
	}
	return n
}

func (n *network) add(o *catest.Org, m *ca.Member, role Role) *running {
	return &running{net: n, name: m.Name, org: o, member: m, cfg: Config{Roles: []Role{role}}}
}

func (n *network) all() []*running {
	list := append([]*running(nil), n.orderers...)
	for _, p := range n.peers {
		list = append(list, p)
	}
	return list
}

func (r *running) configure(root string) {
	t := r.net.t
	home := filepath.Join(root, r.member.Dir())
	level := slog.LevelWarn
	if os.Getenv("WEFT_TEST_LOG") != "" {
		level = slog.LevelDebug
	}
	r.cfg.MSPID, r.cfg.MSPDir = r.org.Spec.MSPID, filepath.Join(home, "msp")
	r.cfg.DataDir = filepath.Join(r.net.dir, "data", r.member.Name)
	r.cfg.Listen = net.JoinHostPort("127.0.0.1", strconv.Itoa(porttest.Node.Free(t)))
	r.cfg.TLS = TLS{Cert: filepath.Join(home, "tls", "server.crt"), Key: filepath.Join(home, "tls", "server.key")}
	r.cfg.P2P = []string{"/ip4/127.0.0.1/tcp/0"}
	r.cfg.Log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level})).With("node", r.member.Name)
}

func (r *running) start() {
	t := r.net.t
	t.Helper()
	n, err := New(r.cfg)
	if err != nil {
		t.Fatalf("start %s: %v", r.name, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	r.node, r.stop, r.done = n, cancel, make(chan error, 1)
	go func() { r.done <- n.Run(ctx) }()
	t.Cleanup(r.halt)
}

// halt stops the node if it runs, and waits.
func (r *running) halt() {
	if r.stop == nil {
		return
	}
	r.stop()
	r.stop = nil
	if err := <-r.done; err != nil {
		r.net.t.Errorf("%s ended: %v", r.name, err)
	}
}

// channel makes a genesis block for the organisations and joins all orderers
// and the organisations' peers that are running.
func (n *network) channel(id string, orgs ...string) *common.Block {
	t := n.t
	t.Helper()
	spec := genesis.Spec{Channel: id, Dir: n.dir}
	orderer := genesis.Org{Name: "OrdererOrg", MSPID: "OrdererMSP", MSPDir: filepath.Join(n.roots["Orderer"], "msp")}
	for _, o := range n.orderers {
		host, port, _ := net.SplitHostPort(o.cfg.Listen)
		number, _ := strconv.ParseUint(port, 10, 16)
		spec.Orderer.Consenters = append(spec.Orderer.Consenters, genesis.Consenter{
			Host: host, Port: uint16(number), ClientTLSCert: o.cfg.TLS.Cert, ServerTLSCert: o.cfg.TLS.Cert,
		})
		orderer.OrdererEndpoints = append(orderer.OrdererEndpoints, o.cfg.Listen)
	}
	spec.Orderer.Organizations = []genesis.Org{orderer}
	spec.Orderer.Raft.TickInterval = genesis.Duration(50 * time.Millisecond)
	for _, org := range orgs {
		spec.Application.Organizations = append(spec.Application.Organizations, genesis.Org{
			Name: org, MSPID: org + "MSP", MSPDir: filepath.Join(n.roots[org], "msp"),
			AnchorPeers: []string{n.peers["peer0."+org].cfg.Listen},
		})
	}
	b, err := spec.Block()
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range n.orderers {
		if _, err := (participation{o.node.orderer.reg, o.node.orderer}).Join(b); err != nil {
			t.Fatal(err)
		}
	}
	for _, p := range n.peers {
		for _, org := range orgs {
			if p.org.Spec.Name == org && p.stop != nil {
				if err := p.node.peer.join(b); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	return b
}

// eventually polls until ok or a generous deadline: the network runs in real time.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); ; {
		if ok() {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func (n *network) leader(id string) *running {
	for _, o := range n.orderers {
		if o.stop == nil {
			continue
		}
		if c, ok := o.node.orderer.reg.Channel(id); ok && c.Consensus().Leader() == c.Number() {
			return o
		}
	}
	return nil
}

// client is a user of an organisation at one peer, by Fabric's own SDK.
func (n *network) client(peer, org, user string) *client.Gateway {
	t := n.t
	t.Helper()
	p, o := n.peers[peer], n.orgs[org]
	make := o.User
	if user == "Admin" {
		make = o.Admin
	}
	member := make(user)
	cert, err := identity.CertificateFromPEM(member.CertPEM)
	if err != nil {
		t.Fatal(err)
	}
	id, err := identity.NewX509Identity(o.Spec.MSPID, cert)
	if err != nil {
		t.Fatal(err)
	}
	key, err := identity.PrivateKeyFromPEM(member.KeyPEM)
	if err != nil {
		t.Fatal(err)
	}
	sign, err := identity.NewPrivateKeySign(key)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := grpc.NewClient("passthrough:///"+p.cfg.Listen, grpc.WithTransportCredentials(
		credentials.NewTLS(&tls.Config{RootCAs: p.org.TLSRoots(), ServerName: p.member.Name, MinVersion: tls.VersionTLS12})))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	g, err := client.Connect(id, client.WithSign(sign), client.WithClientConnection(conn), client.WithHash(hash.SHA256))
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func bytesOf(t *testing.T, m proto.Message) []byte {
	t.Helper()
	b, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func details(err error) []string {
	var list []string
	for _, d := range status.Convert(err).Details() {
		list = append(list, fmt.Sprint(d))
	}
	return list
}

// agree reports whether every peer of a channel has the height and one commit hash.
func (n *network) agree(id string, height uint64) bool {
	hashes := map[string]bool{}
	for _, p := range n.peers {
		pc, ok := p.on(id)
		if !ok {
			continue
		}
		if pc.Ledger().Height() != height {
			return false
		}
		hashes[string(pc.Ledger().CommitHash())] = true
	}
	return len(hashes) == 1
}

// level waits until every running peer of a channel has all blocks, that many
// at least, and one commit hash. There may be more: a transaction that was sent
// to the orderers again, as where they changed their leader, may be in two.
func (n *network) level(id string, least uint64) {
	n.t.Helper()
	eventually(n.t, "all peers of "+id+" have the same blocks", func() bool {
		height := uint64(0)
		for _, p := range n.peers {
			if pc, ok := p.on(id); ok {
				height = max(height, pc.Ledger().Height())
			}
		}
		return height >= least && n.agree(id, height)
	})
}

// counterPackage is the counter example, compiled from its source once.
var counterPackage = sync.OnceValues(func() ([]byte, error) {
	r, err := build.Chaincode(context.Background(), filepath.Join("..", "chaincode-examples", "counter"), "", build.Options{})
	if err != nil {
		return nil, err
	}
	return pack.Write("counter_1", r.Code)
})

// deploy installs the counter on the peers named, and approves and commits it
// for all organisations of the channel.
func (n *network) deploy(id, dsl string, orgs []string, peers ...string) {
	n.t.Helper()
	raw, err := counterPackage()
	if err != nil {
		n.t.Fatal(err)
	}
	n.deployPackage(id, "counter", pack.ID("counter_1", raw), raw, dsl, orgs, peers...)
}

// deployPackage does it with any package, as a chaincode of that name.
func (n *network) deployPackage(id, chaincode, packageID string, raw []byte, dsl string, orgs []string, peers ...string) {
	t := n.t
	t.Helper()
	for _, name := range peers {
		if _, _, err := n.peers[name].node.peer.chaincode.packages.Install(t.Context(), raw); err != nil {
			t.Fatal(err)
		}
	}
	env, err := policy.Parse(dsl)
	if err != nil {
		t.Fatal(err)
	}
	rule := bytesOf(t, &peer.ApplicationPolicy{Type: &peer.ApplicationPolicy_SignaturePolicy{SignaturePolicy: env}})
	approve := &lifecycle.ApproveChaincodeDefinitionForMyOrgArgs{
		Name: chaincode, Version: "1", Sequence: 1, ValidationParameter: rule,
		Source: &lifecycle.ChaincodeSource{Type: &lifecycle.ChaincodeSource_LocalPackage{
			LocalPackage: &lifecycle.ChaincodeSource_Local{PackageId: packageID},
		}},
	}
	for _, org := range orgs {
		c := n.client("peer0."+org, org, "Admin").GetNetwork(id).GetContract(definition.Namespace)
		if _, err := c.Evaluate("ApproveChaincodeDefinitionForMyOrg", client.WithBytesArguments(bytesOf(t, approve))); err != nil {
			t.Fatalf("%s approves: %v %v", org, err, details(err))
		}
	}
	commit := &lifecycle.CommitChaincodeDefinitionArgs{Name: chaincode, Version: "1", Sequence: 1, ValidationParameter: rule}
	c := n.client("peer0."+orgs[0], orgs[0], "Admin").GetNetwork(id).GetContract(definition.Namespace)
	if _, err := c.Submit("CommitChaincodeDefinition", client.WithBytesArguments(bytesOf(t, commit))); err != nil {
		t.Fatalf("commit: %v %v", err, details(err))
	}
	eventually(t, "the peers know who can endorse", func() bool {
		for _, p := range n.peers {
			if pc, ok := p.on(id); ok {
				able := 0
				for _, e := range p.node.peer.endorsers(pc.ID()) {
					if e.Chaincodes[chaincode] != "" {
						able++
					}
				}
				if able != len(peers) {
					return false
				}
			}
		}
		return true
	})
}

// ready waits until a channel has a leader and its running peers know each other.
func (n *network) ready(id string, peers int) {
	n.t.Helper()
	eventually(n.t, "the members of "+id+" know each other and one peer of each organisation leads", func() bool {
		leads := map[string]int{}
		for _, p := range n.peers {
			pc, ok := p.on(id)
			if !ok {
				continue
			}
			if len(pc.gossip.Members()) != peers-1 {
				return false
			}
			if pc.gossip.Leading() {
				leads[p.cfg.MSPID]++
			} else {
				leads[p.cfg.MSPID] += 0
			}
		}
		for _, count := range leads {
			if count != 1 {
				return false
			}
		}
		return n.leader(id) != nil
	})
}

func (n *network) height(peer, id string) uint64 {
	pc, ok := n.peers[peer].node.peer.get(id)
	if !ok {
		return 0
	}
	return pc.Ledger().Height()
}

func (n *network) startAll() {
	for _, r := range n.all() {
		r.start()
	}
}

// define commits so many definitions through one organisation's peer: the
// cheapest transactions there are.
func (n *network) define(id, org string, count int) {
	t := n.t
	t.Helper()
	orgs := map[string]bool{}
	for _, p := range n.peers {
		if _, ok := p.on(id); ok {
			orgs[p.org.Spec.Name] = true
		}
	}
	for i := range count {
		name := fmt.Sprintf("cc%d", i)
		for o := range orgs {
			approve := &lifecycle.ApproveChaincodeDefinitionForMyOrgArgs{Name: name, Version: "1", Sequence: 1}
			c := n.client(n.alive(o), o, "Admin").GetNetwork(id).GetContract(definition.Namespace)
			if _, err := c.Evaluate("ApproveChaincodeDefinitionForMyOrg", client.WithBytesArguments(bytesOf(t, approve))); err != nil {
				t.Fatalf("%s approves: %v %v", o, err, details(err))
			}
		}
		commit := &lifecycle.CommitChaincodeDefinitionArgs{Name: name, Version: "1", Sequence: 1}
		c := n.client(n.alive(org), org, "Admin").GetNetwork(id).GetContract(definition.Namespace)
		if _, err := c.Submit("CommitChaincodeDefinition", client.WithBytesArguments(bytesOf(t, commit))); err != nil {
			t.Fatalf("commit: %v %v", err, details(err))
		}
	}
}

// alive names a running peer of an organisation.
func (n *network) alive(org string) string {
	for _, name := range []string{"peer0." + org, "peer1." + org} {
		if p := n.peers[name]; p != nil && p.stop != nil {
			return name
		}
	}
	n.t.Fatalf("no peer of %s runs", org)
	return ""
}

// on is the peer's side of a channel, if the peer runs and has joined.
func (r *running) on(id string) (*peerChannel, bool) {
	if r.stop == nil {
		return nil, false
	}
	return r.node.peer.get(id)
}

// key is the name of a peer in network.peers.
func (r *running) key() string {
	for name, p := range r.net.peers {
		if p == r {
			return name
		}
	}
	return ""
}

// signedProposal is the proposal as a member would send it.
func signedProposal(t *testing.T, p *client.Proposal, by *ca.Member) *peer.SignedProposal {
	t.Helper()
	raw, err := p.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	proposed := new(gateway.ProposedTransaction)
	if err := proto.Unmarshal(raw, proposed); err != nil {
		t.Fatal(err)
	}
	if proposed.Proposal.Signature, err = by.Signer().Sign(proposed.Proposal.ProposalBytes); err != nil {
		t.Fatal(err)
	}
	return proposed.Proposal
}
