package state_test

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/weft-network/weft/ledger"
	"github.com/weft-network/weft/ledger/state"
	"pgregory.net/rapid"
)

type place struct{ ns, collection, key string }

// world is a state as a map.
type world map[place]state.Entry

func (w world) apply(b state.Batch) world {
	w = maps.Clone(w)
	for _, u := range b {
		p := place{u.Namespace, u.Collection, u.Key}
		if delete(w, p); !u.Removes() {
			w[p] = state.Entry{Value: u.Value, Metadata: u.Metadata, Version: u.Version}
		}
	}
	return w
}

func (w world) Get(ns, key string) ([]byte, *ledger.Version, error) {
	e, err := w.Entry(ns, "", key)
	if e == nil {
		return nil, nil, err
	}
	return e.Value, &e.Version, err
}

func (w world) Entry(ns, collection, key string) (*state.Entry, error) {
	if e, ok := w[place{ns, collection, key}]; ok {
		return &e, nil
	}
	return nil, nil
}

func (w world) NoMetadata() bool {
	for _, e := range w {
		if len(e.Metadata) > 0 {
			return false
		}
	}
	return true
}

func (w world) Range(ns, start, end string) (state.Iterator, error) {
	it := &list{}
	for p, e := range w {
		if p.ns == ns && p.collection == "" && p.key >= start && (end == "" || p.key < end) {
			it.kvs = append(it.kvs, ledger.KV{Key: p.key, Value: e.Value, Version: e.Version})
		}
	}
	slices.SortFunc(it.kvs, func(a, b ledger.KV) int { return cmp.Compare(a.Key, b.Key) })
	return it, nil
}

type list struct {
	kvs []ledger.KV
	kv  ledger.KV
	err error // after the last
}

func (l *list) Next() bool {
	if len(l.kvs) == 0 {
		return false
	}
	l.kv, l.kvs = l.kvs[0], l.kvs[1:]
	return true
}
func (l *list) KV() ledger.KV { return l.kv }
func (l *list) Err() error    { return l.err }
func (l *list) Close() error  { return nil }

var (
	names       = []string{"", "a", "ab", "b"}
	collections = []string{"", "", "c", "d"}
)

func drawBatch(t *rapid.T, block uint64) state.Batch {
	byPlace := map[place]state.Update{}
	for i := range rapid.IntRange(0, 12).Draw(t, "writes") {
		p := place{rapid.SampledFrom(names).Draw(t, "ns"), rapid.SampledFrom(collections).Draw(t, "collection"), fmt.Sprint(rapid.IntRange(0, 9).Draw(t, "key"))}
		u := state.Update{Namespace: p.ns, Collection: p.collection, Key: p.key, Version: ledger.Version{Block: block, Tx: uint64(i)}}
		switch rapid.IntRange(0, 3).Draw(t, "kind") {
		case 0:
			u.Delete = true
		case 1: // an empty value
		default:
			u.Value, u.Metadata = []byte{byte(block), byte(i)}, []byte{'m', byte(i)}
		}
		byPlace[p] = u
	}
	b := slices.Collect(maps.Values(byPlace))
	slices.SortFunc(b, func(a, b state.Update) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Collection, b.Collection), cmp.Compare(a.Key, b.Key))
	})
	return b
}

func keys(t interface{ Fatal(...any) }, r state.Reader, ns, start, end string) string {
	it, err := r.Range(ns, start, end)
	if err != nil {
		t.Fatal(err)
	}
	got := ""
	for it.Next() {
		got += fmt.Sprintf("%+v ", it.KV())
	}
	if err := errors.Join(it.Err(), it.Close()); err != nil {
		t.Fatal(err)
	}
	return got
}

func TestOverlayIsTheStateWithItsBatchesApplied(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		base := world{}.apply(drawBatch(t, 1))
		want := base
		var batches []state.Batch
		for i := range rapid.IntRange(0, 3).Draw(t, "batches") {
			batches = append(batches, drawBatch(t, uint64(i+2)))
			want = want.apply(batches[i])
		}
		if n := rapid.IntRange(0, len(batches)).Draw(t, "already in base"); n > 0 {
			base = base.apply(batches[0])
		}
		got := state.Overlay(base, batches...)
		if got.NoMetadata() && !want.NoMetadata() {
			t.Fatal("keys have metadata that nobody would look for")
		}
		if !got.NoMetadata() && base.NoMetadata() && !slices.ContainsFunc(batches, state.Batch.Describes) {
			t.Fatal("metadata is looked for where none was ever written")
		}
		for _, ns := range names {
			for n := range 10 {
				key := fmt.Sprint(n)
				value, version, err := got.Get(ns, key)
				wantValue, wantVersion, _ := want.Get(ns, key)
				if err != nil || !bytes.Equal(value, wantValue) || (version == nil) != (wantVersion == nil) || version != nil && *version != *wantVersion {
					t.Fatalf("%q %s is %v at %v (%v), want %v at %v", ns, key, value, version, err, wantValue, wantVersion)
				}
				for _, c := range collections {
					e, err := got.Entry(ns, c, key)
					wantEntry, _ := want.Entry(ns, c, key)
					if err != nil || fmt.Sprintf("%+v", e) != fmt.Sprintf("%+v", wantEntry) {
						t.Fatalf("%q %q %s is %+v (%v), want %+v", ns, c, key, e, err, wantEntry)
					}
				}
			}
			start, end := fmt.Sprint(rapid.IntRange(0, 9).Draw(t, "start")), rapid.SampledFrom([]string{"", "3", "7"}).Draw(t, "end")
			if got, want := keys(t, got, ns, start, end), keys(t, want, ns, start, end); got != want {
				t.Fatalf("%q from %s to %q: %s, want %s", ns, start, end, got, want)
			}
		}
	})
}

type failing struct{ world }

func (failing) Range(string, string, string) (state.Iterator, error) {
	return &list{err: errors.New("disk")}, nil
}

// What would follow the error of the base is not given: it would look like the
// next key.
func TestOverlayEndsWithAnErrorOfItsBase(t *testing.T) {
	it, err := state.Overlay(failing{}, marbles(1, "k", "v")).Range("marbles", "", "")
	if err != nil {
		t.Fatal(err)
	}
	if it.Next() || it.Err() == nil {
		t.Error("it goes on")
	}
}
