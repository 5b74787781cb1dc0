package audit_test

import (
	"reflect"
	"testing"

	"github.com/weft-network/weft/ledger/audit"
)

func TestStatsCountWhatIsThereAndChangeNothing(t *testing.T) {
	n := newNode(t, audit.Peer)
	n.history()
	dir := n.close()
	before := fingerprint(t, dir)
	r, err := audit.Open(dir)
	n.check(err)
	s, err := r.Stats(t.Context(), nil)
	n.check(err)
	n.check(r.Close())
	if fingerprint(t, dir) != before {
		t.Error("the ledger was changed")
	}
	if s.Channel != "channel1" || s.Kind != audit.Peer || s.Height != 15 || s.Blocks != 15 || s.Transactions != 28 || s.First == nil || len(s.Notes) > 0 {
		t.Errorf("%+v", s)
	}
	if want := []audit.CodeCount{{Code: "VALID", Count: 26}, {Code: "ENDORSEMENT_POLICY_FAILURE", Number: 10, Count: 1}, {Code: "MVCC_READ_CONFLICT", Number: 11, Count: 1}}; !reflect.DeepEqual(s.Codes, want) {
		t.Errorf("codes %+v", s.Codes)
	}
	if len(s.Largest) != 5 || s.Largest[0].Bytes < s.Largest[4].Bytes || s.Largest[4].Bytes == 0 {
		t.Errorf("largest %+v", s.Largest)
	}
	if len(s.Configs) != 2 || s.Configs[1].Block != 4 || s.Configs[1].Sequence != 1 || !reflect.DeepEqual(s.Configs[1].Members, []string{"Org1MSP", "Org2MSP"}) {
		t.Errorf("configurations %+v", s.Configs)
	}
	keys := map[string]uint64{}
	for _, ns := range s.Namespaces {
		keys[ns.Namespace] = ns.Keys
	}
	if keys["cc"] != 8 || keys[""] != 1 || keys["_lifecycle"] == 0 { // a, k0 to k6
		t.Errorf("keys %v", keys)
	}
	disk := map[string]bool{}
	for _, d := range s.Disk {
		disk[d.Part] = d.Bytes > 0 && d.Files > 0
	}
	if !disk["blocks"] || !disk["index"] {
		t.Errorf("on disk %+v", s.Disk)
	}
	entries := map[string]uint64{}
	for _, p := range s.Index {
		entries[p.Part] = p.Entries
	}
	if entries["block numbers"] != 15 || entries["block hashes"] != 15 || entries["reasons of invalid transactions"] != 2 || entries["history"] < 26 {
		t.Errorf("entries %v", entries)
	}
}

func TestABlockRangeIsCountedAlone(t *testing.T) {
	n := newNode(t, audit.Peer)
	n.history()
	lost, err := audit.Count(t.Context(), n.chain, 3, nil)
	n.check(err)
	if lost.Blocks != 12 || lost.Transactions != 24 || len(lost.Configs) != 1 || lost.First == nil || lost.Last.Before(*lost.First) {
		t.Errorf("%+v", lost)
	}
}

func TestALedgerThatIsNoneIsNotOpened(t *testing.T) {
	if _, err := audit.Open(t.TempDir()); err == nil {
		t.Error("an empty directory was opened")
	}
	n := newNode(t, audit.Orderer)
	n.history()
	r, err := audit.Open(n.close())
	n.check(err)
	if r.Kind != audit.Orderer || r.Height() != 15 || r.Channel != "channel1" {
		t.Errorf("%s, height %d", r.Kind, r.Height())
	}
	n.check(r.Close())
}
