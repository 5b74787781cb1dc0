package chain

import (
	"cmp"
	"encoding/json"
	"slices"

	"github.com/hyperledger/fabric-protos-go-apiv2/peer"

	"github.com/weft-network/weft/ledger"
	"github.com/weft-network/weft/ledger/block"
	"github.com/weft-network/weft/ledger/state"
)

// place is where an entry stands.
type place struct{ ns, collection, key string }

// replayer makes the updates of a block: the writes of its valid transactions.
type replayer struct {
	before  state.Reader
	updates map[place]state.Update
	version ledger.Version
}

// replay is the Options.Replay of tests.
func replay(b *ledger.Block, before state.Reader) (state.Batch, error) {
	r := &replayer{before: before, updates: map[place]state.Update{}}
	for i, code := range block.Codes(b.Block) {
		if code != peer.TxValidationCode_VALID {
			continue
		}
		r.version = ledger.Version{Block: b.Header.Number, Tx: uint64(i)}
		if err := r.tx(b.Txs[i]); err != nil {
			return nil, err
		}
	}
	var batch state.Batch
	for _, u := range r.updates {
		batch = append(batch, u)
	}
	slices.SortFunc(batch, func(a, b state.Update) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Collection, b.Collection), cmp.Compare(a.Key, b.Key))
	})
	return batch, nil
}

func (r *replayer) tx(t *ledger.Tx) error {
	if t.RWSet == nil {
		var writes []write
		if err := json.Unmarshal(t.Payload.Data, &writes); err != nil {
			return err
		}
		for _, w := range writes {
			if err := r.write(place{w.Ns, "", w.Key}, []byte(w.Value)); err != nil {
				return err
			}
		}
		return nil
	}
	for _, ns := range t.RWSet.Namespaces {
		for _, w := range ns.Writes {
			if err := r.write(place{ns.Namespace, "", w.Key}, w.Value); err != nil {
				return err
			}
		}
		for _, m := range ns.Metadata {
			if err := r.metadata(place{ns.Namespace, "", m.Key}, m.Entries); err != nil {
				return err
			}
		}
		for _, c := range ns.Collections {
			for _, w := range c.Writes {
				if err := r.write(place{ns.Namespace, c.Name, string(w.KeyHash)}, w.ValueHash); err != nil {
					return err
				}
			}
			for _, m := range c.Metadata {
				if err := r.metadata(place{ns.Namespace, c.Name, string(m.KeyHash)}, m.Entries); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// now is what a place has at this point of the block, nil for nothing.
func (r *replayer) now(p place) (*state.Entry, error) {
	if u, ok := r.updates[p]; ok {
		if u.Removes() {
			return nil, nil
		}
		return &state.Entry{Value: u.Value, Metadata: u.Metadata}, nil
	}
	return r.before.Entry(p.ns, p.collection, p.key)
}

// write keeps the metadata that the key has.
func (r *replayer) write(p place, value []byte) error {
	old, err := r.now(p)
	if err != nil {
		return err
	}
	u := state.Update{Namespace: p.ns, Collection: p.collection, Key: p.key, Value: value, Delete: len(value) == 0, Version: r.version}
	if old != nil && !u.Delete {
		u.Metadata = old.Metadata
	}
	r.updates[p] = u
	return nil
}

// metadata of an absent key changes nothing.
func (r *replayer) metadata(p place, entries []ledger.MetadataEntry) error {
	old, err := r.now(p)
	if old == nil || err != nil {
		return err
	}
	raw, err := state.EncodeMetadata(entries)
	r.updates[p] = state.Update{Namespace: p.ns, Collection: p.collection, Key: p.key, Value: old.Value, Metadata: raw, Version: r.version}
	return err
}
