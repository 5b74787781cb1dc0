package validate

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"testing"

	"github.com/hyperledger/fabric-protos-go-apiv2/ledger/rwset/kvrwset"
	"github.com/weft-network/weft/ledger"
	"github.com/weft-network/weft/ledger/merkle"
	"github.com/weft-network/weft/ledger/state"
	"pgregory.net/rapid"
)

// model is the plainest form of rules 20 to 23: one map, changed in order.
type model struct {
	versions map[string]ledger.Version
	touched  map[string]bool // by this block
}

// between are the keys of [start, end), or [start, end] when inclusive.
func (m *model) between(start, end string, inclusive bool) (rows []ledger.KV) {
	for _, k := range slices.Sorted(maps.Keys(m.versions)) {
		if k >= start && (end == "" || k < end || inclusive && k == end) {
			rows = append(rows, ledger.KV{Key: k, Version: m.versions[k]})
		}
	}
	return rows
}

type modelRange struct {
	start, end string
	exhausted  bool
	saw        []ledger.KV
}

func (r modelRange) info(degree uint32) *kvrwset.RangeQueryInfo {
	q := &kvrwset.RangeQueryInfo{StartKey: r.start, EndKey: r.end, ItrExhausted: r.exhausted}
	tree, _ := merkle.New(max(degree, 2))
	raw := &kvrwset.QueryReads{}
	for _, kv := range r.saw {
		tree.Add(kv.Key, kv.Version)
		raw.KvReads = append(raw.KvReads, &kvrwset.KVRead{Key: kv.Key, Version: &kvrwset.Version{BlockNum: kv.Version.Block, TxNum: kv.Version.Tx}})
	}
	if _, summary := tree.Done(); degree >= 2 && summary != nil {
		q.ReadsInfo = &kvrwset.RangeQueryInfo_ReadsMerkleHashes{ReadsMerkleHashes: summary}
	} else {
		q.ReadsInfo = &kvrwset.RangeQueryInfo_RawReads{RawReads: raw}
	}
	return q
}

func (m *model) judge(reads []ledger.Read, ranges []modelRange) ledger.Code {
	for _, r := range reads {
		now, present := m.versions[r.Key]
		if m.touched[r.Key] || present != (r.Version != nil) || present && now != *r.Version {
			return conflict
		}
	}
	for _, r := range ranges {
		if !reflect.DeepEqual(m.between(r.start, r.end, !r.exhausted), r.saw) {
			return phantomRead
		}
	}
	return valid
}

func (m *model) apply(writes []ledger.Write, v ledger.Version) {
	for _, w := range writes {
		m.touched[w.Key] = true
		if delete(m.versions, w.Key); !w.Delete {
			m.versions[w.Key] = v
		}
	}
}

func worldOn(m *memory, number uint64) *world {
	return newWorld(newCommitted(m, &ledger.Block{}), number)
}

func codeOf(v verdict) ledger.Code {
	if v == nil {
		return valid
	}
	return v.Code
}

func TestMVCCIsTheSequentialModel(t *testing.T) {
	key := rapid.SampledFrom([]string{"a", "b", "b\x00", "c", "d", "e", "f", "g"})
	bound := rapid.SampledFrom([]string{"", "a", "b", "b\x00", "cc", "e", "g", "z"})
	rapid.Check(t, func(t *rapid.T) {
		committed := &memory{}
		m := &model{map[string]ledger.Version{}, map[string]bool{}}
		for _, k := range rapid.SliceOf(key).Draw(t, "committed") {
			v := ledger.Version{Block: rapid.Uint64Max(3).Draw(t, "block")}
			committed.set("cc", k, v)
			m.versions[k] = v
		}
		before := &model{versions: maps.Clone(m.versions)}
		w := worldOn(committed, 9)
		for i := range rapid.IntRange(1, 6).Draw(t, "transactions") {
			// A transaction saw the state before the block, or, as no honest one
			// does, that of now.
			saw := before
			if rapid.Bool().Draw(t, "sees the block") {
				saw = &model{versions: maps.Clone(m.versions)}
			}
			ns, ranges := drawTx(t, key, bound, saw)
			want := m.judge(ns.Reads, ranges)
			got, err := w.commit(&ledger.Tx{RWSet: &ledger.RWSet{Namespaces: []ledger.NsRWSet{ns}}}, i)
			if err != nil || codeOf(got) != want {
				t.Fatalf("transaction %d: %+v %v, the model says %s", i, got, err, want)
			}
			if want == valid {
				m.apply(ns.Writes, ledger.Version{Block: 9, Tx: uint64(i)})
			}
		}
		checkBatch(t, w.batch(), m)
	})
}

