package validate

import (
	"cmp"
	"slices"

	"github.com/weft-network/weft/ledger"
	"github.com/weft-network/weft/ledger/state"
)

// world is the committed state and, on top of it, the writes of those
// transactions of the block that are valid so far.
type world struct {
	before  *committed
	number  uint64
	pending state.Batch   // not sorted, each key once
	index   map[place]int // into pending
	// sorted are the public keys in pending of each namespace that a range was
	// asked of.
	sorted map[string][]string
}

func newWorld(before *committed, number uint64) *world {
	return &world{
		before: before, number: number,
		pending: make(state.Batch, 0, len(before.seen)), // most of what was looked at was written
		index:   make(map[place]int, len(before.seen)),
		sorted:  make(map[string][]string),
	}
}

// commit checks what a transaction read and, if that still stands, applies what
// it wrote. An error is an I/O error of the committed state.
func (w *world) commit(t *ledger.Tx, index int) (verdict, error) {
	version := ledger.Version{Block: w.number, Tx: uint64(index)}
	if t.IsConfig() {
		w.put(configUpdate(t, version))
		return nil, nil
	}
	for i := range t.RWSet.Namespaces {
		ns := &t.RWSet.Namespaces[i]
		if v, err := w.checkReads(ns); v != nil || err != nil {
			return v, err
		}
		if v, err := w.checkRanges(ns); v != nil || err != nil {
			return v, err
		}
		if v, err := w.checkHashedReads(ns); v != nil || err != nil {
			return v, err
		}
	}
	return nil, w.apply(t.RWSet, version)
}

// checkReads is rule 20.
func (w *world) checkReads(ns *ledger.NsRWSet) (verdict, error) {
	for i := range ns.Reads {
		r := &ns.Reads[i]
		if v, err := w.checkRead(place{ns.Namespace, "", r.Key}, r.Version); v != nil || err != nil {
			return v, err
		}
	}
	return nil, nil
}

// checkHashedReads is rule 22. No key is in a collection without a name: its
// writes are public ones, see apply.
func (w *world) checkHashedReads(ns *ledger.NsRWSet) (verdict, error) {
	for i := range ns.Collections {
		c := &ns.Collections[i]
		for k := range c.Reads {
			r, p := &c.Reads[k], place{ns.Namespace, c.Name, string(c.Reads[k].KeyHash)}
			switch {
			case c.Name != "":
				if v, err := w.checkRead(p, r.Version); v != nil || err != nil {
					return v, err
				}
			case r.Version != nil:
				return readConflict(p, r.Version, nil, w.number), nil
			}
		}
	}
	return nil, nil
}

func (w *world) checkRead(p place, read *ledger.Version) (verdict, error) {
	if i, ok := w.index[p]; ok {
		found := w.pending[i].Version // a copy: pending moves
		return readConflict(p, read, &found, w.number), nil
	}
	now, err := w.before.find(p)
	if err != nil {
		return nil, err
	}
	if !sameVersion(now.at(), read) {
		return readConflict(p, read, now.at(), w.number), nil
	}
	return nil, nil
}

func (w *world) put(u state.Update) {
	p := place{u.Namespace, u.Collection, u.Key}
	if i, ok := w.index[p]; ok {
		w.pending[i] = u
		return
	}
	w.index[p] = len(w.pending)
	w.pending = append(w.pending, u)
	if keys, ok := w.sorted[u.Namespace]; ok && u.Collection == "" {
		i, _ := slices.BinarySearch(keys, u.Key)
		w.sorted[u.Namespace] = slices.Insert(keys, i, u.Key)
	}
}

// pendingKeys are the public keys of a namespace with pending updates, sorted.
func (w *world) pendingKeys(namespace string) []string {
	keys, ok := w.sorted[namespace]
	if ok {
		return keys
	}
	for i := range w.pending {
		if u := &w.pending[i]; u.Namespace == namespace && u.Collection == "" {
			keys = append(keys, u.Key)
		}
	}
	slices.Sort(keys)
	w.sorted[namespace] = keys
	return keys
}

// batch is what is pending, sorted. The world is used up.
func (w *world) batch() state.Batch {
	slices.SortFunc(w.pending, func(a, b state.Update) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Collection, b.Collection), cmp.Compare(a.Key, b.Key))
	})
	return w.pending
}
