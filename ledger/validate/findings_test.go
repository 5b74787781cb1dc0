package validate

import (
	"slices"
	"testing"

	"github.com/weft-network/weft/ledger"
	"github.com/weft-network/weft/ledger/ident"
	"github.com/weft-network/weft/ledger/ledgertest"
)

func TestAFindingNamesTheKeyAndBothVersionsOrTheRange(t *testing.T) {
	p := newPeer(t, ccOfBoth)
	p.commits(valid)(p.call(write("k", "1"), org1, org2))

	set, ns := cc()
	ns.Read("k", ledgertest.At(1, 7))
	f := p.commits(conflict)(p.call(set, org1, org2))
	if f.Code != conflict || f.Namespace != "cc" || f.Key != "k" || *f.Read != (ledger.Version{Block: 1, Tx: 7}) || *f.Found != (ledger.Version{Block: 2}) {
		t.Errorf("a stale read: %+v", f)
	}
	set, ns = cc()
	ns.Read("gone", ledgertest.At(1, 7))
	if f = p.commits(conflict)(p.call(set, org1, org2)); f.Key != "gone" || f.Found != nil {
		t.Errorf("a key that is gone: %+v", f)
	}
	set, ns = cc()
	ns.Read("k", ledgertest.At(2, 0))
	f = p.commits(valid, valid, conflict)(p.call(write("x", "1"), org1, org2), p.call(write("k", "2"), org1, org2), p.call(set, org1, org2))
	if *f.Found != (ledger.Version{Block: 5, Tx: 1}) {
		t.Errorf("written in the block: %+v", f)
	}
	set, ns = cc()
	ns.Range("a", "z")
	f = p.commits(phantomRead)(p.call(set, org1, org2))
	if f.Namespace != "cc" || f.Range == nil || *f.Range != (ledger.FindingRange{Start: "a", End: "z"}) {
		t.Errorf("a phantom: %+v", f)
	}
	call := p.call(write("k", "3"), org1, org2)
	if f = p.commits(valid, duplicate)(call, call); f.Code != duplicate || f.Text == "" {
		t.Errorf("a duplicate: %+v", f)
	}
}

func TestAFindingNamesTheNearestWayToSatisfyThePolicy(t *testing.T) {
	p := newPeer(t,
		ledgertest.Definition{Name: "majority", Policy: "/Channel/Application/Endorsement"},
		ledgertest.Definition{Name: "outof", Policy: "OutOf(2,'Org1MSP.peer','Org2MSP.peer','Org3MSP.peer')"},
		ledgertest.Definition{Name: "admin", Policy: "OR('Org1MSP.admin')"},
	)
	for _, c := range []struct {
		chaincode       string
		by              []ident.Signer
		policy          string
		signed, missing []string
	}{
		{"majority", []ident.Signer{p.Peer(org2)}, "/Channel/Application/Endorsement", []string{"Org2MSP"}, []string{"Org1MSP"}},
		{"outof", []ident.Signer{p.Peer(org3)}, "OutOf(2, 'Org1MSP.peer', 'Org2MSP.peer', 'Org3MSP.peer')", []string{"Org3MSP"}, []string{"Org1MSP"}},
		{"outof", []ident.Signer{}, "OutOf(2, 'Org1MSP.peer', 'Org2MSP.peer', 'Org3MSP.peer')", nil, []string{"Org1MSP", "Org2MSP"}},
		// Somebody of the organisation is not its peer.
		{"outof", []ident.Signer{p.Client(org1), p.Peer(org2)}, "OutOf(2, 'Org1MSP.peer', 'Org2MSP.peer', 'Org3MSP.peer')", []string{"Org1MSP", "Org2MSP"}, []string{"Org1MSP"}},
		// What no peer can satisfy has no way.
		{"admin", []ident.Signer{p.Peer(org1)}, "OR('Org1MSP.admin')", []string{"Org1MSP"}, nil},
	} {
		f := p.commits(tooFew)(p.Tx(ledgertest.Tx{Chaincode: c.chaincode, Endorsers: c.by}))
		if f.Policy != c.policy || f.Namespace != c.chaincode || !slices.Equal(f.Signed, c.signed) || !slices.Equal(f.Missing, c.missing) {
			t.Errorf("%s: %+v", c.chaincode, f)
		}
	}
}
