package validate

import (
	"slices"

	"github.com/hyperledger/fabric-protos-go-apiv2/ledger/rwset/kvrwset"
	"github.com/weft-network/weft/ledger"
)

// scan walks the keys that a range query would return now, committed state and
// pending writes merged, until visit returns false.
//
// A query whose reader stopped early records the last key it took as its end:
// that key belongs to the range then, though ends are exclusive otherwise.
func (w *world) scan(namespace string, q *kvrwset.RangeQueryInfo, visit func(string, ledger.Version) bool) error {
	start, end := q.GetStartKey(), q.GetEndKey()
	if end == "" || start < end {
		if more, err := w.merge(namespace, start, end, visit); err != nil || !more {
			return err
		}
	}
	if q.GetItrExhausted() {
		return nil
	}
	version, err := w.version(place{namespace, "", end})
	if err != nil || version == nil {
		return err
	}
	visit(end, *version)
	return nil
}

// merge walks start ≤ key < end; pending writes hide committed ones. It reports
// whether visit wants more.
func (w *world) merge(namespace, start, end string, visit func(string, ledger.Version) bool) (more bool, err error) {
	it, err := w.before.Range(namespace, start, end)
	if err != nil {
		return false, err
	}
	defer func() {
		if closeErr := it.Close(); err == nil {
			err = closeErr
		}
	}()
	pending := between(w.pendingKeys(namespace), start, end)
	// flush visits the pending writes below key, or all of them.
	flush := func(key string, all bool) bool {
		for len(pending) > 0 && (all || pending[0] < key) {
			u := &w.pending[w.index[place{namespace, "", pending[0]}]]
			pending = pending[1:]
			if !u.Delete && !visit(u.Key, u.Version) {
				return false
			}
		}
		return true
	}
	for it.Next() {
		kv := it.KV()
		if !flush(kv.Key, false) {
			return false, nil
		}
		if len(pending) > 0 && pending[0] == kv.Key {
			continue // the next flush visits the newer one
		}
		if !visit(kv.Key, kv.Version) {
			return false, nil
		}
	}
	if err := it.Err(); err != nil {
		return false, err
	}
	return flush("", true), nil
}

// between are the sorted keys with start ≤ key < end; an empty end has no bound.
func between(keys []string, start, end string) []string {
	from, _ := slices.BinarySearch(keys, start)
	keys = keys[from:]
	if end != "" {
		to, _ := slices.BinarySearch(keys, end)
		keys = keys[:to]
	}
	return keys
}

// version is the newest version of a key, nil when it is absent.
func (w *world) version(p place) (*ledger.Version, error) {
	if i, ok := w.index[p]; ok {
		if u := &w.pending[i]; !u.Delete {
			return &u.Version, nil
		}
		return nil, nil
	}
	k, err := w.before.find(p)
	return k.at(), err
}
