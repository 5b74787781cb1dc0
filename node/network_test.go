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
	"testing"
	"time"

	"github.com/hyperledger/fabric-gateway/pkg/client"
	"github.com/hyperledger/fabric-gateway/pkg/hash"
	"github.com/hyperledger/fabric-gateway/pkg/identity"
	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer/lifecycle"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/weft-network/weft/ledger/channel/genesis"
	"github.com/weft-network/weft/ledger/ident/ca"
	"github.com/weft-network/weft/ledger/ident/catest"
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

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
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
	r.cfg.Listen = net.JoinHostPort("127.0.0.1", strconv.Itoa(freePort(t)))
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
	for deadline := time.Now().Add(30 * time.Second); ; {
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

func TestThreeOrderersAndTheirPeersFindEachOther(t *testing.T) {
	n := newNetwork(t, 3, map[string]int{"Org1": 2, "Org2": 1})
	for _, r := range n.all() {
		r.start()
	}
	began := time.Now()
	n.channel("channel1", "Org1", "Org2")
	eventually(t, "the orderers elect a leader", func() bool { return n.leader("channel1") != nil })
	t.Logf("leader after %s", time.Since(began))
	eventually(t, "each organisation has one leader and every peer knows the others", func() bool {
		leads := map[string]int{}
		for _, p := range n.peers {
			pc, ok := p.node.peer.get("channel1")
			if !ok || len(pc.gossip.Members()) != 2 {
				return false
			}
			if pc.gossip.Leading() {
				leads[p.cfg.MSPID]++
			}
		}
		return leads["Org1MSP"] == 1 && leads["Org2MSP"] == 1
	})
	t.Logf("members after %s", time.Since(began))
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

func TestADefinitionIsApprovedAndCommittedByTheUnmodifiedClient(t *testing.T) {
	n := newNetwork(t, 1, map[string]int{"Org1": 2, "Org2": 1})
	for _, r := range n.all() {
		r.start()
	}
	n.channel("channel1", "Org1", "Org2")
	eventually(t, "the peers know each other", func() bool {
		for _, p := range n.peers {
			if pc, ok := p.node.peer.get("channel1"); !ok || len(pc.gossip.Members()) != 2 {
				return false
			}
		}
		return n.leader("channel1") != nil
	})
	approve := &lifecycle.ApproveChaincodeDefinitionForMyOrgArgs{Name: "asset", Version: "1", Sequence: 1}
	commit := &lifecycle.CommitChaincodeDefinitionArgs{Name: "asset", Version: "1", Sequence: 1}

	admin := n.client("peer0.Org1", "Org1", "Admin").GetNetwork("channel1").GetContract("_lifecycle")
	if _, err := admin.Submit("CommitChaincodeDefinition", client.WithBytesArguments(bytesOf(t, commit))); err == nil {
		t.Fatal("a definition that nobody approved was committed")
	}
	for _, org := range []string{"Org1", "Org2"} {
		c := n.client("peer0."+org, org, "Admin").GetNetwork("channel1").GetContract("_lifecycle")
		if _, err := c.Evaluate("ApproveChaincodeDefinitionForMyOrg", client.WithBytesArguments(bytesOf(t, approve))); err != nil {
			t.Fatalf("%s approves: %v %v", org, err, details(err))
		}
	}
	began := time.Now()
	if _, err := admin.Submit("CommitChaincodeDefinition", client.WithBytesArguments(bytesOf(t, commit))); err != nil {
		t.Fatalf("commit: %v %v", err, details(err))
	}
	t.Logf("committed in %s", time.Since(began))
	eventually(t, "every peer has the block, with the same commit hash", func() bool { return n.agree("channel1", 2) })
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
		pc, ok := p.node.peer.get(id)
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
