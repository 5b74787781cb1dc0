package raft

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/orderer/etcdraft"
	"github.com/weft-network/weft/ledger/block"
	"github.com/weft-network/weft/ledger/channel"
	"github.com/weft-network/weft/ledger/store"
	"github.com/weft-network/weft/ledger/store/storetest"
	"github.com/weft-network/weft/node/order"
	pb "go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"
)

// sim is a cluster without goroutines: every message, write and tick happens
// when the test says so.
type sim struct {
	t        *testing.T
	rng      *rand.Rand
	settings *channel.Config
	genesis  *common.Block
	nodes    []*simNode // id-1
	net      []packet
	cut      map[uint64]bool // cut off from the network

	sent  map[string]bool
	acked map[string]bool
	fails int
}

type packet struct {
	from, to uint64
	raw      []byte
}

type simNode struct {
	id      uint64
	disk    *storetest.Disk
	ledger  *modelLedger
	db      *store.Log
	core    *core // nil while down
	saver   *saver
	applier *applier
	log     *diskLog
	saves   []*pb.Message
	applies []*pb.Message
	life    int
}

func newSim(t *testing.T, seed uint64, n int, edit func(*channel.Config)) *sim {
	s := &sim{
		t: t, rng: rand.New(rand.NewPCG(seed, 0)), cut: map[uint64]bool{},
		sent: map[string]bool{}, acked: map[string]bool{},
		genesis: block.New(0, nil, [][]byte{[]byte("genesis")}),
		settings: &channel.Config{
			ID:          "ch",
			Batch:       channel.Batch{Timeout: time.Second, MaxMessageCount: 3, AbsoluteMaxBytes: 1000, PreferredMaxBytes: 60},
			Consenters:  make([]*etcdraft.Consenter, n),
			RaftOptions: &etcdraft.Options{SnapshotIntervalSize: 1 << 20},
		},
	}
	if edit != nil {
		edit(s.settings)
	}
	for i := range n {
		nd := &simNode{id: uint64(i) + 1, disk: storetest.NewJournalledDisk(), ledger: newModel(s.genesis)}
		s.nodes = append(s.nodes, nd)
		s.start(nd)
	}
	t.Cleanup(func() {
		for _, nd := range s.nodes {
			if nd.core != nil {
				nd.db.Close()
			}
		}
	})
	return s
}

func (s *sim) must(err error) {
	if err != nil {
		s.t.Helper()
		s.t.Fatal(err)
	}
}

func (s *sim) start(nd *simNode) {
	db, err := store.OpenLog("raft", store.Options{FS: nd.disk, Forgets: true, SegmentBytes: 700})
	s.must(err)
	log, err := openLog(db, s.voters(), snapData{number: 0, hash: block.HeaderHash(s.genesis.Header)})
	s.must(err)
	cfg := &Config{
		ID: nd.id, Settings: func() *channel.Config { return s.settings },
		Now: func() time.Time { return time.Time{} }, Log: slog.New(slog.DiscardHandler),
	}
	opts, err := optionsOf(s.settings)
	s.must(err)
	applied, err := appliedIndex(log, nd.ledger)
	s.must(err)
	core, err := newCore(cfg, opts, log, applied)
	s.must(err)
	nd.db, nd.log, nd.core = db, log, core
	nd.saver = &saver{log: log, ledger: nd.ledger, fetch: s.fetch(nd)}
	nd.applier = &applier{log: log, ledger: nd.ledger, snapshotBytes: opts.snapshotBytes, warn: func(text string, _ ...any) { s.t.Error(text) }}
	s.turn(nd)
}

func (s *sim) voters() (v []uint64) {
	for i := range s.settings.Consenters {
		v = append(v, uint64(i)+1)
	}
	return v
}

// fetch takes blocks from any node that is up, and may break off midway.
func (s *sim) fetch(to *simNode) Fetch {
	return func(_ context.Context, from, last uint64, f func(*common.Block) error) error {
		src := s.nodes[s.rng.IntN(len(s.nodes))]
		if src == to || src.core == nil || s.cut[src.id] || s.cut[to.id] {
			return errors.New("nobody answers")
		}
		for n := from; n <= last; n++ {
			if n >= src.ledger.Height() || s.rng.IntN(50) == 0 {
				return errors.New("the stream broke")
			}
			if err := f(src.ledger.blocks[n]); err != nil {
				return err
			}
		}
		return nil
	}
}

// crash is a power cut.
func (s *sim) crash(nd *simNode) {
	after := nd.disk.Crash(s.rng.IntN(101), s.rng)
	nd.db.Close()
	nd.disk = after
	nd.ledger.crash(s.rng)
	nd.core, nd.saves, nd.applies, nd.db = nil, nil, nil, nil
	nd.life++
}

// turn lets a node's core say what it wants done.
func (s *sim) turn(nd *simNode) {
	w := nd.core.ready()
	s.post(nd, w.send)
	nd.saves, nd.applies = append(nd.saves, w.save...), append(nd.applies, w.apply...)
}