func drawTx(t *rapid.T, key, bound *rapid.Generator[string], saw *model) (ledger.NsRWSet, []modelRange) {
	ns := ledger.NsRWSet{Namespace: "cc"}
	for _, k := range rapid.SliceOfNDistinct(key, 0, 2, rapid.ID).Draw(t, "reads") {
		r := ledger.Read{Key: k}
		if v, ok := saw.versions[k]; ok {
			r.Version = &v
		}
		ns.Reads = append(ns.Reads, r)
	}
	var ranges []modelRange
	for range rapid.IntRange(0, 1).Draw(t, "ranges") {
		r := modelRange{start: bound.Draw(t, "start"), end: bound.Draw(t, "end"), exhausted: rapid.Bool().Draw(t, "exhausted")}
		if r.end < r.start && r.end != "" {
			r.start, r.end = r.end, r.start
		}
		r.saw = saw.between(r.start, r.end, !r.exhausted)
		ranges = append(ranges, r)
		ns.Ranges = append(ns.Ranges, r.info(rapid.Uint32Max(3).Draw(t, "degree")))
	}
	for _, k := range rapid.SliceOfNDistinct(key, 0, 3, rapid.ID).Draw(t, "writes") {
		w := ledger.Write{Key: k, Delete: rapid.Bool().Draw(t, "delete")}
		if !w.Delete {
			w.Value = []byte("v")
		}
		ns.Writes = append(ns.Writes, w)
	}
	return ns, ranges
}

// checkBatch: the batch is sorted, names every touched key once, and ends where
// the model does.
func checkBatch(t *rapid.T, b state.Batch, m *model) {
	var keys []string
	for _, u := range b {
		keys = append(keys, u.Key)
		v, present := m.versions[u.Key]
		if u.Delete == present || present && v != u.Version || u.Delete != (u.Value == nil) {
			t.Fatalf("update %+v, the model has %v, %v", u, v, present)
		}
	}
	if want := slices.Sorted(maps.Keys(m.touched)); !slices.Equal(keys, want) {
		t.Fatalf("updates of %q, touched were %q", keys, want)
	}
}

func TestTheLastKeyOfAnUnfinishedRangeBelongsToIt(t *testing.T) {
	for _, exhausted := range []bool{true, false} {
		committed := &memory{}
		committed.set("cc", "a", ledger.Version{Block: 1})
		committed.set("cc", "b", ledger.Version{Block: 1})
		q := modelRange{"a", "b", exhausted, []ledger.KV{{Key: "a", Version: ledger.Version{Block: 1}}}}.info(0)
		d, err := worldOn(committed, 2).checkRange("cc", q)
		if err != nil || (d == nil) != exhausted {
			t.Errorf("exhausted %v: %+v, %v", exhausted, d, err)
		}
	}
}

func TestAnEmptyValueIsADelete(t *testing.T) {
	w := worldOn(&memory{}, 1)
	set := &ledger.RWSet{Namespaces: []ledger.NsRWSet{{Namespace: "cc", Writes: []ledger.Write{{Key: "k", Value: []byte{}}}}}}
	if err := w.apply(set, ledger.Version{Block: 1}); err != nil {
		t.Fatal(err)
	}
	if b := w.batch(); len(b) != 1 || !b[0].Delete || b[0].Value != nil {
		t.Errorf("%+v", b)
	}
}

func BenchmarkFinish(b *testing.B) {
	n := newNetwork(b)
	var envelopes [][]byte
	for i := range 200 {
		envelopes = append(envelopes, n.tx(func(d *draft) {
			d.nonce = fmt.Appendf(nil, "n%d", i)
			d.set[0].kv = &kvrwset.KVRWSet{
				Reads:  []*kvrwset.KVRead{{Key: fmt.Sprint(i)}},
				Writes: []*kvrwset.KVWrite{{Key: fmt.Sprint(i), Value: []byte("v")}},
			}
		}))
	}
	blk := n.block(envelopes...)
	p, err := Prepare(b.Context(), blk, n.cfg, 2)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := p.Finish(n.ledger); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/200, "ns/tx")
}
