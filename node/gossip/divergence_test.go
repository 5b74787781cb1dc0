package gossip

import (
	"context"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"google.golang.org/protobuf/proto"

	"github.com/weft-network/weft/ledger/block"
	"github.com/weft-network/weft/ledger/ident"
	"github.com/weft-network/weft/ledger/ident/ca"
	"github.com/weft-network/weft/ledger/ident/catest"
	"github.com/weft-network/weft/ledger/ledgertest"
	"github.com/weft-network/weft/ledger/store"
	"github.com/weft-network/weft/node/commit"
	"github.com/weft-network/weft/node/mesh"
	"github.com/weft-network/weft/p2p"
	"github.com/weft-network/weft/p2p/wire"
)

// claimant is a member that says what it is told to.
type claimant struct {
	t        *testing.T
	signer   ident.Signer
	sequence uint64
}

func (c *claimant) says(height uint64, hash []byte, edits ...func(*wire.StateInfo)) []byte {
	c.t.Helper()
	c.sequence++
	return state(c.t, c.signer, func(s *wire.StateInfo) {
		s.Sequence, s.Height, s.CommitHash = c.sequence, height, hash
		for _, edit := range edits {
			edit(s)
		}
	})
}

func TestAnAlarmRingsForAMembersOtherCommitHashAndForNothingElse(t *testing.T) {
	p := newPlace(t)
	stop := p.run(t)
	defer stop()
	blocks := p.blocks(t, 4)
	p.take(t, blocks[:2]...)
	var hashes [5][]byte
	hashes[1], hashes[2] = p.hash(t, 1), p.hash(t, 2)
	wrong := make([]byte, 32)
	var rung []*Divergence
	p.cfg.OnDivergence = func(d *Divergence) { rung = append(rung, d) }
	peer1, peer2 := &claimant{t: t, signer: p.org.Peer("peer1").Signer()}, &claimant{t: t, signer: p.org.Peer("peer2").Signer()}
	stranger := &claimant{t: t, signer: catest.New(t, "Org9").Peer("peer0").Signer()}
	forged := new(wire.StateInfo)
	if err := proto.Unmarshal(peer1.says(3, hashes[2]), forged); err != nil {
		t.Fatal(err)
	}
	forged.CommitHash = wrong
	for _, c := range []struct {
		why  string
		data []byte
		want p2p.Verdict
	}{
		{"the same height and hash", peer1.says(3, hashes[2]), p2p.Accept},
		{"a slower peer", peer1.says(2, hashes[1]), p2p.Accept},
		{"a genesis block only", peer1.says(1, wrong), p2p.Accept},
		{"no hash", peer1.says(3, nil), p2p.Accept},
		{"a block that is not here yet", peer1.says(9, wrong), p2p.Accept},
		{"another one", peer1.says(11, wrong), p2p.Accept},
		{"an old message again", (&claimant{t: t, signer: peer1.signer}).says(3, wrong), p2p.Ignore},
		{"a changed one", marshal(t, forged), p2p.Reject},
		{"a stranger", stranger.says(3, wrong), p2p.Reject},
		{"of another channel", peer1.says(3, wrong, func(s *wire.StateInfo) { s.Topic = "another" }), p2p.Reject},
	} {
		if got := p.validateState("neighbour", c.data); got != c.want || len(rung) > 0 {
			t.Errorf("%s: verdict %d, want %d; alarms %v", c.why, got, c.want, rung)
		}
	}
	// A claim about the next block counts when the block is here.
	p.validateState("neighbour", peer2.says(4, wrong))
	if len(rung) > 0 {
		t.Error("the alarm rang before anything could be known")
	}
	p.take(t, blocks[2])
	p.Committed()
	if len(rung) != 1 || rung[0].Block != 3 || rung[0].MSPID != "Org1MSP" || string(rung[0].Own) != string(p.hash(t, 3)) || string(rung[0].Theirs) != string(wrong) {
		t.Fatalf("alarms %v", rung)
	}
	for range 100 {
		p.validateState("neighbour", peer2.says(4, wrong))
	}
	if len(rung) != 1 || len(p.Divergences()) != 1 {
		t.Errorf("one member rang %d alarms", len(rung))
	}
	// What a member says of a block far ahead does not hide what it says of others.
	if p.validateState("neighbour", peer1.says(4, wrong)); len(rung) != 2 {
		t.Error("the claims of a member that is ahead are not compared")
	}
}

