package validate

import (
	"runtime"
	"strings"
	"testing"

	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"github.com/weft-network/weft/ledger/ledgertest"
)

// Any member can cause findings; they stay small.
func TestFindingsAreBounded(t *testing.T) {
	p := newPeer(t, ccOfBoth)
	long := strings.Repeat("k", 100_000)
	set, ns := cc()
	ns.Read(long, ledgertest.At(9, 9))
	if f := p.commits(conflict)(p.call(set, org1, org2)); len(f.Text) > 1000 || f.Key != long {
		t.Errorf("a text of %d bytes, a key of %d", len(f.Text), len(f.Key))
	}
	set, _ = cc()
	set.NS(long).Write("k", "1")
	if f := p.commits(badCode)(p.call(set, org1, org2)); len(f.Text) > maxText+3 {
		t.Errorf("a text of %d bytes", len(f.Text))
	}
	set, _ = cc()
	set.Again(long)
	set.Again(long)
	if f := p.commits(peer.TxValidationCode_ILLEGAL_WRITESET)(p.call(set, org1, org2)); len(f.Text) > maxText+3 {
		t.Errorf("a text of %d bytes", len(f.Text))
	}
	// A policy of a thousand members, and a text about it.
	words := "OutOf(1" + strings.Repeat(",'Org3MSP.peer'", 1000) + ")"
	set, ns = cc()
	ns.Write("k", "1").Metadata("k", ledgertest.ValidationParameter(p.own(words)))
	p.commits(valid)(p.call(set, org1, org2))
	if f := p.commits(tooFew)(p.call(write("k", "2"), org1)); len(f.Policy) > maxWords+3 || len(f.Text) > 4000 {
		t.Errorf("a policy of %d bytes, a text of %d", len(f.Policy), len(f.Text))
	}
}

func TestAFewPoliciesOfABlockAreSearchedForTheirWays(t *testing.T) {
	p := newPeer(t, ccOfBoth)
	set, ns := cc()
	var calls [][]byte
	for i := range maxSearches + 2 {
		key := string(rune('a' + i))
		ns.Write(key, "1").Metadata(key, ledgertest.ValidationParameter(p.own("OutOf(1,"+strings.Repeat("'Org3MSP.peer',", i)+"'Org3MSP.peer')")))
		calls = append(calls, p.call(write(key, "2"), org1))
	}
	p.commits(valid)(p.call(set, org1, org2))
	r := p.commit(calls...)
	for i, f := range r.Findings {
		if want := i < maxSearches; f.Code != tooFew || (len(f.Missing) > 0) != want {
			t.Errorf("transaction %d: %+v", i, f)
		}
	}
}

// Nobody's signature is worth memory in proportion to the message.
func TestManyEndorsementsOfALargeResponseAreCheap(t *testing.T) {
	p := newPeer(t, ccOfBoth)
	set, ns := cc()
	ns.Write("k", strings.Repeat("v", 1<<20))
	envelope := p.Tx(ledgertest.Tx{Chaincode: "cc", Set: set, Endorsers: p.Peers(), Endorsed: func(c *peer.ChaincodeActionPayload) {
		for range 100_000 {
			c.Action.Endorsements = append(c.Action.Endorsements, &peer.Endorsement{})
		}
	}})
	b := p.Parse(p.blocks.Peek(envelope))
	before := allocated()
	if r, err := p.finish(b); err != nil || r.Codes[0] != valid {
		t.Fatal(err)
	}
	if bytes := allocated() - before; bytes > 64<<20 {
		t.Errorf("checking them allocates %d bytes", bytes)
	}
}

func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}
