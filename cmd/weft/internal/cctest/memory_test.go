package cctest

import (
	"testing"

	"github.com/weft-network/weft/ledger"
	"github.com/weft-network/weft/ledger/state"
	"github.com/weft-network/weft/wasm"
)

// What a step leaves is what the commit of a valid transaction leaves.
func TestWhatAStepLeaves(t *testing.T) {
	m := newMemory()
	named := func(value string) []ledger.MetadataEntry {
		return []ledger.MetadataEntry{{Name: "n", Value: []byte(value)}}
	}
	blocks := [][]ledger.NsRWSet{
		1: {{Namespace: "cc", Writes: []ledger.Write{{Key: "k", Value: []byte("1")}}, Metadata: []ledger.MetadataWrite{{Key: "k", Entries: named("a")}, {Key: "absent", Entries: named("b")}}}},
		2: {{Namespace: "cc", Writes: []ledger.Write{{Key: "k", Value: []byte("2")}}}}, // metadata stays
		3: {{Namespace: "cc", Metadata: []ledger.MetadataWrite{{Key: "k", Entries: named("c")}}}},
		4: {{Namespace: "cc", Writes: []ledger.Write{{Key: "k", Delete: true}}, Metadata: []ledger.MetadataWrite{{Key: "k", Entries: named("d")}}}},
		5: {{Namespace: "cc", Writes: []ledger.Write{{Key: "k", Value: []byte("3")}}}},
	}
	want := []struct {
		value, metadata string
		version         uint64
	}{1: {"1", "a", 1}, 2: {"2", "a", 2}, 3: {"2", "c", 3}, 4: {}, 5: {"3", "", 5}}
	for i := 1; i < len(blocks); i++ {
		if err := m.commit(&ledger.RWSet{Namespaces: blocks[i]}, uint64(i), &wasm.Call{TxID: string(rune('0' + i))}); err != nil {
			t.Fatal(err)
		}
		if e, err := m.Entry("cc", "", "absent"); e != nil || err != nil {
			t.Errorf("after block %d: metadata alone makes a key: %v, %v", i, e, err)
		}
		e, err := m.Entry("cc", "", "k")
		if err != nil || (e == nil) != (want[i].version == 0) {
			t.Fatalf("after block %d: %v, %v", i, e, err)
		}
		if e == nil {
			continue
		}
		metadata, err := state.DecodeMetadata(e.Metadata)
		if err != nil || string(e.Value) != want[i].value || e.Version.Block != want[i].version ||
			(len(metadata) == 1) != (want[i].metadata != "") || len(metadata) == 1 && string(metadata[0].Value) != want[i].metadata {
			t.Errorf("after block %d: %+v, metadata %v, %v", i, e, metadata, err)
		}
	}
	past := ""
	h, err := m.History("cc", "k")
	for err == nil && h.Next() {
		past += h.Modification().TxID + string(h.Modification().Value) + " "
	}
	if past != "53 4 22 11 " || err != nil {
		t.Errorf("history %q, %v", past, err)
	}
}
