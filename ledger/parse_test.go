package ledger_test

import (
	"crypto/sha256"
	"testing"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/ledger/rwset"
	"github.com/hyperledger/fabric-protos-go-apiv2/ledger/rwset/kvrwset"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"github.com/weft-network/weft/ledger"
	"google.golang.org/protobuf/proto"
)

// transfer is the envelope of a transaction of chaincode marbles that read
// marble1 at version (4, 0) and wrote it, as a client assembles one.
func transfer(tb testing.TB) []byte {
	raw := func(m proto.Message) []byte {
		b, err := proto.Marshal(m)
		if err != nil {
			tb.Fatal(err)
		}
		return b
	}
	id := &peer.ChaincodeID{Name: "marbles"}
	header := &common.Header{
		ChannelHeader: raw(&common.ChannelHeader{
			Type: int32(common.HeaderType_ENDORSER_TRANSACTION), ChannelId: "mychannel", TxId: "709184f9d24f6ade8fcd4d6521a6eef295fef6c2e67216c58b68ac15e8946492",
			Extension: raw(&peer.ChaincodeHeaderExtension{ChaincodeId: id}),
		}),
		SignatureHeader: raw(&common.SignatureHeader{Creator: []byte("creator"), Nonce: []byte("nonce")}),
	}
	set := &rwset.TxReadWriteSet{NsRwset: []*rwset.NsReadWriteSet{
		{Namespace: "_lifecycle", Rwset: raw(&kvrwset.KVRWSet{Reads: []*kvrwset.KVRead{
			{Key: "namespaces/fields/marbles/Sequence", Version: &kvrwset.Version{BlockNum: 2}},
		}})},
		{Namespace: "marbles", Rwset: raw(&kvrwset.KVRWSet{
			Reads:  []*kvrwset.KVRead{{Key: "marble1", Version: &kvrwset.Version{BlockNum: 4}}},
			Writes: []*kvrwset.KVWrite{{Key: "marble1", Value: []byte(`{"owner":"jerry"}`)}},
		})},
	}}
	proposal := raw(&peer.ChaincodeProposalPayload{Input: raw(&peer.ChaincodeInvocationSpec{ChaincodeSpec: &peer.ChaincodeSpec{ChaincodeId: id}})})
	sum := sha256.New()
	for _, part := range [][]byte{header.ChannelHeader, header.SignatureHeader, proposal} {
		sum.Write(part)
	}
	response := raw(&peer.ProposalResponsePayload{
		ProposalHash: sum.Sum(nil),
		Extension: raw(&peer.ChaincodeAction{
			Results: raw(set), Response: &peer.Response{Status: 200}, ChaincodeId: &peer.ChaincodeID{Name: "marbles", Version: "1"},
		}),
	})
	action := raw(&peer.ChaincodeActionPayload{
		ChaincodeProposalPayload: proposal,
		Action: &peer.ChaincodeEndorsedAction{
			ProposalResponsePayload: response,
			Endorsements:            []*peer.Endorsement{{Endorser: []byte("endorser"), Signature: []byte("signature")}},
		},
	})
	tx := raw(&peer.Transaction{Actions: []*peer.TransactionAction{{Header: header.SignatureHeader, Payload: action}}})
	return raw(&common.Envelope{Payload: raw(&common.Payload{Header: header, Data: tx}), Signature: []byte("signature")})
}

func TestATransactionIsParsedAsItWasAssembled(t *testing.T) {
	tx := ledger.ParseTx(transfer(t))
	if tx.Rule != 0 || tx.Code != peer.TxValidationCode_NOT_VALIDATED {
		t.Fatalf("rule %d: %s: %s", tx.Rule, tx.Code, tx.Why)
	}
	if tx.Chaincode() != "marbles" || tx.ChannelHeader.ChannelId != "mychannel" || len(tx.Endorsements) != 1 {
		t.Errorf("chaincode %q on %q with %d endorsements", tx.Chaincode(), tx.ChannelHeader.ChannelId, len(tx.Endorsements))
	}
	marbles := tx.RWSet.Namespaces[1]
	if want := (ledger.Version{Block: 4}); marbles.Namespace != "marbles" || *marbles.Reads[0].Version != want {
		t.Errorf("read of %q at %v", marbles.Namespace, marbles.Reads[0].Version)
	}
	if w := marbles.Writes[0]; w.Key != "marble1" || w.Delete || len(w.Value) == 0 {
		t.Errorf("write %+v", w)
	}
}

func TestABlockWithoutHeaderOrTransactionsIsNotParsed(t *testing.T) {
	for _, b := range []*common.Block{nil, {}, {Header: &common.BlockHeader{}}, {Header: &common.BlockHeader{}, Data: &common.BlockData{}}} {
		if _, err := ledger.ParseBlock(b); err == nil {
			t.Errorf("parsed %v", b)
		}
	}
}

// Whatever the bytes are, parsing ends with a code or with everything that the
// later rules read.
func FuzzParseTx(f *testing.F) {
	f.Add(transfer(f))
	f.Add([]byte{})
	for _, typ := range []common.HeaderType{common.HeaderType_CONFIG, common.HeaderType_CONFIG_UPDATE, common.HeaderType_ENDORSER_TRANSACTION} {
		ch, _ := proto.Marshal(&common.ChannelHeader{Type: int32(typ)})
		sh, _ := proto.Marshal(&common.SignatureHeader{Creator: []byte("c"), Nonce: []byte("n")})
		payload, _ := proto.Marshal(&common.Payload{Header: &common.Header{ChannelHeader: ch, SignatureHeader: sh}})
		env, _ := proto.Marshal(&common.Envelope{Payload: payload})
		f.Add(env)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		tx := ledger.ParseTx(raw)
		switch {
		case tx.Rule != 0:
			if tx.Code == peer.TxValidationCode_NOT_VALIDATED || tx.Code == peer.TxValidationCode_VALID || tx.Why == "" {
				t.Fatalf("rule %d gave %s, %q", tx.Rule, tx.Code, tx.Why)
			}
		case tx.IsConfig():
			if tx.Payload.Data == nil {
				t.Fatal("a configuration without data passed")
			}
		case !tx.IsEndorser() || tx.RWSet == nil || tx.Action == nil || tx.Extension == nil || tx.Response == nil || tx.Chaincode() == "":
			t.Fatalf("passed with parts missing: %+v", tx)
		}
		if tx.Rule >= ledger.RuleCreator && (tx.ChannelHeader == nil || tx.SignatureHeader == nil) {
			t.Fatalf("rule %d without headers", tx.Rule)
		}
	})
}
