package validate

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"github.com/weft-network/weft/ledger"
	"github.com/weft-network/weft/ledger/ident"
	"github.com/weft-network/weft/ledger/ledgertest"
	"github.com/weft-network/weft/ledger/state"
)

// The files of testdata were printed by Fabric's own code, driven with random
// read-write sets, at commit 0c423ac47fd87fc3d4084eb06d6589bc518ed1ff of
// github.com/hyperledger/fabric.
func vectors[V any](t *testing.T, file string) (all []V) {
	raw, err := os.ReadFile("testdata/" + file)
	if err == nil {
		err = json.Unmarshal(raw, &all)
	}
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// Rule 23, by publicAndHashUpdates.applyWriteSet in
// core/ledger/kvledger/txmgmt/validation/types.go: what becomes of one key of
// namespace ns, committed in block 1 and written by transaction 0 of block 5,
// by the set of transaction 3.
func TestWritesBecomeWhatFabricMakesOfThem(t *testing.T) {
	type entry struct {
		Value, Metadata []byte
		Delete          bool
	}
	for i, v := range vectors[struct {
		Coll, Key       string
		Before, Earlier *entry
		Set             []byte
		Panic, Touched  bool // Fabric's peer ends; it writes the key
		After           entry
	}](t, "tx_ops.json") {
		update := func(e *entry, version ledger.Version) state.Update {
			return state.Update{Namespace: "ns", Collection: v.Coll, Key: v.Key, Value: e.Value, Metadata: e.Metadata, Delete: e.Delete, Version: version}
		}
		m := &memory{}
		if v.Before != nil {
			m.apply(state.Batch{update(v.Before, ledger.Version{Block: 1})})
		}
		w := worldOn(m, 5)
		if v.Earlier != nil {
			w.put(update(v.Earlier, ledger.Version{Block: 5}))
		}
		set, err := ledger.ParseRWSet(v.Set)
		if err == nil {
			err = w.apply(set, ledger.Version{Block: 5, Tx: 3})
		}
		if err != nil {
			t.Fatal(err)
		}
		var got *state.Update
		if k, ok := w.index[place{"ns", v.Coll, v.Key}]; ok && w.pending[k].Version.Tx == 3 {
			got = &w.pending[k]
		}
		if (got != nil) != v.Touched {
			t.Errorf("%d: %+v, Fabric writes it: %v", i, got, v.Touched)
		} else if got != nil && (got.Delete != v.After.Delete || !bytes.Equal(got.Value, v.After.Value) || !bytes.Equal(got.Metadata, v.After.Metadata)) {
			t.Errorf("%d: %+v, Fabric has %+v", i, got, v.After)
		}
	}
}

// Rule 15, by KeyLevelValidator in core/common/validation/statebased: for which
// namespaces of its set a transaction is endorsed. A policy, or an endorsement,
// of A, B and C is that of a peer of Org1, Org2 and Org3. Metadata are the keys
// with policies of their own, by namespace, collection and key.
func TestEndorsementsSatisfyWhatTheySatisfyInFabric(t *testing.T) {
	n := ledgertest.New(t, "Org1", "Org2", "Org3")
	words := map[string]string{"A": "OR('Org1MSP.peer')", "B": "OR('Org2MSP.peer')", "C": "OR('Org3MSP.peer')"}
	empty := n.Collection("empty", words["A"], "")
	empty.EndorsementPolicy = &peer.ApplicationPolicy{}
	collections := []*peer.StaticCollectionConfig{n.Collection("own", words["A"], words["C"]), n.Collection("plain", words["A"], ""), empty}
	for i, v := range vectors[struct {
		Metadata map[string]string
		Txs      []struct {
			Set       []byte
			Endorsers string
			OK        map[string]bool
		}
	}](t, "statebased.json") {
		p := &peerOf{Network: n, t: t, blocks: n.Blocks(), cfg: n.Config, state: &memory{}}
		for name, policy := range map[string]string{"cc": "A", "dd": "B"} {
			for _, w := range n.Writes(ledgertest.Definition{Name: name, Policy: words[policy], Collections: collections}) {
				p.state.put("_lifecycle", w.Key, w.Value, ledger.Version{})
			}
		}
		for at, policy := range v.Metadata {
			own, err := state.EncodeMetadata([]ledger.MetadataEntry{{Name: "VALIDATION_PARAMETER", Value: p.own(words[policy])}})
			if err != nil {
				t.Fatal(err)
			}
			k := strings.Split(at, "|")
			p.state.keys[place{k[0], k[1], k[2]}] = entryOf("v", own)
		}
		var envelopes [][]byte
		for _, tx := range v.Txs {
			by := []ident.Signer{}
			for _, letter := range tx.Endorsers {
				by = append(by, p.Peer(int(letter-'A')))
			}
			envelopes = append(envelopes, p.Tx(ledgertest.Tx{Chaincode: "cc", Endorsers: by, Results: func([]byte) []byte { return tx.Set }}))
		}
		b := p.Parse(p.blocks.Peek(envelopes...))
		r, err := p.finish(b)
		if err != nil {
			t.Fatal(err)
		}
		for k, tx := range v.Txs {
			want := valid
			for _, ns := range judgedNamespaces(b.Txs[k]) {
				if !tx.OK[ns.Namespace] {
					want = tooFew
				}
			}
			if r.Codes[k] != want {
				t.Errorf("block %d, transaction %d: want %s, got %s", i, k, want, show(r))
			}
		}
	}
}
