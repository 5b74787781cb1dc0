package validate

import (
	"encoding/hex"
	"strings"
	"testing"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/ledger/rwset/kvrwset"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"github.com/weft-network/weft/ledger"
	"github.com/weft-network/weft/ledger/definition"
	"github.com/weft-network/weft/ledger/ident"
	"github.com/weft-network/weft/ledger/ledgertest"
)

// ccWithCollections has a collection under Org3's policy and one under the
// chaincode's.
func ccWithCollections(n *ledgertest.Network) ledgertest.Definition {
	anybody := "OR('Org1MSP.member')"
	empty := n.Collection("empty", anybody, "")
	empty.EndorsementPolicy = &peer.ApplicationPolicy{}
	return ledgertest.Definition{Name: "cc", Policy: both, Collections: []*peer.StaticCollectionConfig{
		n.Collection("own", anybody, "OR('Org3MSP.peer')"),
		n.Collection("plain", anybody, ""),
		n.Collection("dangling", anybody, "/Channel/Application/Nothing"),
		empty,
	}}
}

func newCollections(t *testing.T) *peerOf {
	n := ledgertest.New(t, "Org1", "Org2", "Org3")
	return peerOn(t, n, ccWithCollections(n))
}

func secret(collection, key, value string) *ledgertest.RWSet {
	set, ns := cc()
	ns.Coll(collection).Write(key, value)
	return set
}

// Rule 15, by Fabric's core/common/validation/statebased/v20.go.
func TestACollectionsPolicyStandsInForThatOfTheChaincode(t *testing.T) {
	p := newCollections(t)
	p.commits(valid)(p.call(secret("own", "k", "1"), org3))
	f := p.commits(tooFew)(p.call(secret("own", "k", "2"), org1, org2))
	if f.Collection != "own" || f.Key != "" || len(f.Missing) != 1 || f.Missing[0] != "Org3MSP" {
		t.Errorf("%+v", f)
	}
	for _, chaincodes := range []string{"plain", "empty"} {
		p.commits(valid)(p.call(secret(chaincodes, "k", "1"), org1, org2))
		p.commits(tooFew)(p.call(secret(chaincodes, "k", "2"), org3))
	}
	p.commits(tooFew)(p.call(secret("dangling", "k", "1"), org1, org2, org3))
	f = p.commits(tooFew)(p.call(secret("unknown", "k", "1"), org1, org2, org3))
	if f.Collection != "unknown" || !strings.Contains(f.Text, "no collection") {
		t.Errorf("%+v", f)
	}
	// Each part of a transaction is under its own.
	set, ns := cc()
	ns.Write("k", "1").Coll("own").Write("k", "1")
	p.commits(tooFew)(p.call(set, org3))
	p.commits(tooFew)(p.call(set, org1, org2))
	p.commits(valid)(p.call(set, org1, org2, org3))
	// Reading a collection is free, so the chaincode's policy holds.
	set, ns = cc()
	ns.Coll("own").Read("none", nil)
	p.commits(tooFew)(p.call(set, org3))
	p.commits(valid)(p.call(set, org1, org2))
}

func TestAPrivateKeysOwnPolicyStandsInForThatOfTheCollection(t *testing.T) {
	p := newCollections(t)
	set, ns := cc()
	ns.Coll("own").Write("k", "1").Metadata("k", ledgertest.ValidationParameter(p.own("OR('Org1MSP.peer')")))
	p.commits(valid)(p.call(set, org3))
	f := p.commits(tooFew)(p.call(secret("own", "k", "2"), org3))
	if f.Key != hex.EncodeToString(ledgertest.Hash("k")) || f.Collection != "own" || f.Policy != "OR('Org1MSP.peer')" {
		t.Errorf("%+v", f)
	}
	p.commits(valid)(p.call(secret("own", "k", "2"), org1))
	p.commits(valid)(p.call(secret("own", "other", "2"), org3))
	// Metadata of a private key is guarded as the key is, and taken back by it.
	set, ns = cc()
	ns.Coll("own").Metadata("k")
	p.commits(tooFew)(p.call(set, org3))
	p.commits(valid, tooFew)(p.call(set, org1), p.call(secret("own", "k", "3"), org3))
	p.commits(valid)(p.call(secret("own", "k", "3"), org3))
	// A public key of the same name is another key.
	p.commits(valid)(p.call(write("k", "1"), org1, org2))
}

