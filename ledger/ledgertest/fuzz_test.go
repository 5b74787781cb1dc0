package ledgertest_test

import (
	"bytes"
	"crypto/sha256"
	"slices"
	"testing"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"github.com/weft-network/weft/ledger"
	"github.com/weft-network/weft/ledger/block"
	"github.com/weft-network/weft/ledger/ledgertest"
	"github.com/weft-network/weft/ledger/ledgertest/modeltest"
	"google.golang.org/protobuf/proto"
)

// layers put bytes into a transaction in the place of what belongs there. All
// around them is as it should be, signatures and hashes too.
var layers = []func(*ledgertest.Tx, []byte){
	func(t *ledgertest.Tx, raw []byte) { t.Envelope = always(raw) },
	func(t *ledgertest.Tx, raw []byte) { t.Payload = always(raw) },
	func(t *ledgertest.Tx, raw []byte) { t.Data = always(raw) },
	func(t *ledgertest.Tx, raw []byte) { t.Body = func(b *peer.Transaction) { b.Actions[0].Payload = raw } },
	func(t *ledgertest.Tx, raw []byte) {
		t.Endorsed = func(c *peer.ChaincodeActionPayload) { c.Action.ProposalResponsePayload = raw }
	},
	func(t *ledgertest.Tx, raw []byte) { t.ActionRaw = always(raw) },
	func(t *ledgertest.Tx, raw []byte) { t.Results = always(raw) },
	func(t *ledgertest.Tx, raw []byte) { t.Header = func(c *common.ChannelHeader) { c.Extension = raw } },
}

func always(raw []byte) func([]byte) []byte { return func([]byte) []byte { return raw } }

// stand is a node and a model with one chaincode, on which transactions are
// tried without being committed.
type stand struct{ *history }

func newStand(tb testing.TB) *stand {
	h := newHistory(tb)
	set := ledgertest.NewRWSet()
	set.NS("cc").Write("a", "1").Write("b", "1").Metadata("b", ledgertest.ValidationParameter(ledgertest.Encode(h.n.Policy("OR('Org2MSP.peer')")))).
		Coll("own").Write("p", "1")
	for _, raw := range [][]byte{
		h.n.Define(ledgertest.Definition{Name: "cc", Policy: "AND('Org1MSP.peer', 'Org2MSP.peer')", Collections: []*peer.StaticCollectionConfig{
			h.n.Collection("own", "OR('Org1MSP.member')", "OR('Org1MSP.peer')"),
		}}),
		h.n.Tx(ledgertest.Tx{Chaincode: "cc", Set: set}),
	} {
		if d := h.give(content{envelopes: [][]byte{raw}}, 1); d != "" {
			tb.Fatal(d)
		}
	}
	return &stand{h}
}

// try says where node and model differ about a block of one transaction.
func (s *stand) try(tb testing.TB, raw []byte) {
	b := s.blocks.Peek(raw)
	_, r, _, halt := s.p.judge(b, 1, true)
	want := s.m.Clone().Commit(b, modeltest.Facts{Trusted: true, BadConfig: true})
	switch {
	case (halt != nil) != (want.Halt != nil):
		tb.Fatalf("%x\nhalted the ledger: %v, the model: %v", raw, halt, want.Halt)
	case halt == nil && r.Codes[0] != want.Codes[0]:
		tb.Fatalf("%x\nis %s (%+v), in the model %s", raw, r.Codes[0], r.Findings[0], want.Codes[0])
	}
}

// Whatever stands in the place of a part of a transaction, the ledger and the
// model give it the same code.
func FuzzTransaction(f *testing.F) {
	s := newStand(f)
	set := ledgertest.NewRWSet()
	set.NS("cc").Read("a", ledgertest.At(2, 0)).Write("a", "2").Range("a", "c").Coll("own").Read("p", ledgertest.At(2, 0)).Delete("p")
	tx := ledgertest.Tx{Chaincode: "cc", Set: set, Nonce: []byte("n")}
	for layer := range layers {
		f.Add(uint8(layer), s.part(tx, layer))
		f.Add(uint8(layer), []byte{})
	}
	f.Fuzz(func(t *testing.T, layer uint8, raw []byte) {
		tx := tx
		layers[int(layer)%len(layers)](&tx, raw)
		s.try(t, s.n.Tx(tx))
	})
}