// However many blocks a member claims to be ahead, what is kept of it is little,
// and its first claim is compared.
func TestAFloodOfClaimsTakesNoRoomAndHidesNothing(t *testing.T) {
	m, now := newMembers(), time.Now()
	m.take(&wire.StateInfo{PeerId: "a", Sequence: 1}, "Org1MSP", time.Time{}, now)
	for n := range uint64(1000) {
		m.claim("a", &claim{block: 10 + n, hash: []byte{1}}, 5, now)
	}
	if x := m.byID["a"].claims; x.first.block != 10 || x.newest.block != 1009 {
		t.Errorf("kept %d and %d", x.first.block, x.newest.block)
	}
	if list := m.due(10, now); list != nil {
		t.Errorf("due before its block is here: %v", list)
	}
	if list := m.due(11, now); len(list) != 1 || list[0].block != 10 || m.lowest != 1009 {
		t.Errorf("due %v, waiting for %d", list, m.lowest)
	}
	if list := m.due(2000, now); len(list) != 1 || list[0].block != 1009 || list[0].fromDisk {
		t.Errorf("due %v", list)
	}
	m.claim("nobody", &claim{block: 1}, 0, now)
	if m.lowest != noClaim {
		t.Error("a claim of nobody waits")
	}
}

// node is a peer of a channel with its ledger, connections and gossip.
type node struct {
	*Channel
	commits *commit.Channel
	mesh    *mesh.Mesh
	rang    chan *Divergence
}

