// Package channeltest makes channels for tests: organisations of catest written
// to a folder of the test, and the genesis block made from them the way a user
// makes one. The same organisations give the same bytes.
package channeltest

import (
	"path/filepath"
	"testing"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/weft-network/weft/ledger/channel"
	"github.com/weft-network/weft/ledger/channel/genesis"
	"github.com/weft-network/weft/ledger/ident/catest"
)

// Spec describes a channel with one consenter (orderer0 of the ordering
// organisation, at port 7050) and peer0 of each other organisation as its
// anchor peer, at port 7051. It writes the organisations to a folder of the
// test; the caller may change the Spec before it makes the block.
func Spec(tb testing.TB, id string, orderer *catest.Org, orgs ...*catest.Org) *genesis.Spec {
	tb.Helper()
	dir := tb.TempDir()
	node := orderer.Orderer("orderer0")
	home := write(tb, dir, orderer)
	cert := filepath.Join(home, node.Dir(), "tls", "server.crt")
	s := &genesis.Spec{Channel: id, Dir: dir}
	s.Orderer.Organizations = []genesis.Org{{
		Name: orderer.Spec.Name, MSPID: orderer.Spec.MSPID, MSPDir: filepath.Join(home, "msp"),
		OrdererEndpoints: []string{node.Name + ":7050"},
	}}
	s.Orderer.Consenters = []genesis.Consenter{{
		Host: node.Name, Port: 7050, ClientTLSCert: cert, ServerTLSCert: cert, MSPID: orderer.Spec.MSPID,
	}}
	for _, org := range orgs {
		anchor := org.Peer("peer0").Name + ":7051"
		s.Application.Organizations = append(s.Application.Organizations, genesis.Org{
			Name: org.Spec.Name, MSPID: org.Spec.MSPID, MSPDir: filepath.Join(write(tb, dir, org), "msp"),
			AnchorPeers: []string{anchor},
		})
	}
	return s
}

// Genesis is the genesis block of Spec, changed by edits.
func Genesis(tb testing.TB, id string, orderer *catest.Org, orgs []*catest.Org, edits ...func(*genesis.Spec)) *common.Block {
	tb.Helper()
	s := Spec(tb, id, orderer, orgs...)
	for _, edit := range edits {
		edit(s)
	}
	b, err := s.Block()
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// Config is the config in the genesis block.
func Config(tb testing.TB, id string, orderer *catest.Org, orgs []*catest.Org, edits ...func(*genesis.Spec)) *channel.Config {
	tb.Helper()
	c, err := channel.FromBlock(Genesis(tb, id, orderer, orgs, edits...))
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

func write(tb testing.TB, dir string, org *catest.Org) string {
	tb.Helper()
	home, err := org.Write(dir)
	if err != nil {
		tb.Fatal(err)
	}
	return home
}
