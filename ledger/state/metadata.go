package state

import (
	"fmt"

	"github.com/hyperledger/fabric-protos-go-apiv2/ledger/rwset/kvrwset"
	"github.com/weft-network/weft/ledger"
	"google.golang.org/protobuf/proto"
)

// EncodeMetadata makes the canonical bytes of a key's metadata, nil for none.
// They are Fabric's: a KVMetadataWrite with entries and without a key.
func EncodeMetadata(entries []ledger.MetadataEntry) ([]byte, error) {
	if len(entries) == 0 {
		return nil, nil
	}
	m := &kvrwset.KVMetadataWrite{}
	for _, e := range entries {
		m.Entries = append(m.Entries, &kvrwset.KVMetadataEntry{Name: e.Name, Value: e.Value})
	}
	raw, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("encode key metadata: %w", err)
	}
	return raw, nil
}

// DecodeMetadata reads what EncodeMetadata made.
func DecodeMetadata(raw []byte) ([]ledger.MetadataEntry, error) {
	m := &kvrwset.KVMetadataWrite{}
	if err := proto.Unmarshal(raw, m); err != nil {
		return nil, fmt.Errorf("decode key metadata: %w", err)
	}
	out := make([]ledger.MetadataEntry, len(m.Entries))
	for i, e := range m.Entries {
		out[i] = ledger.MetadataEntry{Name: e.GetName(), Value: e.GetValue()}
	}
	return out, nil
}
