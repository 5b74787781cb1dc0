package sim_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/hyperledger/fabric-protos-go-apiv2/ledger/rwset"
	"github.com/hyperledger/fabric-protos-go-apiv2/ledger/rwset/kvrwset"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"github.com/weft-network/weft/ledger"
	"github.com/weft-network/weft/ledger/sim"
	"github.com/weft-network/weft/ledger/state"
)

// world is the committed state of one namespace, by key.
type world map[string]ledger.KV

func (w world) Get(ns, key string) ([]byte, *ledger.Version, error) {
	kv, ok := w[key]
	if !ok || ns != "cc" {
		return nil, nil, nil
	}
	return kv.Value, &kv.Version, nil
}

func (w world) Entry(ns, collection, key string) (*state.Entry, error) {
	value, version, err := w.Get(ns, key)
	if version == nil || collection != "" {
		return nil, err
	}
	return &state.Entry{Value: value, Version: *version}, nil
}

func (w world) NoMetadata() bool { return true }

func (w world) Range(ns, start, end string) (state.Iterator, error) {
	it := &worldIter{}
	for _, key := range slices.Sorted(maps.Keys(w)) {
		if ns == "cc" && key >= start && (end == "" || key < end) {
			it.left = append(it.left, w[key])
		}
	}
	return it, nil
}

type worldIter struct {
	left   []ledger.KV
	kv     ledger.KV
	closed int
}

func (i *worldIter) Next() bool {
	if len(i.left) == 0 {
		return false
	}
	i.kv, i.left = i.left[0], i.left[1:]
	return true
}
func (i *worldIter) KV() ledger.KV { return i.kv }
func (i *worldIter) Err() error    { return nil }
func (i *worldIter) Close() error  { i.closed++; return nil }

// keys makes a world of n keys k000, k001, … written by block 1.
func keys(n int) world {
	w := world{}
	for i := range n {
		key := fmt.Sprintf("k%03d", i)
		w[key] = ledger.KV{Key: key, Value: []byte("v" + key), Version: ledger.Version{Block: 1, Tx: uint64(i)}}
	}
	return w
}

// sets ends a simulation and decodes its read-write sets, after a look at the
// encoding: it must be what encoding them again gives.
func sets(t fataler, s *sim.Simulator) map[string]*kvrwset.KVRWSet {
	raw, err := s.Results()
	if err != nil {
		t.Fatalf("%v", err)
	}
	tx := &rwset.TxReadWriteSet{}
	if err := proto.Unmarshal(raw, tx); err != nil {
		t.Fatalf("%v", err)
	}
	again, _ := proto.Marshal(tx)
	if !bytes.Equal(raw, again) || tx.DataModel != rwset.TxReadWriteSet_KV {
		t.Fatalf("read-write set %v is not canonical", tx)
	}
	if !slices.IsSortedFunc(tx.NsRwset, func(a, b *rwset.NsReadWriteSet) int { return strings.Compare(a.Namespace, b.Namespace) }) {
		t.Fatalf("namespaces are not sorted")
	}
	out := map[string]*kvrwset.KVRWSet{}
	for _, ns := range tx.NsRwset {
		set := &kvrwset.KVRWSet{}
		if err := proto.Unmarshal(ns.Rwset, set); err != nil || out[ns.Namespace] != nil {
			t.Fatalf("namespace %s: %v", ns.Namespace, err)
		}
		out[ns.Namespace] = set
	}
	return out
}

type fataler interface{ Fatalf(string, ...any) }

