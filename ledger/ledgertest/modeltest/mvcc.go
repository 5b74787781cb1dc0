package modeltest

import (
	"bytes"
	"crypto/sha256"
	"maps"
	"slices"
	"strings"

	"github.com/hyperledger/fabric-protos-go-apiv2/ledger/rwset/kvrwset"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
)

// reads is rules 20 to 22.
func (j *judgement) reads(t *tx) code {
	bug := j.m.Bug
	for i := range t.set {
		s := &t.set[i]
		for _, r := range s.kv.Reads {
			if !j.unchanged(Key{Namespace: s.name, Name: r.Key}, r.Version) {
				return peer.TxValidationCode_MVCC_READ_CONFLICT
			}
		}
		for _, q := range s.kv.RangeQueriesInfo {
			if bug != NoPhantom && !j.sameRange(s.name, q) {
				return peer.TxValidationCode_PHANTOM_READ_CONFLICT
			}
		}
		for n, h := range s.hashed {
			for _, r := range h.HashedReads {
				if bug != NoHashedRead && !j.unchangedHash(Key{s.name, s.collections[n], string(r.KeyHash)}, r.Version) {
					return peer.TxValidationCode_MVCC_READ_CONFLICT
				}
			}
		}
	}
	return valid
}

func (j *judgement) unchanged(k Key, was *kvrwset.Version) bool {
	if j.pending[k] != nil && j.m.Bug != NoPendingRead {
		return false
	}
	now, ok := j.m.State[k]
	return same(was, now, ok) || j.m.Bug == NoReadCheck
}

// unchangedHash: a collection without a name has no keys, though what is written
// there is written to public ones.
func (j *judgement) unchangedHash(k Key, was *kvrwset.Version) bool {
	if k.Collection == "" {
		return was == nil
	}
	return j.unchanged(k, was)
}

func same(was *kvrwset.Version, now Value, ok bool) bool {
	if was == nil || !ok {
		return was == nil && !ok
	}
	return was.BlockNum == now.Block && was.TxNum == now.Tx
}

// sameRange runs the query again over everything there is.
func (j *judgement) sameRange(namespace string, q *kvrwset.RangeQueryInfo) bool {
	all := map[string]Value{}
	add := func(k Key, v Value) {
		in := k.Name >= q.StartKey && (q.EndKey == "" || k.Name < q.EndKey)
		last := !q.ItrExhausted && k.Name == q.EndKey && j.m.Bug != ExclusiveEnd
		if k.Namespace == namespace && k.Collection == "" && (in || last) {
			all[k.Name] = v
		}
	}
	for k, v := range j.m.State {
		add(k, v)
	}
	for k, v := range j.pending {
		add(k, *v)
	}
	var now []*kvrwset.KVRead
	for name, v := range all {
		if v.Value != "" {
			now = append(now, &kvrwset.KVRead{Key: name, Version: &kvrwset.Version{BlockNum: v.Block, TxNum: v.Tx}})
		}
	}
	// The last key of a query that was not read to its end comes last, whatever
	// it is.
	slices.SortFunc(now, func(a, b *kvrwset.KVRead) int {
		if !q.ItrExhausted && a.Key != b.Key && (a.Key == q.EndKey || b.Key == q.EndKey) {
			if a.Key == q.EndKey {
				return 1
			}
			return -1
		}
		return strings.Compare(a.Key, b.Key)
	})
	if sum := q.GetReadsMerkleHashes(); sum != nil {
		level, hashes := merkle(int(sum.MaxDegree), now)
		return level != 0 && level == sum.MaxLevel && slices.EqualFunc(hashes, sum.MaxLevelHashes, bytes.Equal)
	}
	return slices.EqualFunc(now, q.GetRawReads().GetKvReads(), func(a, b *kvrwset.KVRead) bool {
		return a.Key == b.Key && b.Version != nil && a.Version.BlockNum == b.Version.BlockNum && a.Version.TxNum == b.Version.TxNum
	})
}

// Summary is what a query with many results records of them; nil for few.
func Summary(degree int, results []*kvrwset.KVRead) *kvrwset.QueryReadsMerkleSummary {
	level, hashes := merkle(degree, results)
	if level == 0 {
		return nil
	}
	return &kvrwset.QueryReadsMerkleSummary{MaxDegree: uint32(degree), MaxLevel: level, MaxLevelHashes: hashes}
}

