package sim_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/hyperledger/fabric-protos-go-apiv2/ledger/rwset"
	"github.com/hyperledger/fabric-protos-go-apiv2/ledger/rwset/kvrwset"
	"google.golang.org/protobuf/proto"

	"github.com/weft-network/weft/ledger"
	"github.com/weft-network/weft/ledger/sim"
	"github.com/weft-network/weft/ledger/state"
)

// guarded is a world some of whose keys have metadata.
type guarded struct {
	world
	metadata map[string][]ledger.MetadataEntry
}

func (g guarded) Entry(ns, collection, key string) (*state.Entry, error) {
	e, err := g.world.Entry(ns, collection, key)
	if e == nil || err != nil {
		return nil, err
	}
	e.Metadata, err = state.EncodeMetadata(g.metadata[key])
	return e, err
}

func (g guarded) NoMetadata() bool { return false }

func policyOf(value string) []ledger.MetadataEntry {
	return []ledger.MetadataEntry{{Name: "other", Value: []byte("x")}, {Name: sim.ValidationParameter, Value: []byte(value)}}
}

func TestReadingMetadataReadsTheKey(t *testing.T) {
	s := sim.New(guarded{keys(2), map[string][]ledger.MetadataEntry{"k001": policyOf("p")}})
	for _, x := range []struct{ key, name, want string }{
		{"k001", sim.ValidationParameter, "p"}, {"k001", "other", "x"}, {"k001", "none", ""}, {"k000", "other", ""}, {"absent", "other", ""},
	} {
		if got, err := s.Metadata("cc", x.key, x.name); err != nil || string(got) != x.want || (got == nil) != (x.want == "") {
			t.Errorf("%s of %s: %q, %v", x.name, x.key, got, err)
		}
	}
	set := sets(t, s)["cc"]
	if len(set.Reads) != 3 || len(set.MetadataWrites) != 0 {
		t.Fatalf("set %v", set)
	}
	for i, want := range []*kvrwset.KVRead{
		{Key: "absent"}, {Key: "k000", Version: &kvrwset.Version{BlockNum: 1}}, {Key: "k001", Version: &kvrwset.Version{BlockNum: 1, TxNum: 1}},
	} {
		if !proto.Equal(set.Reads[i], want) {
			t.Errorf("read %v, want %v", set.Reads[i], want)
		}
	}
}

