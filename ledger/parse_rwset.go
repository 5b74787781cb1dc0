package ledger

import (
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
		Namespace:      ns.GetNamespace(),
		Reads:          make([]Read, len(kv.Reads)),
		Writes:         make([]Write, len(kv.Writes)),
		Ranges:         kv.RangeQueriesInfo,
		HasMetadata:    len(kv.MetadataWrites) > 0,
		HasCollections: len(ns.GetCollectionHashedRwset()) > 0,
	}
	for i, r := range kv.Reads {
		out.Reads[i] = Read{Key: r.GetKey(), Version: ParseVersion(r.GetVersion())}
	}
	for i, w := range kv.Writes {
		out.Writes[i] = parseWrite(w)
	}
	for _, c := range ns.GetCollectionHashedRwset() {
		if err := proto.Unmarshal(c.GetHashedRwset(), &kvrwset.HashedRWSet{}); err != nil {
			return NsRWSet{}, fmt.Errorf("collection %q: %w", c.GetCollectionName(), err)
		}
	}
	return out, nil
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
