package ledgertest_test

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/weft-network/weft/ledger"
	"github.com/weft-network/weft/ledger/block"
	"github.com/weft-network/weft/ledger/chain"
	"github.com/weft-network/weft/ledger/channel"
	"github.com/weft-network/weft/ledger/ident"
	"github.com/weft-network/weft/ledger/ident/catest"
	"github.com/weft-network/weft/ledger/ledgertest"
	"github.com/weft-network/weft/ledger/ledgertest/modeltest"
	"github.com/weft-network/weft/ledger/store/storetest"
	"github.com/weft-network/weft/ledger/validate"
	"pgregory.net/rapid"
)

// world is a channel on which histories begin: three organisations, and all
// who may sign, strangers included.
type world struct {
	n       *ledgertest.Network
	base    *modeltest.Model
	signers []ident.Signer // peers first
	crl     []byte         // of Org2, with its second peer
	rogue   ident.Signer   // of an organisation that is not in the channel
}

func newWorld(t testing.TB) *world {
	w := &world{n: ledgertest.New(t, "Org1", "Org2", "Org3"), rogue: catest.New(t, "Rogue").Peer("peer0").Signer()}
	for _, o := range w.n.Orgs {
		w.signers = append(w.signers, o.Peer("peer0").Signer())
	}
	for _, o := range w.n.Orgs[:2] {
		w.signers = append(w.signers, o.Peer("peer1").Signer(), o.User("User1").Signer(), o.Admin("Admin").Signer())
	}
	w.signers = append(w.signers, w.rogue)
	var err error
	if w.crl, err = w.n.Orgs[1].CRL(1, catest.Epoch(), w.n.Orgs[1].Peer("peer1")); err != nil {
		t.Fatal(err)
	}
	if w.base, err = modeltest.New(w.n.Genesis); err != nil {
		t.Fatal(err)
	}
	return w
}

// node is a peer that keeps its ledger on a disk in memory.
type node struct {
	disk  *storetest.Disk
	chain *chain.Chain
	cfg   *channel.Config
}

func (p *node) open() error {
	var err error
	p.chain, err = chain.Open("ledger", chain.Options{FS: p.disk, Replay: validate.Updates})
	return err
}

// judge is what a peer does with a block that it is sent. The first error is
// that of a block which is not of this chain.
func (p *node) judge(b *common.Block, workers int, trusted bool) (parsed *ledger.Block, r *validate.Result, refused, halt error) {
	parsed, err := ledger.ParseBlock(b)
	if err != nil {
		return nil, nil, err, nil
	}
	if !trusted {
		err := block.Check(parsed, p.chain.Height(), p.chain.LastHash(), p.cfg.MSPs, p.cfg.Policy(channel.BlockValidationPath))
		if err != nil {
			return nil, nil, err, nil
		}
	}
	prepared, err := validate.Prepare(context.Background(), parsed, p.cfg, workers)
	if err != nil {
		return nil, nil, nil, err
	}
	s := p.chain.Snapshot()
	defer s.Close()
	r, err = prepared.Finish(s)
	return parsed, r, nil, err
}

func (p *node) commit(b *ledger.Block, r *validate.Result) error {
	block.SetCodes(b.Block, r.Codes)
	if r.Config != nil {
		p.cfg = r.Config
	}
	return p.chain.Append(b, chain.Commit{Updates: r.Updates, Findings: r.Findings})
}

// history is one run: a random chain of blocks, given to a node and to the
// model.
type history struct {
	*world
	t      *rapid.T
	p      *node
	m      *modeltest.Model
	blocks *ledgertest.Blocks
	config *common.Config // in force
	sent   []sent
	serial int
	stats  map[string]int

	committed *[]*common.Block // if somebody wants them
}

// sent is a transaction of an earlier block, or of this one.
type sent struct {
	tx  ledgertest.Tx
	raw []byte
}

// play runs one history and says where node and model differ first, "" if they
// do not.
func (w *world) play(t *rapid.T, bug modeltest.Bug, stats map[string]int) string {
	return w.playTo(t, bug, stats, nil)
}

// playTo keeps the blocks that were committed, too.
func (w *world) playTo(t *rapid.T, bug modeltest.Bug, stats map[string]int, committed *[]*common.Block) string {
	h := w.history(stats)
	h.committed = committed
	h.t, h.m.Bug = t, bug
	if err := h.p.open(); err != nil {
		return err.Error()
	}
	defer func() { h.p.chain.Close() }()
	return h.play()
}

func (w *world) history(stats map[string]int) *history {
	return &history{
		world: w, p: &node{disk: storetest.NewJournalledDisk(), cfg: w.n.Config},
		m: w.base.Clone(), blocks: w.n.Blocks(), config: w.n.Config.Proto, stats: stats,
	}
}

func (h *history) play() string {
	if d := h.genesis(); d != "" {
		return d
	}
	if d := h.step(h.definitions()); d != "" {
		return "definitions: " + d
	}
	n := rapid.IntRange(2, 5).Draw(h.t, "blocks")
	crash := rapid.IntRange(0, n).Draw(h.t, "crash after")
	for i := range n {
		if d := h.step(h.draw()); d != "" {
			return d
		}
		if i == crash {
			if d := h.crash(); d != "" {
				return "after a crash: " + d
			}
		}
	}
	return h.compare()
}

// newHistory is one without dice, after the genesis block.
func newHistory(tb testing.TB) *history {
	w := newWorld(tb)
	h := w.history(map[string]int{})
	if err := h.p.open(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { h.p.chain.Close() })
	if d := h.genesis(); d != "" {
		tb.Fatal(d)
	}
	return h
}

