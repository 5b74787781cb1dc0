package ledger

import (
	"bytes"
	"crypto/sha256"
	"reflect"
	"testing"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/ledger/rwset"
	"github.com/hyperledger/fabric-protos-go-apiv2/ledger/rwset/kvrwset"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"google.golang.org/protobuf/proto"
)

func encoded(tb testing.TB, m proto.Message) []byte {
	raw, err := proto.Marshal(m)
	if err != nil {
		tb.Fatal(err)
	}
	return raw
}

// FuzzWire holds the readers of messages without copies to the protobuf library:
// they accept the same bytes, and mean the same by them.
func FuzzWire(f *testing.F) {
	sh := encoded(f, &common.SignatureHeader{Creator: []byte("creator"), Nonce: []byte("nonce")})
	action := &peer.ChaincodeActionPayload{
		ChaincodeProposalPayload: []byte("proposal"),
		Action: &peer.ChaincodeEndorsedAction{
			ProposalResponsePayload: []byte("response"),
			Endorsements:            []*peer.Endorsement{{Endorser: []byte("e"), Signature: []byte("s")}, {}},
		},
	}
	header := encoded(f, &common.Payload{Header: &common.Header{ChannelHeader: []byte("ch"), SignatureHeader: sh}, Data: []byte("data")})
	f.Add(header)
	f.Add(append(header, header[:3]...))
	f.Add(encoded(f, action))
	f.Add(append(encoded(f, action), encoded(f, action)...)) // two messages are one, joined
	f.Add(encoded(f, &peer.Transaction{Actions: []*peer.TransactionAction{{Header: sh, Payload: []byte("p")}, {}}}))
	f.Add(encoded(f, &peer.ChaincodeAction{Results: []byte("r"), Events: []byte("e"), Response: &peer.Response{Status: 200, Message: "m"}, ChaincodeId: &peer.ChaincodeID{Name: "cc"}}))
	f.Add([]byte{0x0a, 0, 0x12, 0})             // empty bytes
	f.Add([]byte{0x08, 1, 0x12, 1, 'x'})        // a field of another type
	f.Add([]byte{0x7b, 0x0a, 0, 0x7c, 0x0a, 0}) // a group
	f.Add([]byte{0x7c})                         // the end of one
	f.Add([]byte{0x8a, 0x80, 0, 1, 'x'})        // an overlong tag
	f.Add([]byte{0xfa, 0xff, 0xff, 0xff, 0x1f, 0})
	f.Fuzz(func(t *testing.T, raw []byte) {
		same(t, raw, openEnvelope)
		same(t, raw, openPayload)
		same(t, raw, openSignatureHeader)
		same(t, raw, openProposalResponse)
		same(t, raw, openActionPayload)
		same(t, raw, openAction)
		same(t, raw, func(raw []byte) (*peer.Transaction, error) {
			actions, err := openTransaction(raw)
			return &peer.Transaction{Actions: actions}, err
		})
	})
}

func same[M any, P interface {
	*M
	proto.Message
}](t *testing.T, raw []byte, open func([]byte) (P, error)) {
	t.Helper()
	want := P(new(M))
	wantErr := proto.UnmarshalOptions{DiscardUnknown: true}.Unmarshal(raw, want)
	got, err := open(raw)
	if (err == nil) != (wantErr == nil) {
		t.Fatalf("%T of %x: %v, the library says %v", want, raw, err, wantErr)
	}
	if err == nil && !proto.Equal(got, want) {
		t.Fatalf("%x is %v, for the library %v", raw, got, want)
	}
}

