package validate

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"

	"github.com/weft-network/weft/ledger"
	"github.com/weft-network/weft/ledger/sim"
	"github.com/weft-network/weft/ledger/state"
)

// naive is the state of one namespace as anybody would write it down.
type naive map[string]ledger.Version

// between are the keys start ≤ key < end with their versions; an empty end has
// no bound.
func (n naive) between(start, end string) (list []ledger.KV) {
	for _, key := range slices.Sorted(maps.Keys(n)) {
		if key >= start && (end == "" || key < end) {
			list = append(list, ledger.KV{Key: key, Version: n[key]})
		}
	}
	return list
}

// rangeCase reads a fuzzer's bytes; after their end it reads zeros.
type rangeCase struct{ left []byte }

func (c *rangeCase) next() int {
	if len(c.left) == 0 {
		return 0
	}
	b := c.left[0]
	c.left = c.left[1:]
	return int(b)
}

// key is one of 256 whose order is not that of their numbers.
func (c *rangeCase) key() string { return rangeKey(c.next()) }

func rangeKey(n int) string {
	switch n % 5 {
	case 0:
		return fmt.Sprintf("\x00t\x00%d\x00", n)
	case 1:
		return fmt.Sprintf("k%d", n)
	case 2:
		return fmt.Sprintf("é%d", n)
	}
	return fmt.Sprintf("%c", rune('A'+n))
}

// changes are writes: of a key its number, and a delete or a value.
func (c *rangeCase) changes() (writes []ledger.Write) {
	for range c.next() % 8 {
		w := ledger.Write{Key: c.key()}
		if w.Delete = c.next()%2 == 0; !w.Delete {
			w.Value = []byte("new")
		}
		writes = append(writes, w)
	}
	return writes
}

func (n naive) apply(writes []ledger.Write, v ledger.Version) {
	for _, w := range writes {
		if delete(n, w.Key); !w.Delete {
			n[w.Key] = v
		}
	}
}

// took is what a query read, and how far it looked.
type took struct {
	start, end string // end is the last key taken if the query was left there
	left       bool
	list       []ledger.KV
}

// still tells whether the query would read the same now.
func (k *took) still(now naive) bool {
	end := k.end
	if k.left {
		end += "\x00" // the next string: the last key is part of it
	}
	return slices.EqualFunc(k.list, now.between(k.start, end), func(a, b ledger.KV) bool { return a.Key == b.Key && a.Version == b.Version })
}

// query makes one, by pages or not, and compares what it gives with the model.
func (c *rangeCase) query(t *testing.T, s *sim.Simulator, model naive) took {
	start, end, bookmark := "", "", ""
	if n := c.next(); n > 0 {
		start = rangeKey(n)
	}
	if n := c.next(); n > 0 {
		end = rangeKey(n)
	}
	most, how := c.next(), c.next()
	var it state.Iterator
	var err error
	if how%3 == 0 {
		if how%2 == 0 {
			bookmark = rangeKey(how)
		}
		it, err = s.RangePage("cc", start, end, bookmark)
	} else {
		it, err = s.Range("cc", start, end)
	}
	if err != nil {
		t.Fatal(err)
	}
	if bookmark != "" {
		start = bookmark
	}
	want := model.between(start, end)
	k := took{start: start, end: end, left: true}
	for most == 255 || len(k.list) < most {
		if !it.Next() {
			k.left = false
			break
		}
		k.list = append(k.list, ledger.KV{Key: it.KV().Key, Version: it.KV().Version})
	}
	if err := it.Err(); err != nil {
		t.Fatal(err)
	}
	if !slices.EqualFunc(k.list, want[:min(len(want), len(k.list))], func(a, b ledger.KV) bool { return a.Key == b.Key && a.Version == b.Version }) || !k.left && len(k.list) != len(want) {
		t.Fatalf("the range from %q to %q gave %v of %v", start, end, k.list, want)
	}
	if k.left && len(k.list) > 0 {
		k.end = k.list[len(k.list)-1].Key
	}
	return k
}

// A range query that a simulation made stands at validation exactly if it would
// give the same keys at the same versions, as far as it was read: whatever was
// committed in between, and whatever earlier transactions of the block write.
func FuzzRangeQuery(f *testing.F) {
	f.Add([]byte("\x05\x01\x02\x03\x04\x06\x01\x00\x00\xff\x01\x00\x00"))         // all of five keys, nothing changes
	f.Add([]byte("\x05\x01\x02\x03\x04\x06\x01\x00\x00\xff\x01\x01\x07\x01\x00")) // a key is new
	f.Add([]byte("\x05\x01\x02\x03\x04\x06\x01\x00\x00\x02\x01\x00\x02\x03\x00\x07\x01"))
	f.Add(append([]byte("\xc8"), append(sequence(200), "\x01\x00\x00\xff\x01\x00\x01\x64\x00"...)...)) // 200 keys are hashed, one is deleted
	f.Add(append([]byte("\x78"), append(sequence(120), "\x02\x03\x50\x14\x06\x00\x00\x3c\x03\x00\x00"...)...))
	f.Fuzz(func(t *testing.T, data []byte) {
		c := &rangeCase{data}
		before := &memory{}
		model := naive{}
		for i := range c.next() {
			key, v := c.key(), ledger.Version{Block: 1, Tx: uint64(i)}
			before.set("cc", key, v)
			model[key] = v
		}
		s := sim.New(before)
		var queries []took
		for range 1 + c.next()%3 {
			queries = append(queries, c.query(t, s, model))
		}
		raw, err := s.Results()
		if err != nil {
			t.Fatal(err)
		}
		set, err := ledger.ParseRWSet(raw)
		if err != nil {
			t.Fatal(err)
		}
		committed, pending := c.changes(), c.changes()
		for i, w := range committed {
			v := ledger.Version{Block: 2, Tx: uint64(i)}
			before.apply(state.Batch{{Namespace: "cc", Key: w.Key, Value: w.Value, Delete: w.Delete, Version: v}})
			model.apply(committed[i:i+1], v)
		}
		block := &ledger.Block{Block: &common.Block{Header: &common.BlockHeader{Number: 3}}}
		w := newWorld(newCommitted(before, block), 3)
		for i := range pending {
			earlier := &ledger.Tx{RWSet: &ledger.RWSet{Namespaces: []ledger.NsRWSet{{Namespace: "cc", Writes: pending[i : i+1]}}}}
			if v, err := w.commit(earlier, i); v != nil || err != nil {
				t.Fatalf("a blind write: %v, %v", v, err)
			}
			model.apply(pending[i:i+1], ledger.Version{Block: 3, Tx: uint64(i)})
		}
		stands := true
		for _, k := range queries {
			stands = stands && (k.left && len(k.list) == 0 || k.still(model))
		}
		v, err := w.commit(&ledger.Tx{RWSet: set}, len(pending))
		if err != nil {
			t.Fatal(err)
		}
		if stands != (v == nil) {
			t.Fatalf("the model says %t, validation %+v\nqueries %+v\nnow %v", stands, v, queries, model.between("", ""))
		}
	})
}

func sequence(n int) (b []byte) {
	for i := range n {
		b = append(b, byte(i+1))
	}
	return b
}