func (s *sim) post(nd *simNode, ms []*pb.Message) {
	for _, m := range ms {
		raw, err := proto.Marshal(m)
		s.must(err)
		s.net = append(s.net, packet{nd.id, m.GetTo(), raw})
	}
}

func (s *sim) tick(nd *simNode) {
	nd.core.tick()
	s.turn(nd)
}

// save does some of the waiting writes, as one batch.
func (s *sim) save(nd *simNode, k int) bool {
	responses, err := nd.saver.save(context.Background(), nd.saves[:k])
	if err != nil {
		return false // a snapshot whose blocks nobody had: again later
	}
	nd.saves = nd.saves[k:]
	s.finish(nd, responses, nil)
	return true
}

func (s *sim) apply(nd *simNode) {
	found, responses, err := nd.applier.apply(nd.applies[0])
	s.must(err)
	nd.applies = nd.applies[1:]
	s.finish(nd, responses, found)
}

func (s *sim) finish(nd *simNode, responses []*pb.Message, found []outcome) {
	var own, others []*pb.Message
	for _, m := range responses {
		if m.GetTo() == nd.id {
			own = append(own, m)
		} else {
			others = append(others, m)
		}
	}
	s.post(nd, others)
	nd.core.finished(own, found)
	s.turn(nd)
}

// deliver hands over packet i of the network.
func (s *sim) deliver(i int) {
	p := s.net[i]
	s.net = append(s.net[:i:i], s.net[i+1:]...)
	nd := s.nodes[p.to-1]
	if nd.core == nil || s.cut[p.from] || s.cut[p.to] {
		return
	}
	m := &pb.Message{}
	s.must(proto.Unmarshal(p.raw, m))
	if !passable(m) {
		s.t.Fatalf("consenters send a message of type %v", m.GetType())
	}
	nd.core.step(m)
	s.turn(nd)
}

// submit hands a message to a node, which passes it on to its leader.
func (s *sim) submit(nd *simNode, text string) {
	s.sent[text] = true
	life, calls := nd.life, 0
	s.submitAt(nd, item{m: order.Message{Raw: []byte(text), Size: uint32(len(text))}, done: func(err error) {
		if calls++; calls > 1 {
			s.t.Errorf("%s was answered twice", text)
		}
		switch {
		case nd.life != life: // nobody is there to hear it
		case err == nil:
			s.acked[text] = true
		default:
			s.fails++
		}
	}})
}

func (s *sim) submitAt(nd *simNode, it item) {
	forward := nd.core.submit([]item{it})
	s.turn(nd)
	for _, it := range forward {
		to := s.nodes[nd.core.leader-1]
		if to.core == nil || s.cut[to.id] || s.cut[nd.id] {
			it.done(order.ErrLeadershipLost)
			continue
		}
		it.m.Passed = true
		s.submitAt(to, it)
	}
}

// settle runs everything that is due, in order, for a number of ticks.
func (s *sim) settle(ticks int) {
	for range ticks {
		for _, nd := range s.nodes {
			if nd.core != nil {
				s.tick(nd)
			}
		}
		s.drain()
	}
}

func (s *sim) drain() {
	for again := true; again; {
		again = len(s.net) > 0
		for len(s.net) > 0 {
			s.deliver(0)
		}
		for _, nd := range s.nodes {
			if nd.core == nil {
				continue
			}
			if len(nd.saves) > 0 {
				again = s.save(nd, len(nd.saves)) || again
			}
			for len(nd.applies) > 0 {
				s.apply(nd)
				again = true
			}
		}
	}
}

func (s *sim) leader() *simNode {
	for _, nd := range s.nodes {
		if nd.core != nil && nd.core.isLeader && !s.cut[nd.id] {
			return nd
		}
	}
	return nil
}

// check compares all chains, and what they hold with what was submitted.
func (s *sim) check() {
	s.t.Helper()
	first := s.nodes[0].ledger
	for _, nd := range s.nodes[1:] {
		if nd.ledger.Height() != first.Height() || string(nd.ledger.LastHash()) != string(first.LastHash()) {
			s.t.Fatalf("node %d is at height %d, node 1 at %d, or their chains differ", nd.id, nd.ledger.Height(), first.Height())
		}
	}
	seen, last := map[string]bool{}, map[string]int{}
	for _, b := range first.blocks[1:] {
		for _, raw := range b.Data.Data {
			text := string(raw)
			if !s.sent[text] {
				s.t.Errorf("%s was ordered but not submitted", text)
			}
			if seen[text] {
				s.t.Errorf("%s was ordered twice", text)
			}
			seen[text] = true
			var client string
			var n int
			if _, err := fmt.Sscanf(text, "%s %d", &client, &n); err != nil {
				s.t.Fatal(err)
			}
			if n < last[client] {
				s.t.Errorf("%s was ordered after %s %d", text, client, last[client])
			}
			last[client] = n
		}
	}
	for text := range s.acked {
		if !seen[text] {
			s.t.Errorf("%s was acknowledged and is not on the chain", text)
		}
	}
}
