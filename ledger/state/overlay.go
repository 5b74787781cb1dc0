package state

import (
	"cmp"
	"slices"

	"github.com/weft-network/weft/ledger"
)

// Overlay is what base will be once the updates of some blocks are applied: the
// state that a block is validated on while the blocks before it are still being
// written. Batches are those of consecutive blocks, the oldest first. The first
// may be of a block that base has already; none between base and the last may
// be missing. Base stays the caller's, and so do the batches, which must not
// change; looking a key up costs a binary search in each.
func Overlay(base Reader, batches ...Batch) Reader {
	if len(batches) == 0 {
		return base
	}
	return &overlay{base, batches, base.NoMetadata() && !slices.ContainsFunc(batches, Batch.Describes)}
}

type overlay struct {
	base       Reader
	batches    []Batch
	noMetadata bool
}

// NoMetadata implements Reader.
func (o *overlay) NoMetadata() bool { return o.noMetadata }

// Get implements Reader.
func (o *overlay) Get(namespace, key string) ([]byte, *ledger.Version, error) {
	u := o.find(namespace, "", key)
	switch {
	case u == nil:
		return o.base.Get(namespace, key)
	case u.Removes():
		return nil, nil, nil
	}
	version := u.Version
	return slices.Clone(u.Value), &version, nil
}

// Entry implements Reader.
func (o *overlay) Entry(namespace, collection, key string) (*Entry, error) {
	u := o.find(namespace, collection, key)
	switch {
	case u == nil:
		return o.base.Entry(namespace, collection, key)
	case u.Removes():
		return nil, nil
	}
	return &Entry{Value: slices.Clone(u.Value), Metadata: slices.Clone(u.Metadata), Version: u.Version}, nil
}

// find is the newest update of a key, or nil.
func (o *overlay) find(namespace, collection, key string) *Update {
	for _, b := range slices.Backward(o.batches) {
		if i, found := b.search(namespace, collection, key); found {
			return &b[i]
		}
	}
	return nil
}

// Range implements Reader.
func (o *overlay) Range(namespace, start, end string) (Iterator, error) {
	base, err := o.base.Range(namespace, start, end)
	if err != nil {
		return nil, err
	}
	return &overlayIter{base: base, updates: o.updates(namespace, start, end)}, nil
}

// updates are the newest updates of the public keys start ≤ key < end, sorted.
func (o *overlay) updates(namespace, start, end string) []*Update {
	var in []*Update
	for _, b := range slices.Backward(o.batches) {
		b = b.within(namespace, start, end)
		for i := range b {
			in = append(in, &b[i])
		}
	}
	// Stable, so that of several of one key the newest stays the first.
	slices.SortStableFunc(in, func(a, b *Update) int { return cmp.Compare(a.Key, b.Key) })
	return slices.CompactFunc(in, func(a, b *Update) bool { return a.Key == b.Key })
}

// search finds a key, or the place where it would be.
func (b Batch) search(namespace, collection, key string) (int, bool) {
	return slices.BinarySearchFunc(b, Update{Namespace: namespace, Collection: collection, Key: key}, compare)
}

// compare is the order of Batch.
func compare(a, b Update) int {
	if c := cmp.Compare(a.Namespace, b.Namespace); c != 0 {
		return c
	}
	if c := cmp.Compare(a.Collection, b.Collection); c != 0 {
		return c
	}
	return cmp.Compare(a.Key, b.Key)
}

// within are the updates of the public keys start ≤ key < end; an empty end has
// no bound.
func (b Batch) within(namespace, start, end string) Batch {
	from, _ := b.search(namespace, "", start)
	b = b[from:]
	to := len(b)
	if end != "" {
		to, _ = b.search(namespace, "", end)
	}
	b = b[:to]
	// What follows the namespace's public keys is not theirs.
	for i := range b {
		if b[i].Namespace != namespace || b[i].Collection != "" {
			return b[:i]
		}
	}
	return b
}

// overlayIter merges a base with the updates of the same range.
type overlayIter struct {
	base    Iterator
	updates []*Update // not yet passed
	ahead   bool      // base stands on a key that was not given yet
	ended   bool      // base has no more
	kv      ledger.KV
}

func (i *overlayIter) Next() bool {
	for {
		if !i.ahead && !i.ended {
			i.ahead = i.base.Next()
			i.ended = !i.ahead
		}
		switch {
		case i.ended && (len(i.updates) == 0 || i.base.Err() != nil):
			return false
		case i.ahead && (len(i.updates) == 0 || i.base.KV().Key < i.updates[0].Key):
			i.kv, i.ahead = i.base.KV(), false
			return true
		}
		u := i.updates[0]
		i.updates = i.updates[1:]
		if i.ahead && i.base.KV().Key == u.Key {
			i.ahead = false
		}
		if !u.Removes() {
			i.kv = ledger.KV{Key: u.Key, Value: slices.Clone(u.Value), Version: u.Version}
			return true
		}
	}
}

func (i *overlayIter) KV() ledger.KV { return i.kv }
func (i *overlayIter) Err() error    { return i.base.Err() }
func (i *overlayIter) Close() error  { return i.base.Close() }
