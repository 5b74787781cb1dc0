package ledger_test

import (
	"os"
	"testing"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"github.com/weft-network/weft/ledger"
	"google.golang.org/protobuf/proto"
)

// fabricTransfer is the envelope of block 5 of a ledger that Fabric wrote
// (internal/ledgerutil/testdata/sample_prod, Apache-2.0).
func fabricTransfer(tb testing.TB) []byte {
	raw, err := os.ReadFile("testdata/fabric_transfer.tx")
	if err != nil {
		tb.Fatal(err)
	}
	return raw
}

func TestATransactionThatFabricMadeParses(t *testing.T) {
	tx := ledger.ParseTx(fabricTransfer(t))
	if tx.Rule != 0 || tx.Code != peer.TxValidationCode_NOT_VALIDATED {
		t.Fatalf("rule %d: %s: %s", tx.Rule, tx.Code, tx.Why)
	}
	if tx.Chaincode() != "marbles" || tx.ChannelHeader.ChannelId != "mychannel" || len(tx.Endorsements) == 0 {
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
	f.Add(fabricTransfer(f))
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