// FuzzParseRWSet does so for read-write sets.
func FuzzParseRWSet(f *testing.F) {
	version := &kvrwset.Version{BlockNum: 3, TxNum: 1}
	entries := []*kvrwset.KVMetadataEntry{{Name: "n", Value: []byte("v")}, {}}
	kv := &kvrwset.KVRWSet{
		Reads:            []*kvrwset.KVRead{{Key: "a", Version: version}, {Key: "b"}, {Version: &kvrwset.Version{}}},
		RangeQueriesInfo: []*kvrwset.RangeQueryInfo{{StartKey: "a", EndKey: "z", ItrExhausted: true}},
		Writes:           []*kvrwset.KVWrite{{Key: "a", Value: []byte("1")}, {Key: "b", IsDelete: true, Value: []byte("1")}, {}},
		MetadataWrites:   []*kvrwset.KVMetadataWrite{{Key: "a", Entries: entries}, {}},
	}
	nothing := sha256.Sum256(nil)
	hashed := &kvrwset.HashedRWSet{
		HashedReads:    []*kvrwset.KVReadHash{{KeyHash: []byte("h"), Version: version}, {}},
		HashedWrites:   []*kvrwset.KVWriteHash{{KeyHash: []byte("h"), ValueHash: []byte("v")}, {IsPurge: true, IsDelete: true}, {ValueHash: nothing[:]}},
		MetadataWrites: []*kvrwset.KVMetadataWriteHash{{KeyHash: []byte("h"), Entries: entries}},
	}
	ns := &rwset.NsReadWriteSet{Namespace: "cc", Rwset: encoded(f, kv), CollectionHashedRwset: []*rwset.CollectionHashedReadWriteSet{
		{CollectionName: "c", HashedRwset: encoded(f, hashed), PvtRwsetHash: []byte("p")}, {},
	}}
	f.Add(encoded(f, &rwset.TxReadWriteSet{NsRwset: []*rwset.NsReadWriteSet{ns, {}}}))
	f.Add([]byte{})
	f.Add([]byte{0x12, 4, 0x0a, 2, 0xff, 0xff})             // a name that is not UTF-8
	f.Add([]byte{0x12, 6, 0x12, 4, 0x0a, 2, 0x0a, 1})       // a key cut short
	f.Add([]byte{0x12, 8, 0x12, 6, 0x0a, 4, 0x12, 2, 8, 1}) // a version in parts
	f.Fuzz(func(t *testing.T, raw []byte) {
		got, err := ParseRWSet(raw)
		want, wantErr := reference(raw)
		if (err == nil) != (wantErr == nil) {
			t.Fatalf("%x: %v, the library says %v", raw, err, wantErr)
		}
		if err == nil && !equalSets(got, want) {
			t.Fatalf("%x is %+v, for the library %+v", raw, got, want)
		}
	})
}

func equalSets(a, b *RWSet) bool {
	for i := range a.Namespaces {
		x, y := &a.Namespaces[i], &b.Namespaces[i]
		if len(x.Ranges) != len(y.Ranges) {
			return false
		}
		for k := range x.Ranges {
			if !proto.Equal(x.Ranges[k], y.Ranges[k]) {
				return false
			}
		}
		x.Ranges, y.Ranges = nil, nil
	}
	return reflect.DeepEqual(a, b)
}

// reference is ParseRWSet by the protobuf library.
func reference(raw []byte) (*RWSet, error) {
	tx := &rwset.TxReadWriteSet{}
	if err := proto.Unmarshal(raw, tx); err != nil {
		return nil, err
	}
	set := &RWSet{Namespaces: make([]NsRWSet, len(tx.NsRwset))}
	for i, ns := range tx.NsRwset {
		kv := &kvrwset.KVRWSet{}
		if err := proto.Unmarshal(ns.Rwset, kv); err != nil {
			return nil, err
		}
		out := NsRWSet{Namespace: ns.Namespace, Ranges: kv.RangeQueriesInfo, Reads: make([]Read, len(kv.Reads)), Writes: make([]Write, len(kv.Writes))}
		for k, r := range kv.Reads {
			out.Reads[k] = Read{r.Key, ParseVersion(r.Version)}
		}
		for k, w := range kv.Writes {
			if out.Writes[k] = (Write{w.Key, w.Value, false}); w.IsDelete || len(w.Value) == 0 {
				out.Writes[k] = Write{w.Key, nil, true}
			}
		}
		for _, m := range kv.MetadataWrites {
			out.Metadata = append(out.Metadata, MetadataWrite{m.Key, referenceEntries(m.Entries)})
		}
		for _, c := range ns.CollectionHashedRwset {
			coll, err := referenceCollection(c)
			if err != nil {
				return nil, err
			}
			out.Collections = append(out.Collections, coll)
		}
		set.Namespaces[i] = out
	}
	return set, nil
}

func referenceCollection(c *rwset.CollectionHashedReadWriteSet) (CollectionRWSet, error) {
	out, set := CollectionRWSet{Name: c.CollectionName}, &kvrwset.HashedRWSet{}
	if err := proto.Unmarshal(c.HashedRwset, set); err != nil {
		return out, err
	}
	for _, r := range set.HashedReads {
		out.Reads = append(out.Reads, HashedRead{r.KeyHash, ParseVersion(r.Version)})
	}
	nothing := sha256.Sum256(nil)
	for _, w := range set.HashedWrites {
		h := HashedWrite{KeyHash: w.KeyHash, ValueHash: w.ValueHash, Purge: w.IsPurge}
		if w.IsDelete || len(w.ValueHash) == 0 || bytes.Equal(w.ValueHash, nothing[:]) {
			h.Delete, h.ValueHash = true, nil
		}
		out.Writes = append(out.Writes, h)
	}
	for _, m := range set.MetadataWrites {
		out.Metadata = append(out.Metadata, HashedMetadataWrite{m.KeyHash, referenceEntries(m.Entries)})
	}
	return out, nil
}

func referenceEntries(entries []*kvrwset.KVMetadataEntry) (out []MetadataEntry) {
	for _, e := range entries {
		out = append(out, MetadataEntry{e.Name, e.Value})
	}
	return out
}