// part is what stands in a layer of a transaction.
func (s *stand) part(tx ledgertest.Tx, layer int) (part []byte) {
	keep := func(raw []byte) []byte { part = bytes.Clone(raw); return raw }
	switch layer {
	case 0:
		tx.Envelope = keep
	case 1:
		tx.Payload = keep
	case 2:
		tx.Data = keep
	case 3:
		tx.Body = func(b *peer.Transaction) { keep(b.Actions[0].Payload) }
	case 4:
		tx.Endorsed = func(c *peer.ChaincodeActionPayload) { keep(c.Action.ProposalResponsePayload) }
	case 5:
		tx.ActionRaw = keep
	case 6:
		tx.Results = keep
	case 7:
		tx.Header = func(c *common.ChannelHeader) { keep(c.Extension) }
	}
	s.n.Tx(tx)
	return part
}

// Of all ways to cut the same bytes into transactions, at most one makes a block
// that is not refused: blocks with equal hashes hold equal transactions.
func FuzzCuts(f *testing.F) {
	n := ledgertest.New(f)
	one, two := n.Tx(ledgertest.Tx{Chaincode: "cc"}), small("p", "s")
	f.Add(slices.Concat(two, two, two), uint16(len(two)), uint16(2*len(two)), uint16(3), uint16(4))
	f.Add(slices.Concat(one, two), uint16(len(one)), uint16(0), uint16(len(one)-1), uint16(0))
	f.Add(slices.Concat(two, []byte{0x7a, byte(len(two))}, two), uint16(len(two)), uint16(0), uint16(len(two)+2), uint16(0))
	f.Fuzz(func(t *testing.T, raw []byte, a, b, c, d uint16) {
		first, second := cut(raw, int(a), int(b)), cut(raw, int(c), int(d))
		if !slices.EqualFunc(first, second, bytes.Equal) && accepted(first) && accepted(second) {
			t.Fatalf("%x and %x are both accepted, with one hash", first, second)
		}
	})
}

// small is an envelope of a few bytes.
func small(payload, signature string) []byte {
	return ledgertest.Encode(&common.Envelope{Payload: []byte(payload), Signature: []byte(signature)})
}

// cut cuts at those places that there are.
func cut(raw []byte, places ...int) [][]byte {
	slices.Sort(places)
	var parts [][]byte
	last := 0
	for _, at := range append(places, len(raw)) {
		if at > last && at <= len(raw) {
			parts, last = append(parts, raw[last:at]), at
		}
	}
	return parts
}

// accepted is what a peer says of a block with a good header and signature.
func accepted(envelopes [][]byte) bool {
	if len(envelopes) == 0 {
		return false
	}
	b := block.New(7, []byte("previous"), envelopes)
	parsed, err := ledger.ParseBlock(b)
	return err == nil && block.Check(parsed, 7, []byte("previous"), nil, nil) == nil
}

// Whatever a block's bytes are: what was read from them and written again reads
// as the same block, and what is accepted has the hash of its data.
func FuzzBlock(f *testing.F) {
	n := ledgertest.New(f)
	config, _ := n.ConfigTx(ledgertest.ConfigTx{From: n.Config.Proto, Edit: func(g *common.ConfigGroup) { delete(g.Groups["Application"].Groups, "Org2") }})
	f.Add(ledgertest.Encode(n.Blocks().Next(n.Tx(ledgertest.Tx{Chaincode: "cc"}), small("p", "s"))))
	f.Add(ledgertest.Encode(block.New(1, nil, [][]byte{config[:200]})))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, raw []byte) {
		b := &common.Block{}
		if proto.Unmarshal(raw, b) != nil {
			return
		}
		again := &common.Block{}
		if err := proto.Unmarshal(ledgertest.Encode(b), again); err != nil || !proto.Equal(b, again) {
			t.Fatalf("%x is another block when written and read again: %v", raw, err)
		}
		parsed, err := ledger.ParseBlock(b)
		if err != nil || block.Check(parsed, b.Header.Number, b.Header.PreviousHash, nil, nil) != nil {
			return
		}
		sum := sha256.Sum256(bytes.Join(b.Data.Data, nil))
		if !bytes.Equal(sum[:], b.Header.DataHash) || len(parsed.Txs) != len(b.Data.Data) {
			t.Fatalf("%x is accepted", raw)
		}
		if !block.IsConfig(b) {
			for _, e := range b.Data.Data {
				env := &common.Envelope{}
				if err := proto.Unmarshal(e, env); err != nil || !bytes.Equal(ledgertest.Encode(env), e) {
					t.Fatalf("%x is accepted with the envelope %x", raw, e)
				}
			}
		}
	})
}
