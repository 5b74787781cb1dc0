package validate

import (
	"fmt"

	"github.com/weft-network/weft/ledger"
	"github.com/weft-network/weft/ledger/state"
)

// apply is rule 23: the writes of a valid transaction become pending.
func (w *world) apply(set *ledger.RWSet, version ledger.Version) error {
	for i := range set.Namespaces {
		ns := &set.Namespaces[i]
		if len(ns.Metadata) == 0 && len(ns.Collections) == 0 && strictlySorted(ns.Writes) {
			if err := w.applyPlain(ns, version); err != nil {
				return err
			}
			continue
		}
		if err := w.applyChanges(ns, version); err != nil {
			return err
		}
	}
	return nil
}

func strictlySorted(writes []ledger.Write) bool {
	for i := 1; i < len(writes); i++ {
		if writes[i-1].Key >= writes[i].Key {
			return false
		}
	}
	return true
}

// applyPlain serves what nearly every read-write set is: public values, each
// key once.
func (w *world) applyPlain(ns *ledger.NsRWSet, version ledger.Version) error {
	for i := range ns.Writes {
		wr := &ns.Writes[i]
		c := change{place: place{ns.Namespace, "", wr.Key}}
		c.write(wr.Value, wr.Delete)
		if err := w.applyChange(&c, version); err != nil {
			return err
		}
	}
	return nil
}

// applyChanges gathers all that a namespace's set does to each key first.
func (w *world) applyChanges(ns *ledger.NsRWSet, version ledger.Version) error {
	g := gathered{index: map[place]int{}}
	for _, wr := range ns.Writes {
		g.change(place{ns.Namespace, "", wr.Key}).write(wr.Value, wr.Delete)
	}
	for _, m := range ns.Metadata {
		if err := g.change(place{ns.Namespace, "", m.Key}).describe(m.Entries); err != nil {
			return err
		}
	}
	for _, c := range ns.Collections {
		for _, wr := range c.Writes {
			g.change(place{ns.Namespace, c.Name, string(wr.KeyHash)}).write(wr.ValueHash, wr.Delete)
		}
		for _, m := range c.Metadata {
			if err := g.change(place{ns.Namespace, c.Name, string(m.KeyHash)}).describe(m.Entries); err != nil {
				return err
			}
		}
	}
	for i := range g.all {
		if err := w.applyChange(&g.all[i], version); err != nil {
			return err
		}
	}
	return nil
}

// gathered are the changes of one namespace, in order of their first mention.
type gathered struct {
	all   []change
	index map[place]int
}

func (g *gathered) change(p place) *change {
	i, ok := g.index[p]
	if !ok {
		i = len(g.all)
		g.index[p] = i
		g.all = append(g.all, change{place: p})
	}
	return &g.all[i]
}

// change is all that one transaction does to one key. What is done to it is
// added up in did, and then read bit by bit, just as Fabric does: no stub writes
// a key twice, but endorsers could sign such a set, and then every peer must
// make the same of it.
type change struct {
	place
	did             uint8
	value, metadata []byte
}

const (
	wroteValue uint8 = 1 << iota
	wroteMetadata
	deletedMetadata
	deletedKey
)

func (c *change) has(what uint8) bool { return c.did&what != 0 }

func (c *change) write(value []byte, deletes bool) {
	// Parsing sees to it already; who builds a Write by hand may not.
	if deletes || len(value) == 0 {
		c.did += deletedKey
		return
	}
	c.did += wroteValue
	c.value = value
}

func (c *change) describe(entries []ledger.MetadataEntry) error {
	if len(entries) == 0 {
		c.did += deletedMetadata
		return nil
	}
	raw, err := state.EncodeMetadata(entries)
	if err != nil {
		return fmt.Errorf("metadata of %s: %w", c.place, err)
	}
	c.did += wroteMetadata
	c.metadata = raw
	return nil
}

// applyChange completes a change by what the key is so far: a value alone
// leaves the metadata, metadata alone the value, and of an absent key there is
// nothing to describe.
func (w *world) applyChange(c *change, version ledger.Version) error {
	u := state.Update{
		Namespace: c.namespace, Collection: c.collection, Key: c.key,
		Value: c.value, Metadata: c.metadata, Version: version,
	}
	var err error
	switch {
	case c.has(deletedKey):
		u.Delete, u.Value, u.Metadata = true, nil, nil
	case c.has(wroteValue) && c.has(wroteMetadata|deletedMetadata):
	case c.did|wroteValue == wroteValue:
		u.Metadata, err = w.metadata(c.place)
	default:
		if u.Value, err = w.value(c.place); u.Value == nil {
			return err
		}
	}
	if err == nil {
		w.put(u)
	}
	return err
}

// metadata is what a key's metadata is so far.
func (w *world) metadata(p place) ([]byte, error) {
	if i, ok := w.index[p]; ok {
		return w.pending[i].Metadata, nil
	}
	return w.before.metadata(p)
}

// value is what a key's value is so far, nil when it is absent.
func (w *world) value(p place) ([]byte, error) {
	if i, ok := w.index[p]; ok {
		return w.pending[i].Value, nil
	}
	e, err := w.before.entry(p)
	if e == nil || err != nil {
		return nil, err
	}
	return e.Value, nil
}