func (h *history) genesis() string {
	b, err := ledger.ParseBlock(h.n.Genesis)
	if err != nil {
		return err.Error()
	}
	p, err := validate.Prepare(context.Background(), b, h.n.Config, 1)
	if err != nil {
		return err.Error()
	}
	s := h.p.chain.Snapshot()
	r, err := p.Finish(s)
	s.Close()
	if err != nil {
		return err.Error()
	}
	r.Config = nil
	// The genesis block belongs to all histories.
	b.Block = &common.Block{Header: b.Header, Data: b.Data, Metadata: &common.BlockMetadata{Metadata: slices.Clone(b.Metadata.Metadata)}}
	if err := h.p.commit(b, r); err != nil {
		return err.Error()
	}
	return ""
}

// content is a block in the making.
type content struct {
	envelopes [][]byte
	facts     modeltest.Facts
	after     *common.Config // the configuration in it
	change    func(*common.Block)
}

// step gives one block to both.
func (h *history) step(c content) string {
	return h.give(c, rapid.IntRange(1, 3).Draw(h.t, "workers"))
}

func (h *history) give(c content, workers int) string {
	b := h.blocks.Peek(c.envelopes...)
	if c.change != nil {
		c.change(b)
	}
	at := fmt.Sprintf("block %d: ", b.Header.Number)
	parsed, r, refused, halt := h.p.judge(b, workers, c.facts.Trusted)
	want := h.m.Commit(b, c.facts)
	switch {
	case (refused != nil) != (want.Refused != nil):
		return at + fmt.Sprintf("refused by the ledger: %v, by the model: %v", refused, want.Refused)
	case (halt != nil) != (want.Halt != nil):
		return at + fmt.Sprintf("halted the ledger: %v, the model: %v", halt, want.Halt)
	case refused != nil:
		h.stats["refused"]++
		return ""
	case halt != nil:
		h.stats["halted"]++
		return ""
	}
	for i := range want.Codes {
		h.stats[want.Codes[i].String()]++
		if r.Codes[i] != want.Codes[i] {
			return at + fmt.Sprintf("transaction %d is %s (%+v), in the model %s", i, r.Codes[i], r.Findings[i], want.Codes[i])
		}
		if (r.Findings[i] == nil) != (r.Codes[i] == 0) {
			return at + fmt.Sprintf("transaction %d is %s, and its finding %+v", i, r.Codes[i], r.Findings[i])
		}
	}
	if err := h.p.commit(parsed, r); err != nil {
		return at + err.Error()
	}
	if !bytes.Equal(h.p.chain.CommitHash(), h.m.CommitHash) {
		return at + fmt.Sprintf("the commit hash is %x, in the model %x", h.p.chain.CommitHash(), h.m.CommitHash)
	}
	if h.committed != nil {
		*h.committed = append(*h.committed, b)
	}
	h.blocks.Next(c.envelopes...)
	if c.after != nil {
		h.config = c.after
	}
	return ""
}

// crash ends the node without a goodbye and starts it again, sometimes without
// anything but the blocks.
func (h *history) crash() string {
	old := h.p.chain
	dice := rand.New(rand.NewPCG(rapid.Uint64().Draw(h.t, "dice"), 0))
	h.p.disk = h.p.disk.Crash(rapid.SampledFrom([]int{0, 50, 100}).Draw(h.t, "unsynced"), dice)
	old.Close()
	if rapid.Bool().Draw(h.t, "rebuild") {
		if err := h.p.disk.RemoveAll(filepath.Join("ledger", "index")); err != nil {
			return err.Error()
		}
	}
	if err := h.p.open(); err != nil {
		return err.Error()
	}
	return h.compare()
}

// compare looks at everything.
func (h *history) compare() string {
	c := h.p.chain
	if c.Height() != h.m.Height || !bytes.Equal(c.CommitHash(), h.m.CommitHash) {
		return fmt.Sprintf("height %d and commit hash %x, in the model %d and %x", c.Height(), c.CommitHash(), h.m.Height, h.m.CommitHash)
	}
	s := c.Snapshot()
	defer s.Close()
	namespaces := map[string]int{}
	for k, v := range h.m.State {
		e, err := s.Entry(k.Namespace, k.Collection, k.Name)
		if err != nil {
			return fmt.Sprintf("%q: %v", k, err)
		}
		got := modeltest.Value{}
		if e != nil {
			got = modeltest.Value{Value: string(e.Value), Metadata: string(e.Metadata), Block: e.Version.Block, Tx: e.Version.Tx}
		}
		if got != v {
			return fmt.Sprintf("%q is %+v, in the model %+v", k, got, v)
		}
		if k.Collection == "" {
			namespaces[k.Namespace]++
		}
	}
	for _, ns := range append(slices.Sorted(maps.Keys(namespaces)), everyNamespace...) {
		it, err := s.Range(ns, "", "")
		if err != nil {
			return err.Error()
		}
		n := 0
		for it.Next() {
			n++
		}
		if err := it.Close(); err != nil {
			return err.Error()
		}
		if n != namespaces[ns] {
			return fmt.Sprintf("namespace %q has %d keys, in the model %d", ns, n, namespaces[ns])
		}
	}
	for id := range h.m.IDs {
		if known, err := s.HasTx(id); id != "" && (!known || err != nil) {
			return fmt.Sprintf("transaction id %s is not known (%v)", id, err)
		}
	}
	return ""
}
