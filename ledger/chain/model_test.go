package chain

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"google.golang.org/protobuf/proto"

	"github.com/weft-network/weft/ledger"
	"github.com/weft-network/weft/ledger/block"
	"github.com/weft-network/weft/ledger/state"
)

// model is the ledger as maps: what a Chain must say at every height.
type model struct {
	blocks   []*common.Block // as appended, with metadata
	states   []map[place]state.Entry
	txs      map[string]TxInfo
	commits  [][]byte
	history  map[place][]state.Modification // the oldest first
	findings map[ledger.Version]*ledger.Finding

	txsPerBlock int // at most; 4 if 0
}

func newModel() *model {
	return &model{
		states: []map[place]state.Entry{{}}, txs: map[string]TxInfo{},
		history: map[place][]state.Modification{}, findings: map[ledger.Version]*ledger.Finding{},
	}
}

// entries is one state of a model as a reader; only entries are asked of it.
type entries struct {
	state.Reader
	at map[place]state.Entry
}

func (e entries) Entry(ns, collection, key string) (*state.Entry, error) {
	if v, ok := e.at[place{ns, collection, key}]; ok {
		return &v, nil
	}
	return nil, nil
}

func (e entries) NoMetadata() bool { return !describes(e.at) }

// describes reports whether a key of a state has metadata.
func describes(at map[place]state.Entry) bool {
	for _, v := range at {
		if len(v.Metadata) > 0 {
			return true
		}
	}
	return false
}

var (
	modelNames       = []string{"", "a", "ab", "b\x00"}
	modelCollections = []string{"", "c", "k1"}
)

func (m *model) height() uint64 { return uint64(len(m.blocks)) }

// nextBlock makes a random block on top of the model: few keys, so that they
// are overwritten and deleted, and transaction ids that sometimes repeat.
func (m *model) nextBlock(rng *rand.Rand) *ledger.Block {
	n := m.height()
	var envelopes [][]byte
	var codes []ledger.Code
	if n == 0 || rng.IntN(8) == 0 {
		envelopes = append(envelopes, config(fmt.Sprintf("config%d", n), write{Key: "config", Value: fmt.Sprint(n)}))
		codes = append(codes, peer.TxValidationCode_VALID)
	} else {
		most := m.txsPerBlock
		if most == 0 {
			most = 4
		}
		for i := range 1 + rng.IntN(most) {
			nonce := fmt.Sprintf("tx%d-%d", n, i)
			if rng.IntN(8) == 0 {
				nonce = fmt.Sprintf("tx%d-%d", rng.Uint64N(n+1), 0)
			}
			envelopes = append(envelopes, endorsed(nonce, 0, randomWrites(rng)...))
			codes = append(codes, []ledger.Code{peer.TxValidationCode_VALID, peer.TxValidationCode_MVCC_READ_CONFLICT}[rng.IntN(3)/2])
		}
	}
	var previous []byte
	if n > 0 {
		previous = block.HeaderHash(m.blocks[n-1].Header)
	}
	b := block.New(n, previous, envelopes)
	block.SetCodes(b, codes)
	return must(ledger.ParseBlock(b))
}

func randomWrites(rng *rand.Rand) (writes []write) {
	for range rng.IntN(5) {
		w := write{
			Ns:    modelNames[1+rng.IntN(3)],
			Key:   fmt.Sprintf("k%d", rng.IntN(10)),
			Value: []string{"", "x", string(bytes.Repeat([]byte{'v'}, rng.IntN(3000)))}[rng.IntN(3)],
		}
		if rng.IntN(3) == 0 {
			w.Collection = map[string]string{"a": "c", "ab": "c", "b\x00": "k1"}[w.Ns]
		}
		if rng.IntN(4) == 0 {
			w.Value, w.Metadata = "", fmt.Sprint("m", rng.IntN(3))
		}
		writes = append(writes, w)
	}
	return writes
}