// merkle summarises results: each degree+1 of them make a hash, each degree+1
// hashes one of the level above; level 0 is no summary. What is left over below
// the top goes up, alone as it is, together as one hash.
func merkle(degree int, results []*kvrwset.KVRead) (uint32, [][]byte) {
	if degree < 2 || len(results) <= degree {
		return 0, nil
	}
	levels := [][][]byte{nil}
	raise := func(level int, h []byte) {
		if level == len(levels) {
			levels = append(levels, nil)
		}
		levels[level] = append(levels[level], h)
	}
	for part := range slices.Chunk(results, degree+1) {
		raise(0, hashOf([]byte(mustMarshal(&kvrwset.QueryReads{KvReads: part}))))
		for l := 0; len(levels[l]) > degree; l++ {
			h := hashOf(levels[l]...)
			levels[l] = nil
			raise(l+1, h)
		}
	}
	for l := 0; l < len(levels)-1; l++ {
		below := levels[l]
		levels[l] = nil
		if len(below) == 1 {
			raise(l+1, below[0])
		} else if len(below) > 1 {
			raise(l+1, hashOf(below...))
		}
	}
	if top := levels[len(levels)-1]; len(top) > degree {
		return uint32(len(levels) + 1), [][]byte{hashOf(top...)}
	}
	return uint32(len(levels)), levels[len(levels)-1]
}

func hashOf(parts ...[]byte) []byte {
	sum := sha256.Sum256(join(parts...))
	return sum[:]
}

// deeds are what a transaction does to one key. Each deed adds its number, so
// that repeated ones are others than they were.
type deeds struct {
	sum             uint8
	value, metadata string
}

const (
	putValue, putMetadata, dropMetadata, dropKey uint8 = 1, 2, 4, 8
)

// apply is rule 23: all deeds of the transaction, each key's completed by what
// was there before the transaction.
func (j *judgement) apply(t *tx, index uint64) {
	all := map[Key]*deeds{}
	of := func(k Key) *deeds {
		if all[k] == nil {
			all[k] = &deeds{}
		}
		return all[k]
	}
	metadata := func(k Key, entries []*kvrwset.KVMetadataEntry) {
		if d := of(k); len(entries) == 0 {
			d.sum += dropMetadata
		} else {
			d.sum, d.metadata = d.sum+putMetadata, mustMarshal(&kvrwset.KVMetadataWrite{Entries: entries})
		}
	}
	for i := range t.set {
		s := &t.set[i]
		s.values(func(k Key, v string) {
			if d := of(k); v == "" {
				d.sum += dropKey
			} else {
				d.sum, d.value = d.sum+putValue, v
			}
		})
		for _, w := range s.kv.MetadataWrites {
			metadata(Key{Namespace: s.name, Name: w.Key}, w.Entries)
		}
		for n, h := range s.hashed {
			for _, w := range h.MetadataWrites {
				metadata(Key{s.name, s.collections[n], string(w.KeyHash)}, w.Entries)
			}
		}
	}
	results := map[Key]*Value{}
	for k, d := range all {
		if v := j.complete(k, *d); v != nil {
			if j.m.Bug != SameVersion || d.sum&(putValue|dropKey) != 0 {
				v.Block, v.Tx = j.number, index
			}
			results[k] = v
		}
	}
	maps.Copy(j.pending, results)
}

// complete is what a key is after a transaction's deeds, "" for gone, nil for as
// it was.
func (j *judgement) complete(k Key, d deeds) *Value {
	old := j.m.State[k]
	if p := j.pending[k]; p != nil {
		old = *p
	}
	has := func(deed uint8) bool { return d.sum&deed != 0 }
	switch {
	case has(dropKey):
		return &Value{}
	case has(putValue) && (has(putMetadata) || has(dropMetadata)):
		return &Value{Value: d.value, Metadata: d.metadata}
	case d.sum|putValue == putValue && j.m.Bug == LostMetadata:
		return &Value{Value: d.value}
	case d.sum|putValue == putValue:
		return &Value{Value: d.value, Metadata: old.Metadata}
	case old.Value == "":
		return nil // the metadata of a key that is not there
	}
	return &Value{Value: old.Value, Metadata: d.metadata, Block: old.Block, Tx: old.Tx}
}
