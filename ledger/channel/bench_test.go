package channel_test

import (
	"testing"

	"github.com/weft-network/weft/ledger/channel"
	"github.com/weft-network/weft/ledger/channel/channeltest"
)

func BenchmarkFromBlock(b *testing.B) {
	o, peers := orgs(b, "Org1", "Org2")
	g := channeltest.Genesis(b, "channel1", o, peers)
	for b.Loop() {
		if _, err := channel.FromBlock(g); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkJSON(b *testing.B) {
	o, peers := orgs(b, "Org1", "Org2")
	g := channeltest.Genesis(b, "channel1", o, peers)
	for b.Loop() {
		if _, err := channel.JSON(g); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkNext(b *testing.B) {
	n := newTestnet(b)
	env := channeltest.Next(b, n.Config, n.batchOfTen, n.admin)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := n.Next(env); err != nil {
			b.Fatal(err)
		}
	}
}