// commit is what comes of a block on top of the model.
func (m *model) commit(b *ledger.Block) Commit {
	c := Commit{
		Updates:  must(replay(b, entries{at: m.states[m.height()]})),
		Findings: make([]*ledger.Finding, len(b.Txs)),
	}
	for i, code := range block.Codes(b.Block) {
		if code != peer.TxValidationCode_VALID {
			c.Findings[i] = &ledger.Finding{
				Code: code, Text: fmt.Sprint("transaction ", i), Namespace: "a", Key: "k\xff", Signed: []string{"Org1MSP", ""},
				Found: &ledger.Version{Block: b.Header.Number, Tx: 0}, Range: &ledger.FindingRange{End: "z"},
			}
		}
	}
	return c
}

// add applies a block that was appended.
func (m *model) add(b *ledger.Block) {
	n, commit := m.height(), m.commit(b)
	m.blocks = append(m.blocks, proto.Clone(b.Block).(*common.Block))
	next := maps.Clone(m.states[n])
	for _, u := range commit.Updates {
		p := place{u.Namespace, u.Collection, u.Key}
		if delete(next, p); !u.Removes() {
			next[p] = state.Entry{Value: u.Value, Metadata: u.Metadata, Version: u.Version}
		}
	}
	m.states = append(m.states, next)
	for i, tx := range b.Txs {
		if _, ok := m.txs[tx.TxID()]; !ok {
			m.txs[tx.TxID()] = TxInfo{Block: n, Index: i, Code: block.Codes(b.Block)[i]}
		}
		if f := commit.Findings[i]; f != nil {
			m.findings[ledger.Version{Block: n, Tx: uint64(i)}] = f
		} else {
			m.addHistory(tx, ledger.Version{Block: n, Tx: uint64(i)})
		}
	}
	m.commits = append(m.commits, block.CommitHash(b.Block))
}

// nextEntries adds n random blocks and returns them as they are to be appended.
func (m *model) nextEntries(rng *rand.Rand, n int) []Entry {
	var all []Entry
	for range n {
		b := m.nextBlock(rng)
		commit := m.commit(b)
		all = append(all, Entry{b, commit})
		next := m.height()
		m.add(b)
		// The chain sets it in the block; the model needs it before.
		var previous []byte
		if next > 1 {
			previous = m.commits[next-1]
		}
		if next > 0 {
			m.commits[next] = state.CommitHash(previous, block.Codes(b.Block), commit.Updates)
			block.SetCommitHash(m.blocks[next], m.commits[next])
		}
	}
	return all
}

func (m *model) addHistory(tx *ledger.Tx, at ledger.Version) {
	if tx.RWSet == nil {
		return
	}
	for _, ns := range tx.RWSet.Namespaces {
		for _, w := range ns.Writes {
			p := place{ns.Namespace, "", w.Key}
			m.history[p] = append(m.history[p], state.Modification{
				Version: at, TxID: tx.TxID(), Timestamp: tx.ChannelHeader.Timestamp, Value: w.Value, Delete: w.Delete,
			})
		}
	}
}

// check compares a chain of any height up to the model's with the model.
func (m *model) check(t fataler, c *Chain) {
	t.Helper()
	h := c.Height()
	if h > m.height() {
		t.Fatalf("height %d, but only %d blocks were made", h, len(m.blocks))
	}
	for n := range h {
		got, err := c.Block(n)
		if err != nil || !proto.Equal(got, m.blocks[n]) {
			t.Fatalf("block %d differs (%v)", n, err)
		}
		byHash, err := c.BlockByHash(block.HeaderHash(got.Header))
		if err != nil || !proto.Equal(byHash, got) {
			t.Fatalf("block %d by hash differs (%v)", n, err)
		}
	}
	if h > 0 && !bytes.Equal(c.CommitHash(), m.commits[h-1]) {
		t.Fatalf("commit hash %x at height %d, want %x", c.CommitHash(), h, m.commits[h-1])
	}
	for id, want := range m.txs {
		got, err := c.Tx(id)
		if want.Block < h && (err != nil || got != want) {
			t.Fatalf("transaction %s is at %+v (%v), want %+v", id, got, err, want)
		}
		if has, err := c.HasTx(id); has != (want.Block < h) || err != nil {
			t.Fatalf("transaction %s is there: %v (%v)", id, has, err)
		}
	}
	m.checkFindings(t, c)
	s := c.Snapshot()
	defer s.Close()
	m.checkState(t, s)
	m.checkHistory(t, s)
}

