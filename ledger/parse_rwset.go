package ledger

import (
	"bytes"
	"crypto/sha256"
	"fmt"

	"github.com/hyperledger/fabric-protos-go-apiv2/ledger/rwset"
	"github.com/hyperledger/fabric-protos-go-apiv2/ledger/rwset/kvrwset"
	"google.golang.org/protobuf/proto"
)

// ParseRWSet parses a marshalled TxReadWriteSet, hashed parts included: what
// does not parse in a collection's part is refused too.
func ParseRWSet(raw []byte) (*RWSet, error) {
	tx := &rwset.TxReadWriteSet{}
	if err := proto.Unmarshal(raw, tx); err != nil {
		return nil, err
	}
	set := &RWSet{Namespaces: make([]NsRWSet, len(tx.NsRwset))}
	for i, ns := range tx.NsRwset {
		parsed, err := parseNamespace(ns)
		if err != nil {
			return nil, fmt.Errorf("namespace %q: %w", ns.GetNamespace(), err)
		}
		set.Namespaces[i] = parsed
	}
	return set, nil
}

func parseNamespace(ns *rwset.NsReadWriteSet) (NsRWSet, error) {
	kv := &kvrwset.KVRWSet{}
	if err := proto.Unmarshal(ns.GetRwset(), kv); err != nil {
		return NsRWSet{}, err
	}
	out := NsRWSet{
		Namespace: ns.GetNamespace(),
		Reads:     make([]Read, len(kv.Reads)),
		Writes:    make([]Write, len(kv.Writes)),
		Ranges:    kv.RangeQueriesInfo,
	}
	for i, r := range kv.Reads {
		out.Reads[i] = Read{Key: r.GetKey(), Version: ParseVersion(r.GetVersion())}
	}
	for i, w := range kv.Writes {
		out.Writes[i] = parseWrite(w)
	}
	for _, m := range kv.MetadataWrites {
		out.Metadata = append(out.Metadata, MetadataWrite{Key: m.GetKey(), Entries: parseEntries(m.GetEntries())})
	}
	for _, c := range ns.GetCollectionHashedRwset() {
		hashed, err := parseCollection(c)
		if err != nil {
			return NsRWSet{}, fmt.Errorf("collection %q: %w", c.GetCollectionName(), err)
		}
		out.Collections = append(out.Collections, hashed)
	}
	return out, nil
}

func parseCollection(c *rwset.CollectionHashedReadWriteSet) (CollectionRWSet, error) {
	set := &kvrwset.HashedRWSet{}
	if err := proto.Unmarshal(c.GetHashedRwset(), set); err != nil {
		return CollectionRWSet{}, err
	}
	out := CollectionRWSet{Name: c.GetCollectionName()}
	for _, r := range set.HashedReads {
		out.Reads = append(out.Reads, HashedRead{KeyHash: r.GetKeyHash(), Version: ParseVersion(r.GetVersion())})
	}
	for _, w := range set.HashedWrites {
		out.Writes = append(out.Writes, parseHashedWrite(w))
	}
	for _, m := range set.MetadataWrites {
		out.Metadata = append(out.Metadata, HashedMetadataWrite{KeyHash: m.GetKeyHash(), Entries: parseEntries(m.GetEntries())})
	}
	return out, nil
}

func parseEntries(entries []*kvrwset.KVMetadataEntry) []MetadataEntry {
	out := make([]MetadataEntry, len(entries))
	for i, e := range entries {
		out[i] = MetadataEntry{Name: e.GetName(), Value: e.GetValue()}
	}
	return out
}

// emptyHash is the hash of an empty value.
var emptyHash = sha256.Sum256(nil)

// parseHashedWrite makes the one form of a delete, as parseWrite does: an empty
// value hash, and the hash of an empty value, delete too. A purge says so with
// the flag of a delete; alone it deletes nothing (rule 23).
func parseHashedWrite(w *kvrwset.KVWriteHash) HashedWrite {
	out := HashedWrite{KeyHash: w.GetKeyHash(), Purge: w.GetIsPurge()}
	out.Delete = w.GetIsDelete() || len(w.GetValueHash()) == 0 || bytes.Equal(w.GetValueHash(), emptyHash[:])
	if !out.Delete {
		out.ValueHash = w.GetValueHash()
	}
	return out
}

// parseWrite makes the one form of a delete: Fabric deletes on the flag and on
// an empty value alike.
func parseWrite(w *kvrwset.KVWrite) Write {
	if w.GetIsDelete() || len(w.GetValue()) == 0 {
		return Write{Key: w.GetKey(), Delete: true}
	}
	return Write{Key: w.GetKey(), Value: w.GetValue()}
}

// ParseVersion turns the version of a read into ours; nil is an absent key.
func ParseVersion(v *kvrwset.Version) *Version {
	if v == nil {
		return nil
	}
	return &Version{Block: v.BlockNum, Tx: v.TxNum}
}
