package validate

import (
	"fmt"

	"github.com/hyperledger/fabric-protos-go-apiv2/ledger/rwset/kvrwset"
	"github.com/weft-network/weft/ledger"
	"github.com/weft-network/weft/ledger/merkle"
)

// checkRanges is rule 21.
func (w *world) checkRanges(ns *ledger.NsRWSet) (verdict, error) {
	for _, q := range ns.Ranges {
		d, err := w.checkRange(ns.Namespace, q)
		switch {
		case err != nil:
			return nil, fmt.Errorf("range [%q, %q) of %q: %w", q.GetStartKey(), q.GetEndKey(), ns.Namespace, err)
		case d != nil:
			return phantom(ns.Namespace, q.GetStartKey(), q.GetEndKey(), d), nil
		}
	}
	return nil, nil
}

// difference is the first thing in which a range is not what a query saw.
type difference struct {
	text string // a clause
	// key is the key that differs, with its version then and now, nil for
	// absent; empty where it is not known.
	key         string
	read, found *ledger.Version
}

// checkRange compares what a range query saw with what it would see now; nil
// when that is the same.
func (w *world) checkRange(namespace string, q *kvrwset.RangeQueryInfo) (*difference, error) {
	var seen comparer = &rawReads{want: q.GetRawReads().GetKvReads()}
	if summary := q.GetReadsMerkleHashes(); summary != nil {
		tree, err := merkle.New(summary.MaxDegree)
		if err != nil {
			return &difference{text: err.Error()}, nil
		}
		seen = &hashedReads{tree: tree, want: summary}
	}
	var d *difference
	err := w.scan(namespace, q, func(key string, v ledger.Version) bool {
		d = seen.next(key, v)
		return d == nil
	})
	if err != nil || d != nil {
		return d, err
	}
	return seen.end(), nil
}

// comparer is fed the keys of a range as they are now, and says what differs
// from the query, nil for nothing.
type comparer interface {
	next(key string, v ledger.Version) *difference
	end() *difference
}

// rawReads compares with the listed reads of a query.
type rawReads struct {
	want []*kvrwset.KVRead
}

func (r *rawReads) next(key string, v ledger.Version) *difference {
	if len(r.want) == 0 {
		return isNew(key, v)
	}
	read := r.want[0]
	r.want = r.want[1:]
	was := ledger.ParseVersion(read.GetVersion())
	switch {
	case key < read.GetKey():
		return isNew(key, v)
	case key > read.GetKey():
		return isGone(read.GetKey(), was)
	case !sameVersion(was, &v):
		return &difference{fmt.Sprintf("key %q was read at %s, and is at %s", clip(key, maxShown), describe(was), describe(&v)), key, was, &v}
	}
	return nil
}

func isNew(key string, v ledger.Version) *difference {
	return &difference{fmt.Sprintf("key %q is new", clip(key, maxShown)), key, nil, &v}
}

func isGone(key string, was *ledger.Version) *difference {
	return &difference{fmt.Sprintf("key %q is gone", clip(key, maxShown)), key, was, nil}
}

func (r *rawReads) end() *difference {
	if len(r.want) > 0 {
		return isGone(r.want[0].GetKey(), ledger.ParseVersion(r.want[0].GetVersion()))
	}
	return nil
}

// hashedReads compares with the Merkle summary of a query with many results.
type hashedReads struct {
	tree *merkle.Tree
	want *kvrwset.QueryReadsMerkleSummary
}

const hashesDiffer = "its results are not those that were read"

func (r *hashedReads) next(key string, v ledger.Version) *difference {
	r.tree.Add(key, v)
	if r.tree.Level() > r.want.MaxLevel {
		return &difference{text: hashesDiffer} // already more results than were read: no need for the rest
	}
	return nil
}

func (r *hashedReads) end() *difference {
	if _, summary := r.tree.Done(); !merkle.Equal(summary, r.want) {
		return &difference{text: hashesDiffer}
	}
	return nil
}
