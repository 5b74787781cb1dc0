package validate

import (
	"slices"
	"strings"
	"testing"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/ledger/rwset/kvrwset"
	"github.com/weft-network/weft/ledger"
	"github.com/weft-network/weft/ledger/definition"
	"github.com/weft-network/weft/ledger/ledgertest"
)

var ccOfBoth = ledgertest.Definition{Name: "cc", Policy: both}

// Rule 15, by Fabric's core/common/validation/statebased.
func TestAKeysOwnPolicyStandsInForThatOfTheChaincode(t *testing.T) {
	p := newPeer(t, ccOfBoth)
	p.commits(valid)(p.call(write("k", "1"), org1, org2))
	p.commits(valid)(p.call(describes("k", p.own("OR('Org3MSP.peer')")), org1, org2))

	p.commits(valid)(p.call(write("k", "2"), org3))
	f := p.commits(tooFew)(p.call(write("k", "3"), org1, org2))
	if f.Key != "k" || f.Policy != "OR('Org3MSP.peer')" || !slices.Equal(f.Signed, []string{"Org1MSP", "Org2MSP"}) || !slices.Equal(f.Missing, []string{"Org3MSP"}) {
		t.Errorf("%+v", f)
	}
	// The policy guards the key's value, its deletion and itself; reading is free.
	p.commits(tooFew)(p.call(write("k", ""), org1, org2))
	p.commits(tooFew)(p.call(describes("k", nil), org1, org2))
	set, ns := cc()
	ns.Read("k", ledgertest.At(4, 0))
	p.commits(valid)(p.call(set, org1, org2))
	// Other keys are under the chaincode's, also beside this one.
	set, ns = cc()
	ns.Write("k", "4").Write("other", "4")
	f = p.commits(tooFew)(p.call(set, org3))
	if f.Key != "" || f.Policy != "AND('Org1MSP.peer', 'Org2MSP.peer')" || !slices.Equal(f.Missing, []string{"Org1MSP", "Org2MSP"}) {
		t.Errorf("%+v", f)
	}
	p.commits(valid)(p.call(set, org1, org2, org3))
	// Without metadata the chaincode's policy holds again.
	p.commits(valid)(p.call(describes("k", nil), org3))
	p.commits(tooFew)(p.call(write("k", "5"), org3))
}

func TestAValueAloneKeepsTheMetadataAndADeleteRemovesIt(t *testing.T) {
	p := newPeer(t, ccOfBoth)
	p.commits(valid)(p.call(write("k", "1"), org1, org2))
	p.commits(valid)(p.call(describes("k", p.own("OR('Org3MSP.peer')")), org1, org2))
	p.commits(valid)(p.call(write("k", "2"), org3))
	p.commits(tooFew)(p.call(write("k", "3"), org1, org2)) // still there
	p.commits(valid)(p.call(write("k", ""), org3))
	p.commits(valid)(p.call(write("k", "4"), org1, org2)) // gone with the key
	p.commits(tooFew)(p.call(write("k", "5"), org3))
}

func TestMetadataAloneChangesAPresentKeysVersionAndNothingOfAnAbsentOne(t *testing.T) {
	p := newPeer(t, ccOfBoth)
	p.commits(valid)(p.call(write("k", "1"), org1, org2))
	r := p.commit(p.call(describes("k", p.own(both)), org1, org2))
	if len(r.Updates) != 1 || string(r.Updates[0].Value) != "1" || r.Updates[0].Version != (ledger.Version{Block: 3}) {
		t.Errorf("of a present key: %+v", r.Updates)
	}
	set, ns := cc()
	ns.Read("k", ledgertest.At(2, 0))
	p.commits(conflict)(p.call(set, org1, org2))
	if r := p.commit(p.call(describes("absent", p.own(both)), org1, org2)); len(r.Updates) != 0 {
		t.Errorf("of an absent key: %+v", r.Updates)
	}
	// With a value in the same transaction there is a key to describe.
	set, ns = cc()
	ns.Write("new", "1").Metadata("new", ledgertest.ValidationParameter(p.own("OR('Org3MSP.peer')")))
	p.commits(valid)(p.call(set, org1, org2))
	p.commits(valid)(p.call(write("new", "2"), org3))
}

