package validate

import (
	"fmt"

	"github.com/weft-network/weft/ledger"
	"github.com/weft-network/weft/ledger/state"
)

// place is where a key stands: a public one in collection "", or the hash of a
// private one in its collection.
type place struct{ namespace, collection, key string }

// known is what validation needs of a committed key, absent or not. Values are
// left out: those of a block's keys may be larger than the block by any factor.
type known struct {
	present  bool
	version  ledger.Version
	metadata []byte
}

func (k known) at() *ledger.Version {
	if !k.present {
		return nil
	}
	return &k.version
}

// committed is the state before a block, each key of which is read once: for
// the policy of a key that is written, the version of one that is read, and the
// metadata that a write leaves as it was.
type committed struct {
	state.Reader
	seen map[place]known
}

// maxExpected is how many keys of a block memory is set aside for: those of
// some thousand transactions. Sets of empty parts name many more.
const maxExpected = 1 << 14

func newCommitted(r state.Reader, b *ledger.Block) *committed {
	keys := 0
	for _, t := range b.Txs {
		if t.RWSet == nil {
			continue
		}
		for i := range t.RWSet.Namespaces {
			ns := &t.RWSet.Namespaces[i]
			keys += max(len(ns.Reads), len(ns.Writes)) // most of what is written was read
		}
	}
	return &committed{Reader: r, seen: make(map[place]known, min(keys, maxExpected))}
}

// find reads a key. An error is one of I/O and names the key.
func (c *committed) find(p place) (known, error) {
	if k, ok := c.seen[p]; ok {
		return k, nil
	}
	e, err := c.entry(p)
	if err != nil {
		return known{}, err
	}
	k := known{}
	if e != nil {
		k = known{true, e.Version, e.Metadata}
	}
	c.seen[p] = k
	return k, nil
}

// metadata is that of a key, nil when it has none or is absent.
func (c *committed) metadata(p place) ([]byte, error) {
	if c.NoMetadata() {
		return nil, nil
	}
	k, err := c.find(p)
	return k.metadata, err
}

func (c *committed) entry(p place) (*state.Entry, error) {
	e, err := c.Entry(p.namespace, p.collection, p.key)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", p, err)
	}
	return e, nil
}

// String names a key for people. Private keys are known by their hash only.
func (p place) String() string {
	if p.collection == "" {
		return fmt.Sprintf("key %q of %q", clip(p.key, maxShown), clip(p.namespace, maxShown))
	}
	return fmt.Sprintf("the private key with hash %x in collection %q of %q",
		clip(p.key, maxShown), clip(p.collection, maxShown), clip(p.namespace, maxShown))
}