func TestImplicitCollectionsAreUnderTheirOrganisationsEndorsementPolicy(t *testing.T) {
	p := newCollections(t)
	if !p.cfg.HasPolicy("/Channel/Application/Org1/Endorsement") {
		t.Fatal("the channel of the test has no such policy")
	}
	p.commits(valid)(p.call(secret(definition.ImplicitCollection("Org1MSP"), "k", "1"), org1))
	f := p.commits(tooFew)(p.call(secret(definition.ImplicitCollection("Org1MSP"), "k", "1"), org2, org3))
	if f.Policy != "/Channel/Application/Org1/Endorsement" || len(f.Missing) != 1 || f.Missing[0] != "Org1MSP" {
		t.Errorf("%+v", f)
	}
	p.commits(tooFew)(p.call(secret(definition.ImplicitCollection("Org9MSP"), "k", "1"), org1, org2, org3))
	// The ordering organisation is of the channel, but has no peers in it.
	p.commits(tooFew)(p.call(secret(definition.ImplicitCollection("OrdererMSP"), "k", "1"), org1, org2, org3))
}

func TestWithoutThatPolicyAnyMemberOfTheOrganisationDoes(t *testing.T) {
	p := newCollections(t)
	envelope, _ := p.ConfigTx(ledgertest.ConfigTx{From: p.cfg.Proto, Edit: func(g *common.ConfigGroup) {
		delete(g.Groups["Application"].Groups["Org1"].Policies, "Endorsement")
	}})
	p.commits(valid)(envelope)
	to := func(s ident.Signer) []byte {
		return p.Tx(ledgertest.Tx{Chaincode: "cc", Set: secret(definition.ImplicitCollection("Org1MSP"), "k", "1"), Endorsers: []ident.Signer{s}})
	}
	p.commits(valid, valid, tooFew)(to(p.Peer(org1)), to(p.Client(org1)), to(p.Peer(org2)))
}

// An approval of a definition: written by the organisation alone, into its own
// collection of _lifecycle (core/chaincode/lifecycle/lifecycle.go).
func TestApprovalsNeedTheirOrganisationOnly(t *testing.T) {
	p := newPeer(t)
	approval := func(collection string, endorser int) []byte {
		set := ledgertest.NewRWSet()
		set.NS(definition.Namespace).Read("namespaces/fields/cc/Sequence", nil).Coll(collection).Write("namespaces/metadata/cc#1", "approved")
		return p.Tx(ledgertest.Tx{Chaincode: definition.Namespace, Version: "syscc", Set: set, Endorsers: []ident.Signer{p.Peer(endorser)}})
	}
	implicit := definition.ImplicitCollection
	p.commits(valid, tooFew, tooFew)(approval(implicit("Org1MSP"), org1), approval(implicit("Org1MSP"), org2), approval("own", org1))
}

