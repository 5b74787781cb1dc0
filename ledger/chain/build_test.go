package chain

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/ledger/rwset"
	"github.com/hyperledger/fabric-protos-go-apiv2/ledger/rwset/kvrwset"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// write is what a test transaction does to a key: an empty Value deletes. With a
// Collection, Key is a hash. With Metadata it changes that only.
type write struct {
	Ns, Collection, Key, Value string
	Metadata                   string `json:",omitempty"`
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func marshal(m proto.Message) []byte { return must(proto.Marshal(m)) }

func idOf(nonce string) string {
	h := sha256.Sum256([]byte(nonce + "creator"))
	return hex.EncodeToString(h[:])
}

// config is a configuration transaction that carries writes of any namespace.
func config(txID string, writes ...write) []byte {
	ch := marshal(&common.ChannelHeader{Type: int32(common.HeaderType_CONFIG), TxId: txID, ChannelId: "mychannel"})
	sh := marshal(&common.SignatureHeader{Creator: []byte("creator"), Nonce: []byte("nonce")})
	return marshal(&common.Envelope{Signature: []byte("signature"), Payload: marshal(&common.Payload{
		Header: &common.Header{ChannelHeader: ch, SignatureHeader: sh}, Data: must(json.Marshal(writes)),
	})})
}

// endorsed is a chaincode transaction as far as parsing goes; its id is idOf the
// nonce. Filler makes it as large as signatures would.
func endorsed(nonce string, filler int, writes ...write) []byte {
	ch := marshal(&common.ChannelHeader{
		Type: int32(common.HeaderType_ENDORSER_TRANSACTION), TxId: idOf(nonce), ChannelId: "mychannel",
		Timestamp: &timestamppb.Timestamp{Seconds: int64(len(nonce))},
		Extension: marshal(&peer.ChaincodeHeaderExtension{ChaincodeId: &peer.ChaincodeID{Name: "cc"}}),
	})
	sh := marshal(&common.SignatureHeader{Creator: []byte("creator"), Nonce: []byte(nonce)})
	proposal := make([]byte, 1+filler)
	hash := sha256.Sum256(slices.Concat(ch, sh, proposal))
	action := marshal(&peer.ChaincodeAction{Results: marshal(rwsetOf(writes)), ChaincodeId: &peer.ChaincodeID{Name: "cc", Version: "1"}})
	prp := marshal(&peer.ProposalResponsePayload{ProposalHash: hash[:], Extension: action})
	tx := marshal(&peer.Transaction{Actions: []*peer.TransactionAction{{Header: sh, Payload: marshal(&peer.ChaincodeActionPayload{
		ChaincodeProposalPayload: proposal,
		Action:                   &peer.ChaincodeEndorsedAction{ProposalResponsePayload: prp},
	})}}})
	return marshal(&common.Envelope{Signature: []byte("signature"), Payload: marshal(&common.Payload{
		Header: &common.Header{ChannelHeader: ch, SignatureHeader: sh}, Data: tx,
	})})
}

// rwsetOf groups writes, the last of a key counting, as a simulator does.
func rwsetOf(writes []write) *rwset.TxReadWriteSet {
	last := map[string]write{}
	for _, w := range writes {
		kind := "w"
		if w.Metadata != "" {
			kind = "m"
		}
		last[strings.Join([]string{w.Ns, w.Collection, kind, w.Key}, "|")] = w
	}
	set := &rwset.TxReadWriteSet{}
	public := map[string]*kvrwset.KVRWSet{}
	hashed := map[[2]string]*kvrwset.HashedRWSet{}
	var names []string
	for _, at := range sortedKeys(last) {
		w := last[at]
		if public[w.Ns] == nil {
			public[w.Ns] = &kvrwset.KVRWSet{}
			names = append(names, w.Ns)
		}
		entries := []*kvrwset.KVMetadataEntry{{Name: "n", Value: []byte(w.Metadata)}}
		if c := [2]string{w.Ns, w.Collection}; w.Collection != "" {
			if hashed[c] == nil {
				hashed[c] = &kvrwset.HashedRWSet{}
			}
			if w.Metadata != "" {
				hashed[c].MetadataWrites = append(hashed[c].MetadataWrites, &kvrwset.KVMetadataWriteHash{KeyHash: []byte(w.Key), Entries: entries})
			} else {
				hashed[c].HashedWrites = append(hashed[c].HashedWrites, &kvrwset.KVWriteHash{KeyHash: []byte(w.Key), ValueHash: []byte(w.Value), IsDelete: w.Value == ""})
			}
		} else if w.Metadata != "" {
			public[w.Ns].MetadataWrites = append(public[w.Ns].MetadataWrites, &kvrwset.KVMetadataWrite{Key: w.Key, Entries: entries})
		} else {
			public[w.Ns].Writes = append(public[w.Ns].Writes, &kvrwset.KVWrite{Key: w.Key, Value: []byte(w.Value), IsDelete: w.Value == ""})
		}
	}
	for _, ns := range names {
		out := &rwset.NsReadWriteSet{Namespace: ns, Rwset: marshal(public[ns])}
		for c, h := range hashed {
			if c[0] == ns { // one collection per namespace in these tests
				out.CollectionHashedRwset = append(out.CollectionHashedRwset, &rwset.CollectionHashedReadWriteSet{CollectionName: c[1], HashedRwset: marshal(h)})
			}
		}
		set.NsRwset = append(set.NsRwset, out)
	}
	return set
}

func sortedKeys[V any](m map[string]V) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
