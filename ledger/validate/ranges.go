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
		why, err := w.checkRange(ns.Namespace, q)
		switch {
		case err != nil:
			return nil, fmt.Errorf("range [%q, %q) of %q: %w", q.GetStartKey(), q.GetEndKey(), ns.Namespace, err)
		case why != "":
			return phantom(ns.Namespace, q.GetStartKey(), q.GetEndKey(), why), nil
		}
	}
	return nil, nil
}

// checkRange compares what a range query saw with what it would see now.
func (w *world) checkRange(namespace string, q *kvrwset.RangeQueryInfo) (string, error) {
	var seen comparer = &rawReads{want: q.GetRawReads().GetKvReads()}
	if summary := q.GetReadsMerkleHashes(); summary != nil {
		tree, err := merkle.New(summary.MaxDegree)
		if err != nil {
			return err.Error(), nil
		}
		seen = &hashedReads{tree: tree, want: summary}
	}
	why := ""
	err := w.scan(namespace, q, func(key string, v ledger.Version) bool {
		why = seen.next(key, v)
		return why == ""
	})
	if err != nil || why != "" {
		return why, err
	}
	return seen.end(), nil
}

// comparer is fed the keys of a range as they are now, and says what differs
// from the query, "" for nothing.
type comparer interface {
	next(key string, v ledger.Version) string
	end() string
}

// rawReads compares with the listed reads of a query.
type rawReads struct {
	want []*kvrwset.KVRead
}

func (r *rawReads) next(key string, v ledger.Version) string {
	if len(r.want) == 0 {
		return fmt.Sprintf("key %q is new", clip(key, maxShown))
	}
	read := r.want[0]
	r.want = r.want[1:]
	if read.GetKey() != key {
		return fmt.Sprintf("key %q stands where %q was read", clip(key, maxShown), clip(read.GetKey(), maxShown))
	}
	if was := ledger.ParseVersion(read.GetVersion()); !sameVersion(was, &v) {
		return fmt.Sprintf("key %q was read at %s, and is at %s", clip(key, maxShown), describe(was), describe(&v))
	}
	return ""
}

func (r *rawReads) end() string {
	if len(r.want) > 0 {
		return fmt.Sprintf("key %q is gone", clip(r.want[0].GetKey(), maxShown))
	}
	return ""
}

// hashedReads compares with the Merkle summary of a query with many results.
type hashedReads struct {
	tree *merkle.Tree
	want *kvrwset.QueryReadsMerkleSummary
}

const hashesDiffer = "its results are not those that were read"

func (r *hashedReads) next(key string, v ledger.Version) string {
	r.tree.Add(key, v)
	if r.tree.Level() > r.want.MaxLevel {
		return hashesDiffer // already more results than were read: no need for the rest
	}
	return ""
}

func (r *hashedReads) end() string {
	if _, summary := r.tree.Done(); !merkle.Equal(summary, r.want) {
		return hashesDiffer
	}
	return ""
}
