package cctest

import (
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/weft-network/weft/ledger"
	"github.com/weft-network/weft/ledger/state"
	"github.com/weft-network/weft/wasm"
)

// commit applies what a call wrote, as if it stood alone in a block: its
// transaction is valid, since nothing came between. The version of a key is the
// block that wrote it.
func (m *memory) commit(set *ledger.RWSet, block uint64, call *wasm.Call) error {
	at := state.Modification{
		Version: ledger.Version{Block: block}, TxID: call.TxID,
		Timestamp: &timestamppb.Timestamp{Seconds: call.Seconds, Nanos: call.Nanos},
	}
	for _, ns := range set.Namespaces {
		for _, w := range ns.Writes {
			at := at
			at.Value, at.Delete = w.Value, w.Delete
			m.put(ns.Namespace, w.Key, at)
		}
		for _, w := range ns.Metadata {
			if err := m.putMetadata(ns.Namespace, w, at.Version); err != nil {
				return err
			}
		}
	}
	return nil
}

// put applies one write. The metadata of a key that stays is kept.
func (m *memory) put(namespace, key string, at state.Modification) {
	name := [2]string{namespace, key}
	m.past[name] = append(m.past[name], at)
	if m.namespaces[namespace] == nil {
		m.namespaces[namespace] = map[string]state.Entry{}
	}
	if at.Delete {
		delete(m.namespaces[namespace], key)
		return
	}
	before := m.namespaces[namespace][key]
	m.namespaces[namespace][key] = state.Entry{Value: at.Value, Metadata: before.Metadata, Version: at.Version}
}

// putMetadata replaces the metadata of a key that is there.
func (m *memory) putMetadata(namespace string, w ledger.MetadataWrite, v ledger.Version) error {
	e, there := m.namespaces[namespace][w.Key]
	if !there {
		return nil
	}
	var err error
	if e.Metadata, err = state.EncodeMetadata(w.Entries); err != nil {
		return err
	}
	e.Version = v
	m.namespaces[namespace][w.Key] = e
	return nil
}