func TestAPolicyChangedByAnEarlierTransactionOfTheBlockIsNotKnownYet(t *testing.T) {
	p := newPeer(t, ccOfBoth, ledgertest.Definition{Name: "dd", Policy: "OR('Org1MSP.peer')"})
	to3 := describes("k", p.own("OR('Org3MSP.peer')"))
	p.commits(valid)(p.call(write("k", "1"), org1, org2))

	f := p.commits(valid, tooFew)(p.call(describes("k", p.own(both)), org1, org2), p.call(write("k", "2"), org1, org2, org3))
	if f.Key != "k" || *f.Found != (ledger.Version{Block: 3, Tx: 0}) || !strings.Contains(f.Text, "transaction 0") {
		t.Errorf("%+v", f)
	}
	// Before it, and on other keys, nothing changes.
	p.commits(valid, valid, valid)(p.call(write("k", "2"), org1, org2), p.call(to3, org1, org2), p.call(write("other", "2"), org1, org2))
	p.commits(valid)(p.call(describes("k", nil), org3))
	// One that its own policies refuse changes nothing.
	p.commits(tooFew, valid)(p.call(to3, org3), p.call(write("k", "3"), org1, org2))
	// One that is good for this chaincode does, even if another chaincode's
	// policy refuses it, or a read of it is stale, or its id is not its own.
	set, ns := cc()
	ns.Metadata("k", ledgertest.ValidationParameter(p.own("OR('Org3MSP.peer')")))
	set.NS("dd").Write("k", "1")
	set.NS("ee").Write("k", "1")
	p.commits(badCode, tooFew)(p.call(set, org1, org2), p.call(write("k", "4"), org1, org2))
	stale, ns := cc()
	ns.Read("k", nil).Metadata("k", ledgertest.ValidationParameter(p.own("OR('Org3MSP.peer')")))
	p.commits(conflict, tooFew)(p.call(stale, org1, org2), p.call(write("k", "4"), org1, org2))
	first := p.Tx(ledgertest.Tx{Chaincode: "cc", Set: write("x", "1"), Nonce: []byte("n"), Endorsers: p.Peers()})
	second := p.Tx(ledgertest.Tx{Chaincode: "cc", Set: to3, Nonce: []byte("n"), Endorsers: p.Peers()})
	p.commits(valid, duplicate, tooFew)(first, second, p.call(write("k", "4"), org1, org2))
}

func TestAnUnreadableOwnPolicyIsSatisfiedByNobody(t *testing.T) {
	n := ledgertest.New(t, "Org1", "Org2", "Org3")
	for name, policy := range map[string][]byte{
		"garbage":          garbage,
		"no rule":          ledgertest.Encode(&common.SignaturePolicyEnvelope{Version: 0, Identities: nil, Rule: &common.SignaturePolicy{}}),
		"another version":  ledgertest.Encode(&common.SignaturePolicyEnvelope{Version: 1}),
		"a principal less": ledgertest.Encode(&common.SignaturePolicyEnvelope{Rule: &common.SignaturePolicy{Type: &common.SignaturePolicy_SignedBy{SignedBy: 3}}}),
	} {
		p := peerOn(t, n, ccOfBoth)
		set, ns := cc()
		ns.Write("k", "1").Metadata("k", ledgertest.ValidationParameter(policy))
		p.commits(valid)(p.call(set, org1, org2))
		if f := p.commits(tooFew)(p.call(write("k", "2"), org1, org2, org3)); f.Key != "k" {
			t.Errorf("%s: %+v", name, f)
		}
	}
}

func TestAnEmptyOwnPolicyIsNone(t *testing.T) {
	p := newPeer(t, ccOfBoth)
	set, ns := cc()
	ns.Write("k", "1").Metadata("k", ledgertest.ValidationParameter(p.own("OR('Org3MSP.peer')")), ledgertest.ValidationParameter(nil))
	p.commits(valid)(p.call(set, org1, org2))
	p.commits(valid)(p.call(write("k", "2"), org1, org2)) // of several entries the last counts
	set, ns = cc()
	ns.Metadata("k", &kvrwset.KVMetadataEntry{Name: "another", Value: garbage})
	p.commits(valid)(p.call(set, org1, org2))
	p.commits(valid)(p.call(write("k", "3"), org1, org2))
}