// The bytes are those that Fabric's builder of read-write sets gives for the
// same accesses: keys sorted, of each key the last metadata as a whole, and
// metadata behind the writes.
func TestMetadataWritesStandBehindTheWritesSorted(t *testing.T) {
	s := sim.New(keys(1))
	value := []byte("p2")
	for _, err := range []error{
		s.PutMetadata("cc", "k2", "VALIDATION_PARAMETER", []byte("p1")),
		s.PutMetadata("cc", "k1", "first", []byte("gone")),
		s.PutMetadata("cc", "k1", "VALIDATION_PARAMETER", value),
		s.PutMetadata("cc", "k3", "VALIDATION_PARAMETER", nil),
		s.Put("cc", "z", []byte("v")),
		s.PutMetadata("aa", "k", "VALIDATION_PARAMETER", []byte("p")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	value[0] = 'x' // it was copied
	entry := func(key, value string) *kvrwset.KVMetadataWrite {
		e := &kvrwset.KVMetadataEntry{Name: "VALIDATION_PARAMETER"}
		if value != "" {
			e.Value = []byte(value)
		}
		return &kvrwset.KVMetadataWrite{Key: key, Entries: []*kvrwset.KVMetadataEntry{e}}
	}
	want := &rwset.TxReadWriteSet{NsRwset: []*rwset.NsReadWriteSet{
		{Namespace: "aa", Rwset: marshal(t, &kvrwset.KVRWSet{MetadataWrites: []*kvrwset.KVMetadataWrite{entry("k", "p")}})},
		{Namespace: "cc", Rwset: marshal(t, &kvrwset.KVRWSet{
			Writes:         []*kvrwset.KVWrite{{Key: "z", Value: []byte("v")}},
			MetadataWrites: []*kvrwset.KVMetadataWrite{entry("k1", "p2"), entry("k2", "p1"), entry("k3", "")},
		})},
	}}
	if got := s.Namespaces(); fmt.Sprint(got) != "[aa cc]" {
		t.Errorf("namespaces %v", got)
	}
	got, err := s.Results()
	if err != nil || !bytes.Equal(got, marshal(t, want)) {
		t.Errorf("%x, %v\nwant %x", got, err, marshal(t, want))
	}
}

func marshal(t *testing.T, m proto.Message) []byte {
	t.Helper()
	raw, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestMetadataIsNotSeenBeforeItIsCommitted(t *testing.T) {
	s := sim.New(guarded{keys(1), map[string][]ledger.MetadataEntry{"k000": policyOf("old")}})
	if err := s.PutMetadata("cc", "k000", sim.ValidationParameter, []byte("new")); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Metadata("cc", "k000", sim.ValidationParameter); err != nil || string(got) != "old" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestMetadataIsAWrite(t *testing.T) {
	s := sim.New(keys(1))
	if err := s.PutMetadata("cc", "k", "n", nil); err != nil {
		t.Fatal(err)
	}
	if _, err := s.RangePage("cc", "", "", ""); !errors.Is(err, sim.ErrPageAfterWrite) {
		t.Errorf("page: %v", err)
	}
	s = sim.New(keys(1))
	if _, err := s.RangePage("cc", "", "", ""); err != nil {
		t.Fatal(err)
	}
	if err := s.PutMetadata("cc", "k", "n", nil); !errors.Is(err, sim.ErrWriteAfterPage) {
		t.Errorf("after a page: %v", err)
	}
	s = sim.New(keys(1))
	if err := s.PutMetadata("cc", "k", "n", make([]byte, sim.MaxMetadataBytes)); err != nil {
		t.Error(err)
	}
	for i, err := range []error{
		s.PutMetadata("cc", "k", "n", make([]byte, sim.MaxMetadataBytes+1)), s.PutMetadata("cc", "", "n", nil), s.PutMetadata("cc", "\xff", "n", nil),
	} {
		if !errors.Is(err, sim.ErrRefused) {
			t.Errorf("call %d: %v", i, err)
		}
	}
	for n := 0; ; n++ {
		err := s.PutMetadata("cc", fmt.Sprint(n), "n", make([]byte, sim.MaxMetadataBytes))
		if errors.Is(err, sim.ErrRefused) {
			break
		}
		if err != nil || n > sim.MaxWriteBytes/sim.MaxMetadataBytes {
			t.Fatalf("metadata of %d keys: %v", n, err)
		}
	}
}

func TestWhoHasToEndorse(t *testing.T) {
	w := guarded{keys(5), map[string][]ledger.MetadataEntry{
		"k001": policyOf("p1"), "k002": policyOf("p2"), "k003": policyOf("p1"), "k004": policyOf(""),
	}}
	for _, x := range []struct {
		name string
		do   func(s *sim.Simulator) error
		want string // per namespace: policies, and a plus where the chaincode's counts too
	}{
		{"nothing", func(*sim.Simulator) error { return nil }, ""},
		{"a read", func(s *sim.Simulator) error { _, err := s.Get("cc", "k001"); return err }, "cc +"},
		{"a key without", func(s *sim.Simulator) error { return s.Put("cc", "k000", []byte("v")) }, "cc +"},
		{"an absent key", func(s *sim.Simulator) error { return s.Put("cc", "new", []byte("v")) }, "cc +"},
		{"a key with an empty one", func(s *sim.Simulator) error { return s.Put("cc", "k004", []byte("v")) }, "cc +"},
		{"a key with one", func(s *sim.Simulator) error { return s.Put("cc", "k001", []byte("v")) }, "cc p1"},
		{"its removal", func(s *sim.Simulator) error { return s.Delete("cc", "k001") }, "cc p1"},
		{"its next policy", func(s *sim.Simulator) error {
			return s.PutMetadata("cc", "k001", sim.ValidationParameter, []byte("p9"))
		}, "cc p1"},
		{"keys with some", func(s *sim.Simulator) error {
			return errors.Join(s.Put("cc", "k003", []byte("v")), s.Put("cc", "k002", []byte("v")), s.Put("cc", "k001", []byte("v")))
		}, "cc p1 p2"},
		{"with and without", func(s *sim.Simulator) error {
			return errors.Join(s.Put("cc", "k000", []byte("v")), s.Delete("cc", "k002"))
		}, "cc p2 +"},
		{"a value and other metadata", func(s *sim.Simulator) error {
			return errors.Join(s.Put("cc", "k001", []byte("v")), s.PutMetadata("cc", "k000", "n", nil))
		}, "cc p1 +"},
		{"two namespaces", func(s *sim.Simulator) error {
			return errors.Join(s.Put("other", "k001", []byte("v")), s.Put("cc", "k001", []byte("v")))
		}, "cc p1, other +"},
	} {
		s := sim.New(w)
		if err := x.do(s); err != nil {
			t.Fatal(err)
		}
		for range 2 { // it changes nothing
			demands, err := s.Demands()
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, d := range demands {
				line := d.Namespace
				for _, p := range d.Policies {
					line += " " + string(p)
				}
				if d.Chaincode {
					line += " +"
				}
				got = append(got, line)
			}
			if all := strings.Join(got, ", "); all != x.want {
				t.Errorf("%s: %q, want %q", x.name, all, x.want)
			}
		}
		for name, set := range sets(t, s) {
			if x.name != "a read" && len(set.Reads) > 0 {
				t.Errorf("%s: %s reads %v", x.name, name, set.Reads)
			}
		}
	}
}

func TestDemandsAreBounded(t *testing.T) {
	w := guarded{keys(sim.MaxPolicies + 1), map[string][]ledger.MetadataEntry{}}
	s := sim.New(w)
	for key := range w.world {
		w.metadata[key] = policyOf("of " + key)
		if err := s.Delete("cc", key); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Demands(); !errors.Is(err, sim.ErrRefused) {
		t.Errorf("%v", err)
	}
}
