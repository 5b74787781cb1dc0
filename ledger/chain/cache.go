package chain

import (
	"encoding/binary"
	"math"
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
	// maxGenerationBytes bounds a generation, whose places are 32 bits.
	maxGenerationBytes = 1 << 30
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
// full it becomes the old one, and what nobody used meanwhile is dropped. A hash
// is in one of them at most.
type shard struct {
	mu         sync.RWMutex
	height     uint64 // the newest
	young, old generation
}

func newCache(bytes int64) *cache {
	if bytes <= 0 {
		bytes = defaultCacheBytes
	}
	c := &cache{limit: int(min(bytes/(2*cacheShards), maxGenerationBytes))}
	c.reset(0)
	return c
}

// reset empties the cache; height is the newest.
func (c *cache) reset(height uint64) {
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		s.height, s.young, s.old = height, generation{}, generation{}
		s.mu.Unlock()
	}
}

func (c *cache) shard(hash uint64) *shard { return &c.shards[hash%cacheShards] }

// get returns what a key has at a height, nil for nothing, and whether that is
// known. The caller owns the value.
func (c *cache) get(key []byte, height uint64) (value []byte, known bool) {
	hash := xxhash.Sum64(key)
	s := c.shard(hash)
	s.mu.RLock()
	e, known := s.young.find(hash, key)
	aged := false
	if !known {
		e, aged = s.old.find(hash, key)
		known = aged
	}
	if known = known && e.since <= height; known {
		value = slices.Clone(e.value) // its memory is used again
	}
	s.mu.RUnlock()
	if known && aged {
		s.renew(hash, key, c.limit)
	}
	return value, known
}

// renew moves an entry to the young generation, as it is now: it may have
// changed, or gone, since the caller saw it.
func (s *shard) renew(hash uint64, key []byte, limit int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e, ok := s.old.find(hash, key); ok {
		e.value = slices.Clone(e.value)
		s.put(hash, key, e, limit)
	}
}

// offer takes in what was read at a height, if that is the newest. Key and value
// are copied.
func (c *cache) offer(key, value []byte, height uint64) {
	hash := xxhash.Sum64(key)
	s := c.shard(hash)
	s.mu.Lock()
	defer s.mu.Unlock()
	if height == s.height {
		s.put(hash, key, cached{value, height}, c.limit)
	}
}

// keyed is what a commit put under a key, nil if it removed it.
type keyed struct{ key, value []byte }

// commit makes height the newest, at which there are those entries. The caller
// sees to it that nobody reads at that height before it returns. The entries are
// copied.
func (c *cache) commit(height uint64, entries []keyed) {
	// From the first loop on nothing older is taken in.
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		s.height = height
		s.mu.Unlock()
	}
	for _, e := range entries {
		hash := xxhash.Sum64(e.key)
		s := c.shard(hash)
		s.mu.Lock()
		s.put(hash, e.key, cached{e.value, height}, c.limit)
		s.mu.Unlock()
	}
}

// put puts an entry, which is no part of s, into the young generation. The
// caller holds mu.
func (s *shard) put(hash uint64, key []byte, e cached, limit int) {
	size := entryBytes + len(key) + len(e.value)
	if size > limit/maxCachedShare {
		delete(s.young.at, hash)
		delete(s.old.at, hash)
		return
	}
	if s.young.bytes()+size > limit {
		s.young, s.old = s.old, s.young
		s.young.clear()
	}
	// An older entry in the old generation is hidden by this one, but would be
	// seen again if this one went first.
	delete(s.old.at, hash)
	s.young.add(hash, key, e, limit)
}

// cached is an encoded entry, nil for an absent key.
type cached struct {
	value []byte
	since uint64
}

// generation has its entries one after the other in one piece of memory, where
// the garbage collector looks for no pointers. Of keys with the same hash it has
// the last.
type generation struct {
	at   map[uint64]uint32 // by hash: where in data
	data []byte            // since, lengths of key and value, key, value
}

const (
	entryHeader = 8 + 4 + 4
	// entryBytes is what an entry takes besides its key and value: in data, and
	// about, in at.
	entryBytes = entryHeader + 32
	// absent stands for the length of no value.
	absent = math.MaxUint32
)

// bytes is what it takes. What was replaced counts.
func (g *generation) bytes() int { return len(g.data) + len(g.at)*(entryBytes-entryHeader) }

func (g *generation) clear() {
	clear(g.at)
	g.data = g.data[:0]
}

// find returns the entry of a key, whose value is part of g.
func (g *generation) find(hash uint64, key []byte) (e cached, ok bool) {
	at, ok := g.at[hash]
	if !ok {
		return e, false
	}
	b := g.data[at:]
	e.since = binary.LittleEndian.Uint64(b)
	keyLength, length := binary.LittleEndian.Uint32(b[8:]), binary.LittleEndian.Uint32(b[12:])
	if b = b[entryHeader:]; string(b[:keyLength]) != string(key) {
		return e, false
	}
	if length != absent {
		e.value = b[keyLength : keyLength+length]
	}
	return e, true
}

// add adds an entry; there is room for it below the limit.
func (g *generation) add(hash uint64, key []byte, e cached, limit int) {
	if g.at == nil {
		g.at = map[uint64]uint32{}
	}
	length := uint32(absent)
	if e.value != nil {
		length = uint32(len(e.value))
	}
	g.at[hash] = uint32(len(g.data))
	b := g.grown(entryHeader+len(key)+len(e.value), limit)
	b = binary.LittleEndian.AppendUint64(b, e.since)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(key)))
	b = binary.LittleEndian.AppendUint32(b, length)
	g.data = append(append(b, key...), e.value...)
}

// grown is data with room for n bytes more. It doubles, but not beyond the limit.
func (g *generation) grown(n, limit int) []byte {
	if len(g.data)+n <= cap(g.data) {
		return g.data
	}
	room := max(len(g.data)+n, min(2*cap(g.data), limit))
	return append(make([]byte, 0, room), g.data...)
}