func TestMetadataThatThisPeerDidNotWriteHalts(t *testing.T) {
	p := newPeer(t, ccOfBoth)
	p.state.keys[place{"cc", "", "k"}] = entryOf("v", garbage)
	if r, err := p.finish(p.Parse(p.blocks.Peek(p.call(write("k", "1"), org1, org2)))); err == nil {
		t.Error(show(r))
	}
}

// What endorsers sign by hand. Fabric adds up what is done to a key, and reads
// the sum bit by bit (core/ledger/kvledger/txmgmt/validation/tx_ops.go).
func TestAKeyThatStandsTwiceInASetIsWhatFabricMakesOfIt(t *testing.T) {
	n := ledgertest.New(t, "Org1", "Org2", "Org3")
	for name, c := range map[string]struct {
		change func(*ledgertest.Namespace)
		want   string // of the key, which is "old" before
	}{
		"two values are a metadata write":           {func(ns *ledgertest.Namespace) { ns.Write("k", "a").Write("k", "b") }, "old"},
		"three values are a value and metadata":     {func(ns *ledgertest.Namespace) { ns.Write("k", "a").Write("k", "b").Write("k", "c") }, "c"},
		"two deletes delete nothing":                {func(ns *ledgertest.Namespace) { ns.Delete("k").Delete("k") }, "old"},
		"a value and a delete delete":               {func(ns *ledgertest.Namespace) { ns.Delete("k").Write("k", "a") }, ""},
		"a hashed write of no collection is public": {func(ns *ledgertest.Namespace) { ns.Coll("").Set.HashedWrites = hashed("k", "a") }, "a"},
		"and counts with the others":                {func(ns *ledgertest.Namespace) { ns.Write("k", "a").Coll("").Set.HashedWrites = hashed("k", "b") }, "old"},
	} {
		p := peerOn(t, n, ccOfBoth)
		p.commits(valid)(p.call(write("k", "old"), org1, org2))
		set, ns := cc()
		c.change(ns)
		p.commits(valid)(p.call(set, org1, org2))
		got := p.state.keys[place{"cc", "", "k"}]
		if string(got.Value) != c.want || c.want != "" && got.Version.Block != 3 {
			t.Errorf("%s: %q at %v, want %q", name, got.Value, got.Version, c.want)
		}
	}
}

func hashed(key, value string) []*kvrwset.KVWriteHash {
	return []*kvrwset.KVWriteHash{{KeyHash: []byte(key), ValueHash: []byte(value)}}
}

func TestMetadataOfAKeyDeletedInTheBlockIsNothing(t *testing.T) {
	p := newPeer(t, ccOfBoth)
	p.commits(valid)(p.call(write("k", "1"), org1, org2))
	p.commits(valid, valid)(p.call(write("k", ""), org1, org2), p.call(describes("k", p.own(both)), org1, org2))
	if e, ok := p.state.keys[place{"cc", "", "k"}]; ok {
		t.Errorf("%+v", e)
	}
}

func TestDefinitionsAreUnderTheLifecyclePolicy(t *testing.T) {
	p := newPeer(t, ccOfBoth)
	lifecycle := func(set *ledgertest.RWSet, orgs ...int) []byte {
		tx := ledgertest.Tx{Chaincode: definition.Namespace, Version: "syscc", Set: set}
		for _, i := range orgs {
			tx.Endorsers = append(tx.Endorsers, p.Peer(i))
		}
		return p.Tx(tx)
	}
	set := ledgertest.NewRWSet()
	set.NS(definition.Namespace).Write("k", "1")
	f := p.commits(tooFew)(lifecycle(set, org1))
	if f.Policy != "/Channel/Application/LifecycleEndorsement" || len(f.Missing) != 1 {
		t.Errorf("%+v", f)
	}
	p.commits(valid)(lifecycle(set, org1, org2))
}