func TestSetHoldsEveryReadAndTheLastWriteOfEachKeySorted(t *testing.T) {
	w := keys(5)
	key := rapid.SampledFrom([]string{"k000", "k003", "absent", "\x00type\x00a\x00", "é"})
	namespaces := rapid.SampledFrom([]string{"cc", "other", "_lifecycle"})
	rapid.Check(t, func(t *rapid.T) {
		s := sim.New(w)
		reads, writes := map[string][]string{}, map[string]map[string]string{}
		for range rapid.IntRange(0, 20).Draw(t, "calls") {
			ns, k := namespaces.Draw(t, "namespace"), key.Draw(t, "key")
			if writes[ns] == nil {
				writes[ns] = map[string]string{}
			}
			var err error
			switch rapid.IntRange(0, 2).Draw(t, "call") {
			case 0:
				var got []byte
				got, err = s.Get(ns, k)
				if want, _, _ := w.Get(ns, k); !bytes.Equal(got, want) || (got == nil) != (want == nil) {
					t.Fatalf("%s %q is %q, committed is %q", ns, k, got, want)
				}
				if !slices.Contains(reads[ns], k) {
					reads[ns] = append(reads[ns], k)
				}
			case 1:
				v := rapid.SampledFrom([]string{"", "x", "y"}).Draw(t, "value")
				err = s.Put(ns, k, []byte(v))
				writes[ns][k] = v
			default:
				err = s.Delete(ns, k)
				writes[ns][k] = ""
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		got := sets(t, s)
		for ns, set := range got {
			if len(set.Reads)+len(set.Writes) == 0 || len(set.Reads) != len(reads[ns]) || len(set.Writes) != len(writes[ns]) {
				t.Fatalf("%s has %v; read %q, wrote %q", ns, set, reads[ns], writes[ns])
			}
			slices.Sort(reads[ns])
			for i, r := range set.Reads {
				_, v, _ := w.Get(ns, r.Key)
				if r.Key != reads[ns][i] || (v == nil) != (r.Version == nil) || v != nil && (r.Version.BlockNum != v.Block || r.Version.TxNum != v.Tx) {
					t.Fatalf("read %d is %v, want %s at %v", i, r, reads[ns][i], v)
				}
			}
			for i, key := range slices.Sorted(maps.Keys(writes[ns])) {
				v, x := writes[ns][key], set.Writes[i]
				if x.Key != key || string(x.Value) != v || x.IsDelete != (v == "") {
					t.Fatalf("write %d is %v, want %s=%q", i, x, key, v)
				}
			}
		}
		for ns := range writes {
			if touched := len(reads[ns])+len(writes[ns]) > 0; touched != (got[ns] != nil) {
				t.Fatalf("namespace %s: touched %v, in the set %v", ns, touched, got[ns] != nil)
			}
		}
	})
}

func take(t *testing.T, it state.Iterator, n int) {
	t.Helper()
	for i := range n {
		if !it.Next() {
			t.Fatalf("ended after %d records: %v", i, it.Err())
		}
	}
}

func TestRangeIsToldAsFarAsItWasRead(t *testing.T) {
	for _, x := range []struct {
		name, start, end string
		take             int // -1 reads to the end
		wantEnd          string
		exhausted        bool
		raw              int
	}{
		{"all", "", "", -1, "", true, 5},
		{"all of a part", "k001", "k003", -1, "k003", true, 2},
		{"some", "k001", "", 2, "k002", false, 2},
		{"the last without seeing the end", "", "k002", 2, "k001", false, 2},
		{"nothing there", "x", "y", -1, "y", true, 0},
	} {
		t.Run(x.name, func(t *testing.T) {
			s := sim.New(keys(5))
			it, err := s.Range("cc", x.start, x.end)
			if err != nil {
				t.Fatal(err)
			}
			if x.take >= 0 {
				take(t, it, x.take)
			} else {
				for it.Next() {
				}
			}
			got := sets(t, s)["cc"].RangeQueriesInfo
			if len(got) != 1 {
				t.Fatalf("%d queries", len(got))
			}
			q := got[0]
			if q.StartKey != x.start || q.EndKey != x.wantEnd || q.ItrExhausted != x.exhausted || len(q.GetRawReads().GetKvReads()) != x.raw {
				t.Fatalf("query is %v", q)
			}
			if x.raw == 0 && q.ReadsInfo != nil {
				t.Fatal("a query without results lists results")
			}
		})
	}
}

func TestRangeNobodyLookedAtLeavesNothing(t *testing.T) {
	s := sim.New(keys(5))
	if _, err := s.Range("cc", "", ""); err != nil {
		t.Fatal(err)
	}
	if got := sets(t, s); len(got) != 0 {
		t.Fatalf("set is %v", got)
	}
}

func TestSameRangeIsToldOnce(t *testing.T) {
	s := sim.New(keys(5))
	for _, n := range []int{2, 3, 2} {
		it, err := s.Range("cc", "", "")
		if err != nil {
			t.Fatal(err)
		}
		take(t, it, n)
	}
	got := sets(t, s)["cc"].RangeQueriesInfo
	if len(got) != 2 || got[0].EndKey != "k001" || got[1].EndKey != "k002" {
		t.Fatalf("queries are %v", got)
	}
}

func TestManyResultsAreHashed(t *testing.T) {
	for n, hashed := range map[int]bool{50: false, 51: true, 200: true} {
		s := sim.New(keys(n))
		it, err := s.Range("cc", "", "")
		if err != nil {
			t.Fatal(err)
		}
		take(t, it, n)
		q := sets(t, s)["cc"].RangeQueriesInfo[0]
		summary := q.GetReadsMerkleHashes()
		if (summary != nil) != hashed || hashed && (summary.MaxDegree != 50 || len(q.GetRawReads().GetKvReads()) > 0) {
			t.Errorf("%d results: %v", n, q)
		}
	}
}

func TestResultsEndTheSimulation(t *testing.T) {
	s := sim.New(keys(5))
	it, err := s.Range("cc", "", "")
	if err != nil {
		t.Fatal(err)
	}
	take(t, it, 1)
	sets(t, s)
	_, get := s.Get("cc", "k")
	_, rang := s.Range("cc", "", "")
	_, results := s.Results()
	for i, err := range []error{get, rang, results, s.Put("cc", "k", nil), s.Delete("cc", "k")} {
		if err == nil {
			t.Errorf("call %d went on", i)
		}
	}
	if it.Next() {
		t.Error("an iterator went on")
	}
}

func TestNamesThatCannotStandInASetAreRefused(t *testing.T) {
	s := sim.New(keys(1))
	for _, x := range []struct{ ns, key string }{{"cc", ""}, {"cc", "\xff"}, {"", "k"}, {"\xff", "k"}} {
		_, get := s.Get(x.ns, x.key)
		for i, err := range []error{get, s.Put(x.ns, x.key, []byte("v")), s.Delete(x.ns, x.key)} {
			if !errors.Is(err, sim.ErrRefused) {
				t.Errorf("call %d with %q: %v", i, x, err)
			}
		}
	}
	if _, err := s.Range("cc", "\xff", ""); !errors.Is(err, sim.ErrRefused) {
		t.Errorf("range: %v", err)
	}
	if got := sets(t, s); len(got) != 0 {
		t.Errorf("set is %v", got)
	}
}

func TestWritesAreBounded(t *testing.T) {
	s := sim.New(keys(0))
	value := make([]byte, sim.MaxWriteBytes-10)
	for range 3 { // only the last write of a key counts
		if err := s.Put("cc", "k", value); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Put("cc", "l", make([]byte, 10)); !errors.Is(err, sim.ErrRefused) {
		t.Fatalf("one byte too much: %v", err)
	}
	if err := s.Put("cc", "l", make([]byte, 8)); err != nil {
		t.Fatal(err)
	}
}

func TestRangeIsBounded(t *testing.T) {
	s := sim.New(endless{})
	it, err := s.Range("cc", "", "")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for it.Next() {
		n++
	}
	if n != sim.MaxRangeRecords || !errors.Is(it.Err(), sim.ErrRefused) {
		t.Fatalf("%d records, then %v", n, it.Err())
	}
}

// endless is a state with more keys than anybody may read.
type endless struct{ world }

func (endless) Range(string, string, string) (state.Iterator, error) { return &endlessIter{}, nil }

type endlessIter struct{ n int }

func (i *endlessIter) Next() bool    { i.n++; return true }
func (i *endlessIter) KV() ledger.KV { return ledger.KV{Key: fmt.Sprintf("k%09d", i.n)} }
func (i *endlessIter) Err() error    { return nil }
func (i *endlessIter) Close() error  { return nil }

func TestPagesFollowEachOther(t *testing.T) {
	for _, size := range []int{1, 2, 3, 5, 6} {
		var got []string
		for bookmark, first := "", true; first || bookmark != ""; first = false {
			s := sim.New(keys(5))
			page, err := s.RangePage("cc", "k001", "", bookmark)
			if err != nil {
				t.Fatal(err)
			}
			n := 0
			for n < size && page.Next() {
				n++
				got = append(got, page.KV().Key)
			}
			q := sets(t, s)["cc"].RangeQueriesInfo
			if n > 0 && (len(q) != 1 || len(q[0].GetRawReads().GetKvReads()) != n || q[0].ItrExhausted != (n < size)) {
				t.Fatalf("pages of %d: a page of %d records is told as %v", size, n, q)
			}
			s = sim.New(keys(5)) // the same once more, with its bookmark
			if page, err = s.RangePage("cc", "k001", "", bookmark); err != nil {
				t.Fatal(err)
			}
			take(t, page, n)
			if bookmark, err = page.Bookmark(); err != nil {
				t.Fatal(err)
			}
			if again := sets(t, s)["cc"].RangeQueriesInfo; bookmark != "" && (len(again) != 1 || again[0].EndKey != q[0].EndKey) {
				t.Fatalf("pages of %d: asking for the bookmark %q changed %v to %v", size, bookmark, q, again)
			}
		}
		if want := []string{"k001", "k002", "k003", "k004"}; !slices.Equal(got, want) {
			t.Fatalf("pages of %d hold %q", size, got)
		}
	}
}

func TestAPageIsOverOnceItsBookmarkIsTold(t *testing.T) {
	s := sim.New(keys(5))
	page, err := s.RangePage("cc", "", "", "")
	if err != nil {
		t.Fatal(err)
	}
	if mark, err := page.Bookmark(); mark != "k000" || err != nil {
		t.Errorf("the bookmark of nothing is %q, %v", mark, err)
	}
	if mark, err := page.Bookmark(); page.Next() || mark != "" || err != nil || page.Close() != nil {
		t.Error("the page goes on")
	}
}

func TestPagesAndWritesExcludeEachOther(t *testing.T) {
	s := sim.New(keys(1))
	if _, err := s.RangePage("cc", "", "", ""); err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{s.Put("cc", "k", []byte("v")), s.Delete("other", "k")} {
		if !errors.Is(err, sim.ErrWriteAfterPage) || !errors.Is(err, sim.ErrRefused) {
			t.Errorf("write after a page: %v", err)
		}
	}
	s = sim.New(keys(1))
	if err := s.Put("other", "k", []byte("v")); err != nil {
		t.Fatal(err)
	}
	if _, err := s.RangePage("cc", "", "", ""); !errors.Is(err, sim.ErrPageAfterWrite) || !errors.Is(err, sim.ErrRefused) {
		t.Errorf("page after a write: %v", err)
	}
}

func TestNamespacesAreThoseOfTheSet(t *testing.T) {
	s := sim.New(keys(3))
	_, _ = s.Get("cc", "")             // refused
	_, _ = s.Range("nothing", "", "")  // not looked at
	_, _ = s.Get("reads", "k")         //
	_ = s.Put("writes", "k", []byte{}) //
	it, err := s.Range("ranges", "", "")
	if err != nil || it.Next() {
		t.Fatal(err)
	}
	if got, want := s.Namespaces(), []string{"ranges", "reads", "writes"}; !slices.Equal(got, want) {
		t.Errorf("namespaces are %q", got)
	}
	set := sets(t, s)
	if got := slices.Sorted(maps.Keys(set)); !slices.Equal(got, s.Namespaces()) {
		t.Errorf("the set has %q", got)
	}
}