// Rules 22 and 23.
func TestPrivateKeysAreComparedByTheirHashes(t *testing.T) {
	p := newCollections(t)
	k := place{"cc", "own", string(ledgertest.Hash("k"))}
	p.commits(valid)(p.call(secret("own", "k", "1"), org3))
	if e := p.state.keys[k]; string(e.Value) != string(ledgertest.Hash("1")) || e.Version != (ledger.Version{Block: 2}) {
		t.Errorf("%+v", e)
	}
	reads := func(at *kvrwset.Version) []byte {
		set, ns := cc()
		ns.Coll("own").Read("k", at)
		return p.call(set, org1, org2)
	}
	p.commits(valid, conflict, conflict)(reads(ledgertest.At(2, 0)), reads(nil), reads(ledgertest.At(1, 0)))
	f := p.commits(valid, conflict)(p.call(secret("own", "k", "2"), org3), reads(ledgertest.At(2, 0)))
	if f.Collection != "own" || f.Key != hex.EncodeToString(ledgertest.Hash("k")) || *f.Found != (ledger.Version{Block: 4}) || *f.Read != (ledger.Version{Block: 2}) {
		t.Errorf("%+v", f)
	}
	for name, w := range map[string]*kvrwset.KVWriteHash{
		"a flag":               {IsDelete: true, ValueHash: []byte("hash")},
		"a purge":              {IsDelete: true, IsPurge: true},
		"an empty hash":        {},
		"the hash of no value": {ValueHash: ledgertest.Hash("")},
	} {
		p.commits(valid)(p.call(secret("own", "k", "1"), org3))
		set, ns := cc()
		w.KeyHash = ledgertest.Hash("k")
		ns.Coll("own").Set.HashedWrites = []*kvrwset.KVWriteHash{w}
		r := p.commit(p.call(set, org3))
		if e, ok := p.state.keys[k]; ok || len(r.Updates) != 1 || !r.Updates[0].Delete {
			t.Errorf("%s: %+v, updates %+v", name, e, r.Updates)
		}
	}
	// The purge flag alone deletes nothing.
	set, ns := cc()
	ns.Coll("own").Set.HashedWrites = []*kvrwset.KVWriteHash{{KeyHash: ledgertest.Hash("k"), ValueHash: ledgertest.Hash("1"), IsPurge: true}}
	p.commits(valid)(p.call(set, org3))
	if _, ok := p.state.keys[k]; !ok {
		t.Error("purged")
	}
}

func TestACollectionWithoutANameHoldsNothing(t *testing.T) {
	p := newCollections(t)
	p.commits(valid)(p.call(write("k", "1"), org1, org2))
	reads := func(at *kvrwset.Version) []byte {
		set, ns := cc()
		ns.Coll("").Set.HashedReads = []*kvrwset.KVReadHash{{KeyHash: []byte("k"), Version: at}}
		return p.call(set, org1, org2)
	}
	p.commits(valid, conflict)(reads(nil), reads(ledgertest.At(2, 0)))
}

// A namespace is judged by what it writes, whatever that is.
func TestEveryWrittenNamespaceIsUnderItsOwnPolicy(t *testing.T) {
	n := ledgertest.New(t, "Org1", "Org2", "Org3")
	p := peerOn(t, n, ccWithCollections(n), ledgertest.Definition{Name: "dd", Policy: "OR('Org3MSP.peer')",
		Collections: []*peer.StaticCollectionConfig{n.Collection("c", "OR('Org1MSP.member')", "")}})
	for name, with := range map[string]func(*ledgertest.Namespace){
		"a write":                   func(ns *ledgertest.Namespace) { ns.Write("k", "1") },
		"metadata":                  func(ns *ledgertest.Namespace) { ns.Metadata("k") },
		"a private write":           func(ns *ledgertest.Namespace) { ns.Coll("c").Write("k", "1") },
		"metadata of a private key": func(ns *ledgertest.Namespace) { ns.Coll("c").Metadata("k") },
	} {
		set, _ := cc()
		with(set.NS("dd"))
		if r := p.commit(p.call(set, org1, org2), p.call(set, org1, org2, org3)); r.Codes[0] != tooFew || r.Codes[1] != valid {
			t.Errorf("%s: %s", name, show(r))
		}
		undefined, _ := cc()
		with(undefined.NS("nowhere"))
		p.commits(badCode)(p.call(undefined, org1, org2, org3))
	}
	set, _ := cc()
	set.NS("dd").Read("k", nil).Range("a", "b").Coll("c").Read("k", nil)
	p.commits(conflict)(p.call(set, org1, org2)) // not under the policy of dd; but k was written
}
