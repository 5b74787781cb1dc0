package audit_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/hyperledger/fabric-protos-go-apiv2/ledger/rwset/kvrwset"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"

	"github.com/weft-network/weft/ledger/audit"
	"github.com/weft-network/weft/ledger/chain"
	"github.com/weft-network/weft/ledger/ledgertest"
	"github.com/weft-network/weft/ledger/validate"
)

// idAt is the id of a transaction of a committed block.
func (n *node) idAt(number uint64, index int) string {
	n.t.Helper()
	b, err := n.chain.Block(number)
	n.check(err)
	return n.net.Parse(b).Txs[index].TxID()
}

func (n *node) explain(number uint64, index int) *audit.Explanation {
	n.t.Helper()
	e, err := audit.Explain(n.chain, n.idAt(number, index))
	n.check(err)
	// As it comes to a client.
	raw, err := json.Marshal(e)
	n.check(err)
	again := &audit.Explanation{}
	n.check(json.Unmarshal(raw, again))
	if !reflect.DeepEqual(e, again) {
		n.t.Errorf("%s is not %+v", raw, e)
	}
	return again
}

func TestAConflictNamesKeyVersionsAndWinner(t *testing.T) {
	n := newNode(t, audit.Peer)
	n.commit(n.net.Define(ledgertest.Definition{Name: "cc", Policy: "OR('Org1MSP.peer')"}))
	n.commit(n.put("a", "1"))
	n.commit(n.put("a", "2", 2, 0), n.put("a", "3", 2, 0)) // the second loses in its block
	n.commit(n.put("a", "4", 2, 0))                        // and this one to an earlier one
	for _, c := range []struct {
		block uint64
		index int
	}{{3, 1}, {4, 0}} {
		e := n.explain(c.block, c.index)
		w := e.Conflict
		if e.Code != peer.TxValidationCode_MVCC_READ_CONFLICT || !e.Kept || w == nil || e.Block != c.block || e.Index != c.index {
			t.Fatalf("%+v", e)
		}
		if w.Namespace != "cc" || string(w.Key) != "a" || *w.Read != (audit.Version{Block: 2}) || *w.Found != (audit.Version{Block: 3}) {
			t.Errorf("the conflict is %+v", w)
		}
		if w.Winner == nil || w.Winner.TxID != n.idAt(3, 0) || w.Winner.Chaincode != "cc" || w.Winner.Function != "put" {
			t.Errorf("the winner is %+v", w.Winner)
		}
	}
}

// Nothing at the key tells who deleted it, but its history does.
func TestAConflictWithADeleteNamesWhoDeleted(t *testing.T) {
	n := newNode(t, audit.Peer)
	n.commit(n.net.Define(ledgertest.Definition{Name: "cc", Policy: "OR('Org1MSP.peer')"}))
	n.commit(n.put("a", "1"))
	n.commit(n.put("a", ""))
	n.commit(n.put("a", "2", 2, 0))
	e := n.explain(4, 0)
	if c := e.Conflict; c == nil || c.Found != nil || c.Winner == nil || c.Winner.TxID != n.idAt(3, 0) {
		t.Errorf("%+v", e.Conflict)
	}
	n.commit(n.put("b", "1"))
	n.commit(n.put("b", ""), n.put("b", "2", 5, 0))
	e = n.explain(6, 1)
	if c := e.Conflict; c == nil || c.Winner == nil || c.Winner.TxID != n.idAt(6, 0) {
		t.Errorf("within a block: %+v", e.Conflict)
	}
}

func TestAPhantomNamesItsRange(t *testing.T) {
	n := newNode(t, audit.Peer)
	n.commit(n.net.Define(ledgertest.Definition{Name: "cc", Policy: "OR('Org1MSP.peer')"}))
	n.commit(n.put("a1", "1"))
	set := ledgertest.NewRWSet()
	set.NS("cc").Range("a", "b", &kvrwset.KVRead{Key: "a1", Version: ledgertest.At(2, 0)}).Write("sum", "1")
	n.commit(n.put("a2", "1"), n.net.Tx(ledgertest.Tx{Chaincode: "cc", Set: set}))
	e := n.explain(3, 1)
	p := e.Phantom
	if e.Code != peer.TxValidationCode_PHANTOM_READ_CONFLICT || p == nil || p.Namespace != "cc" || string(p.Start) != "a" || string(p.End) != "b" {
		t.Fatalf("%+v, %+v", e, p)
	}
	if !strings.Contains(e.Reason, `"a2" is new`) || string(p.Key) != "a2" || p.Winner == nil || p.Winner.TxID != n.idAt(3, 0) {
		t.Errorf("%s: %+v", e.Reason, p)
	}
	gone := ledgertest.NewRWSet()
	gone.NS("cc").Range("a", "b", &kvrwset.KVRead{Key: "a1", Version: ledgertest.At(2, 0)}, &kvrwset.KVRead{Key: "a2", Version: ledgertest.At(3, 0)}).Write("sum", "1")
	n.commit(n.put("a1", ""))
	n.commit(n.net.Tx(ledgertest.Tx{Chaincode: "cc", Set: gone}))
	if p := n.explain(5, 0).Phantom; p == nil || string(p.Key) != "a1" || p.Found != nil || p.Winner == nil || p.Winner.TxID != n.idAt(4, 0) {
		t.Errorf("after a delete: %+v", p)
	}
}

func TestAPolicyNamesWhoSignedAndWhoIsMissing(t *testing.T) {
	n := newNode(t, audit.Peer)
	n.commit(n.net.Define(ledgertest.Definition{Name: "cc", Policy: "AND('Org1MSP.peer','Org2MSP.peer')"}))
	n.commit(n.endorsedBy(n.net.Peer(0)))
	e := n.explain(2, 0)
	p := e.Policy
	if e.Code != peer.TxValidationCode_ENDORSEMENT_POLICY_FAILURE || p == nil || p.Namespace != "cc" {
		t.Fatalf("%+v", e)
	}
	if !strings.Contains(p.Policy, "Org2MSP.peer") || !reflect.DeepEqual(p.Signed, []string{"Org1MSP"}) || !reflect.DeepEqual(p.Missing, []string{"Org2MSP"}) {
		t.Errorf("%+v", p)
	}
}

func TestAReasonThatWasNotKeptIsNotMadeUp(t *testing.T) {
	n := newNode(t, audit.Peer)
	n.history()
	valid := n.explain(2, 0)
	if valid.Code != 0 || valid.Reason != "" || valid.Block != 2 || valid.Function != "put" || valid.Creator == nil || valid.Creator.MSPID != "Org1MSP" {
		t.Errorf("%+v", valid)
	}
	other := n.explain(3, 2)
	dir := n.close()
	n.check(chain.DropIndex(dir, chain.Options{}))
	c, err := chain.Open(dir, chain.Options{Replay: validate.Updates})
	n.check(err)
	n.chain = c
	again := n.explain(3, 2)
	if !other.Kept || again.Kept || again.Reason != "" || again.Policy != nil || again.Code != other.Code {
		t.Errorf("%+v was %+v", again, other)
	}
	if _, err := audit.Explain(c, "nobody's"); !errors.Is(err, chain.ErrNotFound) {
		t.Errorf("an unknown id: %v", err)
	}
}
