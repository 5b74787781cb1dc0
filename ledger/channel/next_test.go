package channel_test

import (
	"slices"
	"testing"

	"github.com/weft-network/weft/ledger/channel"
	"github.com/weft-network/weft/ledger/channel/channeltest"
	"github.com/weft-network/weft/ledger/ident/catest"
	"google.golang.org/protobuf/proto"
)

// testnet is a channel of two organisations, and those who may change it.
type testnet struct {
	*channel.Config
	orderer *catest.Org
	peers   []*catest.Org
}

func newTestnet(tb testing.TB) testnet {
	o, peers := orgs(tb, "Org1", "Org2")
	return testnet{channeltest.Config(tb, "channel1", o, peers), o, peers}
}

func TestAnAuthorisedUpdateBecomesTheNextConfig(t *testing.T) {
	n := newTestnet(t)
	admin := n.orderer.Admin("Admin")
	update := channeltest.Update(t, n.Config, channeltest.BatchSize(t, 7), admin)
	made, err := n.Update(update)
	if err != nil {
		t.Fatal(err)
	}
	if want := channeltest.Next(t, n.Config, channeltest.BatchSize(t, 7), admin); !proto.Equal(made, want) {
		t.Fatalf("the library makes %v", want)
	}
	next, err := n.Next(made)
	if err != nil {
		t.Fatal(err)
	}
	if next.Sequence != 1 || next.Batch.MaxMessageCount != 7 || n.Batch.MaxMessageCount != 500 {
		t.Errorf("config %d with blocks of %d, before %d", next.Sequence, next.Batch.MaxMessageCount, n.Batch.MaxMessageCount)
	}
	if !slices.Equal(next.MSPs.IDs(), n.MSPs.IDs()) || next.MSPs.MSP("Org1MSP") != n.MSPs.MSP("Org1MSP") {
		t.Error("an organisation that did not change was read again")
	}
}
