package chain

import (
	"slices"
	"sync"

	"github.com/cespare/xxhash/v2"
)

const (
	// defaultCacheBytes bounds what is kept in memory of the state in front of
	// the store: the keys that transactions read and write again and again.
	defaultCacheBytes = 16 << 20
	// cacheShards let readers on several processors not wait for one another.
	cacheShards = 16
	// entryBytes is what an entry costs besides its key and value.
	entryBytes = 112
	// maxCachedShare of a shard is the most that one entry may take.
	maxCachedShare = 8
)

// cache keeps what the newest height has under the keys used last. It outlives
// heights: a commit puts its updates into it. It is safe for concurrent use; one
// goroutine commits.
//
// A reader of height h is never told of h+1, nor of anything older than h: every
// entry carries the height since which it holds, it holds up to the newest, and
// what was read at another height than the newest is not taken in.
type cache struct {
	shards [cacheShards]shard
	limit  int // of one generation of a shard
}

// shard has two generations. What is used moves to the young one; when that is
// full it becomes the old one, and what nobody used meanwhile is dropped.
type shard struct {
	mu         sync.RWMutex
	height     uint64 // the newest
	young, old map[string]cached
	bytes      int // of young
}

// cached is an encoded entry, nil for an absent key.
type cached struct {
	value []byte
	since uint64
}

func newCache(bytes int64) *cache {
	if bytes <= 0 {
		bytes = defaultCacheBytes
	}
	c := &cache{limit: int(bytes) / (2 * cacheShards)}
	c.reset(0)
	return c
}

// reset empties the cache; height is the newest.
func (c *cache) reset(height uint64) {
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		s.height, s.young, s.old, s.bytes = height, map[string]cached{}, nil, 0
		s.mu.Unlock()
	}
}

func (c *cache) shard(key []byte) *shard { return &c.shards[xxhash.Sum64(key)%cacheShards] }

// get returns what a key has at a height, and whether that is known. The value
// is shared.
func (c *cache) get(key []byte, height uint64) ([]byte, bool) {
	s := c.shard(key)
	s.mu.RLock()
	e, ok := s.young[string(key)]
	aged := false
	if !ok {
		e, aged = s.old[string(key)]
	}
	s.mu.RUnlock()
	if !ok && !aged || e.since > height {
		return nil, false
	}
	if aged {
		s.renew(string(key), c.limit)
	}
	return e.value, true
}

// renew moves an entry to the young generation, as it is now: it may have
// changed, or gone, since the caller saw it.
func (s *shard) renew(key string, limit int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, ok := s.old[key]
	if _, young := s.young[key]; ok && !young {
		s.put(key, e, limit)
	}
}

// offer takes in what was read at a height, if that is the newest. The value is
// copied.
func (c *cache) offer(key, value []byte, height uint64) {
	s := c.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	if height == s.height {
		s.put(string(key), cached{slices.Clone(value), height}, c.limit)
	}
}

// keyed is what a commit put under a key, nil if it removed it.
type keyed struct{ key, value []byte }

// commit makes height the newest, at which there are those entries. The caller
// sees to it that nobody reads at that height before it returns. The values are
// the cache's from then on.
func (c *cache) commit(height uint64, entries []keyed) {
	// From the first loop on nothing older is taken in.
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		s.height = height
		s.mu.Unlock()
	}
	for _, e := range entries {
		s := c.shard(e.key)
		s.mu.Lock()
		s.put(string(e.key), cached{e.value, height}, c.limit)
		s.mu.Unlock()
	}
}

// put puts an entry into the young generation. The caller holds mu.
func (s *shard) put(key string, e cached, limit int) {
	size := entryBytes + len(key) + len(e.value)
	if size > limit/maxCachedShare {
		s.drop(key)
		return
	}
	if was, again := s.young[key]; again {
		s.bytes -= entryBytes + len(key) + len(was.value)
	}
	if s.bytes+size > limit {
		s.old, s.young, s.bytes = s.young, map[string]cached{}, 0
	}
	// An older entry in the old generation is hidden by this one, but would be
	// seen again if this one went first.
	delete(s.old, key)
	s.young[key] = e
	s.bytes += size
}

// drop forgets an entry. The caller holds mu.
func (s *shard) drop(key string) {
	if was, ok := s.young[key]; ok {
		s.bytes -= entryBytes + len(key) + len(was.value)
		delete(s.young, key)
	}
	delete(s.old, key)
}
