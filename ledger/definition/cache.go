package definition

import (
	"sync"

	"github.com/weft-network/weft/ledger"
)

// maxCached bounds a Cache; a channel with more chaincodes in use reads some
// definitions again and again.
const maxCached = 256

// Cache keeps definitions of one channel, each with the version of the Sequence
// key that it was read under: committing a definition writes that key. It is
// safe for concurrent use; the zero Cache is empty.
//
// It is for endorsing, where an old definition makes a transaction that is
// found invalid. Validation reads every key.
type Cache struct {
	mu     sync.Mutex
	byName map[string]cached
}

type cached struct {
	version ledger.Version
	def     *Definition
}

// Read is the function Read, given the version of the chaincode's Sequence key
// in the same state, nil for none. The result is shared: it must not be changed.
func (c *Cache) Read(get Getter, name string, version *ledger.Version) (*Definition, error) {
	if version == nil {
		return Read(get, name)
	}
	c.mu.Lock()
	known, ok := c.byName[name]
	c.mu.Unlock()
	if ok && known.version == *version {
		return known.def, nil
	}
	def, err := Read(get, name)
	if err != nil || def == nil {
		return def, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.byName == nil || len(c.byName) >= maxCached {
		c.byName = map[string]cached{} // a full one starts anew: that is rare, and costs little
	}
	c.byName[name] = cached{*version, def}
	return def, nil
}