func startNode(t *testing.T, n *ledgertest.Network, org int, who *ca.Member, dir string) *node {
	t.Helper()
	x := &node{rang: make(chan *Divergence, 8)}
	gossiping := make(chan *Channel, 1)
	var err error
	if x.commits, err = commit.Open(commit.Config{Dir: dir, Genesis: n.Genesis, Workers: 1, OnCommit: func(*commit.Committed) {
		g := <-gossiping
		g.Committed()
		gossiping <- g
	}}); err != nil {
		t.Fatal(err)
	}
	now := func() time.Time { return catest.Epoch().Add(time.Hour) }
	log := slog.New(slog.DiscardHandler)
	x.mesh, err = mesh.New(mesh.Config{Signer: who.Signer(), Local: catest.Set(t, n.Orgs[org]), Listen: []string{"/ip4/127.0.0.1/tcp/0"}, Endpoint: who.Name, Now: now, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	x.mesh.AddChannel(mesh.Channel{ID: n.Channel, Config: x.commits.Config})
	x.Channel, err = Join(Config{
		Channel: x.commits, Mesh: x.mesh, Signer: who.Signer(), Endpoint: who.Name, Now: now, Log: log,
		Chaincodes:   func() []*wire.InstalledChaincode { return nil },
		OnDivergence: func(d *Divergence) { x.rang <- d },
	})
	if err != nil {
		t.Fatal(err)
	}
	gossiping <- x.Channel
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 3)
	for _, run := range []func(context.Context) error{x.commits.Run, x.mesh.Run, x.Channel.Run} {
		go func() { done <- run(ctx) }()
	}
	t.Cleanup(func() {
		cancel()
		for range cap(done) {
			<-done
		}
		_ = x.commits.Close()
	})
	return x
}

func (x *node) take(t *testing.T, blocks ...*common.Block) {
	t.Helper()
	for _, b := range blocks {
		if err := x.commits.OfferWait(t.Context(), proto.CloneOf(b)); err != nil {
			t.Fatal(err)
		}
		if err := x.commits.Ledger().WaitHeight(t.Context(), b.Header.Number+1); err != nil {
			t.Fatal(err)
		}
	}
}

// spoil takes the keys of cc out of a state that is on disk, and commits the
// first blocks of a chain before it does.
func spoil(t *testing.T, n *ledgertest.Network, dir string, blocks []*common.Block) {
	t.Helper()
	c, err := commit.Open(commit.Config{Dir: dir, Genesis: n.Genesis, Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	(&node{commits: c}).take(t, blocks...)
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	db, err := store.OpenDBWith(filepath.Join(dir, "index"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	batch := db.NewBatch()
	batch.DeleteRange([]byte("s\x02cc"), []byte("s\x02cd"))
	if err := db.Apply(batch, true); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

// One peer's disk forgot a key. The first block that depends on it rings the
// alarm, on both sides and on every other peer; a slower peer rings none.
func TestTheAlarmRingsWithinOneBlockOfAFalseState(t *testing.T) {
	n := ledgertest.New(t)
	cut := n.Blocks()
	write := ledgertest.NewRWSet()
	write.NS("cc").Write("a", "1")
	read := ledgertest.NewRWSet()
	read.NS("cc").Read("a", ledgertest.At(2, 0)).Write("a", "2")
	blocks := []*common.Block{
		cut.Next(n.Define(ledgertest.Definition{Name: "cc", Policy: "OR('Org1MSP.peer')"})),
		cut.Next(n.Tx(ledgertest.Tx{Chaincode: "cc", Set: write})),
		cut.Next(n.Tx(ledgertest.Tx{Chaincode: "cc", Set: read})),
	}
	dir := t.TempDir()
	spoil(t, n, dir, blocks[:2])
	good, slow := startNode(t, n, 0, n.Orgs[0].Peer("peer0"), t.TempDir()), startNode(t, n, 0, n.Orgs[0].Peer("peer1"), t.TempDir())
	bad := startNode(t, n, 1, n.Orgs[1].Peer("peer0"), dir)
	for _, x := range []*node{slow, bad} {
		if _, err := x.mesh.Host().Connect(t.Context(), good.mesh.Host().ID(), good.mesh.Host().Addrs()); err != nil {
			t.Fatal(err)
		}
	}
	good.take(t, blocks...)
	bad.take(t, blocks[2])
	for _, x := range []struct {
		here, there *node
	}{{good, bad}, {bad, good}} {
		d := <-x.here.rang
		if d.Block != 3 || d.Peer != x.there.mesh.Host().ID() || string(d.Theirs) == string(d.Own) {
			t.Errorf("it rang for %v", d)
		}
	}
	slow.take(t, blocks...)
	if d := <-slow.rang; d.Block != 3 || d.Peer != bad.mesh.Host().ID() {
		t.Errorf("on the slower peer it rang for %v", d)
	}
	for _, x := range []*node{good, slow} {
		if all := x.Divergences(); len(all) != 1 || all[0].Peer != bad.mesh.Host().ID() {
			t.Errorf("alarms %v", all)
		}
	}
}

// run commits blocks until stop is called.
func (p *place) run(t *testing.T) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- p.cfg.Channel.Run(ctx) }()
	return func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func (p *place) take(t *testing.T, blocks ...*common.Block) {
	t.Helper()
	(&node{commits: p.cfg.Channel}).take(t, blocks...)
}

func (p *place) hash(t *testing.T, n uint64) []byte {
	t.Helper()
	hash, err := p.cfg.Channel.CommitHash(n, true)
	if err != nil {
		t.Fatal(err)
	}
	return hash
}

// blocks are signed blocks with a transaction each that is not valid.
func (p *place) blocks(t *testing.T, count int) (list []*common.Block) {
	t.Helper()
	previous := block.HeaderHash(p.genesis.Header)
	for n := range uint64(count) {
		ch := marshal(t, &common.ChannelHeader{Type: int32(common.HeaderType_ENDORSER_TRANSACTION), ChannelId: "channel1"})
		payload := marshal(t, &common.Payload{Header: &common.Header{ChannelHeader: ch}})
		b := block.New(n+1, previous, [][]byte{marshal(t, &common.Envelope{Payload: payload, Signature: []byte("s")})})
		if err := block.Sign(b, p.orderer, 0, nil); err != nil {
			t.Fatal(err)
		}
		previous = block.HeaderHash(b.Header)
		list = append(list, b)
	}
	return list
}
