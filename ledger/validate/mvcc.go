package validate

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"github.com/weft-network/weft/ledger"
	"github.com/weft-network/weft/ledger/state"
)

// world is the committed state and, on top of it, the writes of those
// transactions of the block that are valid so far.
type world struct {
	committed state.Reader
	number    uint64
	pending   map[string]map[string]*state.Update // by namespace and key
}

func newWorld(committed state.Reader, number uint64) *world {
	return &world{committed: committed, number: number, pending: make(map[string]map[string]*state.Update)}
}

// commit checks what a transaction read and, if that still stands, applies what
// it wrote. An error is an I/O error of the committed state.
func (w *world) commit(t *ledger.Tx, index int) (verdict, error) {
	for i := range t.RWSet.Namespaces {
		ns := &t.RWSet.Namespaces[i]
		if v, err := w.checkReads(ns); err != nil || !v.ok() {
			return v, err
		}
		if v, err := w.checkRanges(ns); err != nil || !v.ok() {
			return v, err
		}
	}
	w.apply(t.RWSet, index)
	return verdict{}, nil
}

// checkReads is rule 20.
func (w *world) checkReads(ns *ledger.NsRWSet) (verdict, error) {
	conflict := peer.TxValidationCode_MVCC_READ_CONFLICT
	for _, r := range ns.Reads {
		if u := w.pending[ns.Namespace][r.Key]; u != nil {
			return invalid(conflict, "key %q of %q was read, and written by transaction %d of this block",
				r.Key, ns.Namespace, u.Version.Tx), nil
		}
		_, version, err := w.committed.Get(ns.Namespace, r.Key)
		if err != nil {
			return verdict{}, fmt.Errorf("read key %q of %q: %w", r.Key, ns.Namespace, err)
		}
		if !sameVersion(version, r.Version) {
			return invalid(conflict, "key %q of %q was read at %s, and is at %s",
				r.Key, ns.Namespace, describe(r.Version), describe(version)), nil
		}
	}
	return verdict{}, nil
}

// apply is rule 23.
func (w *world) apply(set *ledger.RWSet, index int) {
	version := ledger.Version{Block: w.number, Tx: uint64(index)}
	for i := range set.Namespaces {
		ns := &set.Namespaces[i]
		for _, wr := range ns.Writes {
			w.put(state.Update{
				Namespace: ns.Namespace, Key: wr.Key, Value: wr.Value,
				// Parsing sees to it already; who builds a Write by hand may not.
				Delete:  wr.Delete || len(wr.Value) == 0,
				Version: version,
			})
		}
	}
}

func (w *world) put(u state.Update) {
	if u.Delete {
		u.Value = nil
	}
	keys := w.pending[u.Namespace]
	if keys == nil {
		keys = make(map[string]*state.Update)
		w.pending[u.Namespace] = keys
	}
	keys[u.Key] = &u
}

// batch is what is pending, sorted.
func (w *world) batch() state.Batch {
	var b state.Batch
	for _, ns := range slices.Sorted(maps.Keys(w.pending)) {
		for _, key := range slices.Sorted(maps.Keys(w.pending[ns])) {
			b = append(b, *w.pending[ns][key])
		}
	}
	return b
}

// pendingRange are the pending updates with start ≤ key < end, sorted; an empty
// end has no bound.
func (w *world) pendingRange(namespace, start, end string) []*state.Update {
	var in []*state.Update
	for key, u := range w.pending[namespace] {
		if key >= start && (end == "" || key < end) {
			in = append(in, u)
		}
	}
	slices.SortFunc(in, func(a, b *state.Update) int { return strings.Compare(a.Key, b.Key) })
	return in
}

func sameVersion(a, b *ledger.Version) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}

func describe(v *ledger.Version) string {
	if v == nil {
		return "no version"
	}
	return fmt.Sprintf("version %d:%d", v.Block, v.Tx)
}
