package chain

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"google.golang.org/protobuf/proto"

	"github.com/weft-network/weft/ledger"
	"github.com/weft-network/weft/ledger/block"
	"github.com/weft-network/weft/ledger/state"
)

// write is what a test transaction carries as its data.
type write struct{ Ns, Key, Value string }

// model is the ledger as a map: what a Chain must say at every height.
type model struct {
	blocks  []*common.Block // as appended, with metadata
	states  []map[string]ledger.KV
	txs     map[string]TxInfo
	commits [][]byte
}

func newModel() *model {
	return &model{txs: map[string]TxInfo{}, states: []map[string]ledger.KV{{}}}
}

func envelope(txID string, typ common.HeaderType, writes []write) []byte {
	ch := must(proto.Marshal(&common.ChannelHeader{Type: int32(typ), TxId: txID, ChannelId: "mychannel"}))
	sh := must(proto.Marshal(&common.SignatureHeader{Creator: []byte("creator"), Nonce: []byte("nonce")}))
	payload := must(proto.Marshal(&common.Payload{
		Header: &common.Header{ChannelHeader: ch, SignatureHeader: sh},
		Data:   must(json.Marshal(writes)),
	}))
	return must(proto.Marshal(&common.Envelope{Payload: payload, Signature: []byte("signature")}))
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// replay is the Options.Replay of tests: the writes of valid transactions.
func replay(b *ledger.Block, _ state.Reader) (state.Batch, error) {
	last := map[[2]string]state.Update{}
	for i, code := range block.Codes(b.Block) {
		if code != peer.TxValidationCode_VALID {
			continue
		}
		var writes []write
		if err := json.Unmarshal(b.Txs[i].Payload.Data, &writes); err != nil {
			return nil, err
		}
		for _, w := range writes {
			last[[2]string{w.Ns, w.Key}] = state.Update{
				Namespace: w.Ns, Key: w.Key, Value: []byte(w.Value), Delete: w.Value == "",
				Version: ledger.Version{Block: b.Header.Number, Tx: uint64(i)},
			}
		}
	}
	var batch state.Batch
	for _, u := range last {
		batch = append(batch, u)
	}
	slices.SortFunc(batch, func(a, b state.Update) int {
		if a.Namespace != b.Namespace {
			return bytes.Compare([]byte(a.Namespace), []byte(b.Namespace))
		}
		return bytes.Compare([]byte(a.Key), []byte(b.Key))
	})
	return batch, nil
}

// nextBlock makes a random block on top of the model: few keys, so that they
// are overwritten and deleted, and transaction ids that sometimes repeat.
func (m *model) nextBlock(rng *rand.Rand) *ledger.Block {
	n := uint64(len(m.blocks))
	var envelopes [][]byte
	var codes []ledger.Code
	if n == 0 || rng.IntN(8) == 0 {
		envelopes = append(envelopes, envelope(fmt.Sprintf("config%d", n), common.HeaderType_CONFIG, []write{{"", "config", fmt.Sprint(n)}}))
		codes = append(codes, peer.TxValidationCode_VALID)
	} else {
		for i := range 1 + rng.IntN(4) {
			txID := fmt.Sprintf("tx%d-%d", n, i)
			if rng.IntN(8) == 0 {
				txID = fmt.Sprintf("tx%d-%d", rng.Uint64N(n+1), 0)
			}
			var writes []write
			for range rng.IntN(4) {
				writes = append(writes, write{
					Ns:    []string{"a", "ab", "b\x00"}[rng.IntN(3)],
					Key:   fmt.Sprintf("k%d", rng.IntN(10)),
					Value: []string{"", "x", string(bytes.Repeat([]byte{'v'}, rng.IntN(3000)))}[rng.IntN(3)],
				})
			}
			envelopes = append(envelopes, envelope(txID, common.HeaderType_ENDORSER_TRANSACTION, writes))
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

// add applies a block that was appended.
func (m *model) add(b *ledger.Block) {
	n := b.Header.Number
	m.blocks = append(m.blocks, proto.Clone(b.Block).(*common.Block))
	next := map[string]ledger.KV{}
	for k, v := range m.states[n] {
		next[k] = v
	}
	for _, u := range must(replay(b, nil)) {
		k := u.Namespace + "|" + u.Key
		if u.Delete {
			delete(next, k)
		} else {
			next[k] = ledger.KV{Key: u.Key, Value: u.Value, Version: u.Version}
		}
	}
	m.states = append(m.states, next)
	for i, tx := range b.Txs {
		if _, ok := m.txs[tx.TxID()]; !ok {
			m.txs[tx.TxID()] = TxInfo{Block: n, Index: i, Code: block.Codes(b.Block)[i]}
		}
	}
	m.commits = append(m.commits, block.CommitHash(b.Block))
}

// check compares a chain of any height up to the model's with the model.
func (m *model) check(t fataler, c *Chain) {
	t.Helper()
	h := c.Height()
	if h > uint64(len(m.blocks)) {
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
	}
	s := c.Snapshot()
	defer s.Close()
	m.checkState(t, s)
}

// checkState compares a snapshot, by Get and by Range, with the model.
func (m *model) checkState(t fataler, s *Snapshot) {
	t.Helper()
	want := m.states[s.Height()]
	found := 0
	for _, ns := range []string{"", "a", "ab", "b\x00"} {
		it, err := s.Range(ns, "", "")
		if err != nil {
			t.Fatalf("range: %v", err)
		}
		for it.Next() {
			found++
			kv, w := it.KV(), want[ns+"|"+it.KV().Key]
			value, version, err := s.Get(ns, kv.Key)
			if !bytes.Equal(kv.Value, w.Value) || kv.Version != w.Version ||
				err != nil || !bytes.Equal(value, w.Value) || *version != w.Version {
				t.Fatalf("%q %s is %v at %v, want %v", ns, kv.Key, kv, version, w)
			}
		}
		if it.Err() != nil {
			t.Fatalf("range: %v", it.Err())
		}
		it.Close()
	}
	if found != len(want) {
		t.Fatalf("%d keys at height %d, want %d", found, s.Height(), len(want))
	}
}

type fataler interface {
	Helper()
	Fatalf(string, ...any)
}

var _ fataler = (*testing.T)(nil)

func blockHash(b *common.Block) []byte { return block.HeaderHash(b.Header) }
func isConfig(b *common.Block) bool    { return block.IsConfig(b) }
