package ledgertest_test

import (
	"testing"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"github.com/weft-network/weft/ledger/block"
	"github.com/weft-network/weft/ledger/channel"
	"github.com/weft-network/weft/ledger/ledgertest"
	"google.golang.org/protobuf/proto"
)

func TestBlocksOfTheBuilderAreThoseOfAnHonestOrderer(t *testing.T) {
	n := ledgertest.New(t)
	blocks, previous := n.Blocks(), n.Genesis
	set := ledgertest.NewRWSet()
	set.NS("cc").Read("a", nil).Write("a", "1").Coll("secret").Write("k", "v")
	config, _ := n.ConfigTx(ledgertest.ConfigTx{From: n.Config.Proto, Edit: func(g *common.ConfigGroup) {
		delete(g.Groups["Application"].Groups, "Org2")
	}})
	for _, envelopes := range [][][]byte{
		{n.Define(ledgertest.Definition{Name: "cc", Policy: "OR('Org1MSP.peer')"})},
		{n.Tx(ledgertest.Tx{Chaincode: "cc", Set: set}), n.Tx(ledgertest.Tx{Chaincode: "cc"})},
		{config},
	} {
		b := n.Parse(blocks.Next(envelopes...))
		err := block.Check(b, previous.Header.Number+1, block.HeaderHash(previous.Header), n.Config.MSPs, n.Config.Policy(channel.BlockValidationPath))
		if err != nil {
			t.Fatal(err)
		}
		for i, tx := range b.Txs {
			if tx.Code != peer.TxValidationCode_NOT_VALIDATED {
				t.Errorf("block %d, transaction %d: %s, %s", b.Header.Number, i, tx.Code, tx.Why)
			}
		}
		previous = b.Block
	}
}

func TestAConfigTransactionWritesNoMoreThanItChanges(t *testing.T) {
	n := ledgertest.New(t, "Org1", "Org2", "Org3")
	var update *common.ConfigUpdate
	_, after := n.ConfigTx(ledgertest.ConfigTx{
		From:   n.Config.Proto,
		Edit:   func(g *common.ConfigGroup) { delete(g.Groups["Application"].Groups, "Org2") },
		Update: func(u *common.ConfigUpdate) { update = proto.Clone(u).(*common.ConfigUpdate) },
	})
	root := update.WriteSet
	app := root.Groups["Application"]
	if root.Version != 0 || len(root.Values) != 0 || len(root.Groups) != 1 || app.Version != 1 || len(app.Groups) != 2 {
		t.Errorf("the write set is %v", root)
	}
	if g := after.ChannelGroup; g.Version != 0 || g.Groups["Application"].Version != 1 || after.Sequence != 1 {
		t.Errorf("the config is at sequence %d, its groups at %d and %d", after.Sequence, g.Version, g.Groups["Application"].Version)
	}
	if _, err := channel.FromConfig(n.Channel, after); err != nil {
		t.Error(err)
	}
}