// checkFindings: a finding may be lost, but is never another one.
func (m *model) checkFindings(t fataler, c *Chain) (lost int) {
	t.Helper()
	for n, b := range m.blocks {
		for i := range b.Data.Data {
			got, err := c.Finding(uint64(n), i)
			if errors.Is(err, ErrNotFound) {
				if m.findings[ledger.Version{Block: uint64(n), Tx: uint64(i)}] != nil && uint64(n) < c.Height() {
					lost++
				}
				continue
			}
			if want := m.findings[ledger.Version{Block: uint64(n), Tx: uint64(i)}]; err != nil || !reflect.DeepEqual(got, want) {
				t.Fatalf("finding of transaction %d of block %d is %+v (%v), want %+v", i, n, got, err, want)
			}
		}
	}
	return lost
}

// checkState compares a snapshot, by Get, Entry and Range, with the model.
func (m *model) checkState(t fataler, s *Snapshot) {
	t.Helper()
	want := m.states[s.Height()]
	if ever := slices.ContainsFunc(m.states[:s.Height()+1], describes); s.Height() > 0 && s.NoMetadata() == ever {
		t.Fatalf("no metadata %v at height %d, though %v that a key ever had some", s.NoMetadata(), s.Height(), ever)
	}
	for _, ns := range modelNames {
		for _, collection := range modelCollections {
			for _, key := range []string{"config", "k0", "k1", "k2", "k3", "k4", "k5", "k6", "k7", "k8", "k9", "absent"} {
				got, err := s.Entry(ns, collection, key)
				w, there := want[place{ns, collection, key}]
				if err != nil || (got != nil) != there || there && !reflect.DeepEqual(*got, w) {
					t.Fatalf("%q %q %s is %+v (%v) at height %d, want %+v", ns, collection, key, got, err, s.Height(), w)
				}
			}
		}
		m.checkRange(t, s, ns)
	}
}

func (m *model) checkRange(t fataler, s *Snapshot, ns string) {
	t.Helper()
	want, found := m.states[s.Height()], 0
	it, err := s.Range(ns, "", "")
	if err != nil {
		t.Fatalf("range: %v", err)
	}
	for it.Next() {
		found++
		kv, w := it.KV(), want[place{ns, "", it.KV().Key}]
		value, version, err := s.Get(ns, kv.Key)
		if !bytes.Equal(kv.Value, w.Value) || kv.Version != w.Version || err != nil || !bytes.Equal(value, w.Value) || *version != w.Version {
			t.Fatalf("%q %s is %v at %v, want %v", ns, kv.Key, kv, version, w)
		}
	}
	if err := errors.Join(it.Err(), it.Close()); err != nil {
		t.Fatalf("range: %v", err)
	}
	for p := range want {
		if p.ns == ns && p.collection == "" {
			found--
		}
	}
	if found != 0 {
		t.Fatalf("%d keys too many in %q at height %d", found, ns, s.Height())
	}
}

func (m *model) checkHistory(t fataler, s *Snapshot) {
	t.Helper()
	for p, all := range m.history {
		it, err := s.History(p.ns, p.key)
		if err != nil {
			t.Fatalf("history: %v", err)
		}
		for i := len(all) - 1; i >= 0; i-- {
			if all[i].Version.Block >= s.Height() {
				continue
			}
			if !it.Next() {
				t.Fatalf("history of %v lacks %+v (%v)", p, all[i], it.Err())
			}
			got, want := it.Modification(), all[i]
			if !proto.Equal(got.Timestamp, want.Timestamp) {
				t.Fatalf("timestamp %v, want %v", got.Timestamp, want.Timestamp)
			}
			if got.Timestamp, want.Timestamp = nil, nil; !reflect.DeepEqual(got, want) {
				t.Fatalf("history of %v has %+v, want %+v", p, got, want)
			}
		}
		if it.Next() || it.Err() != nil {
			t.Fatalf("history of %v has %+v too (%v)", p, it.Modification(), it.Err())
		}
		if err := it.Close(); err != nil {
			t.Fatalf("history: %v", err)
		}
	}
}

type fataler interface {
	Helper()
	Fatalf(string, ...any)
}

var _ fataler = (*testing.T)(nil)

func blockHash(b *common.Block) []byte { return block.HeaderHash(b.Header) }
func isConfig(b *common.Block) bool    { return block.IsConfig(b) }
