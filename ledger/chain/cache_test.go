package chain

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/cespare/xxhash/v2"
	"pgregory.net/rapid"

	"github.com/weft-network/weft/ledger/store/storetest"
)

// A reader at any height gets from the cache what that height has, or nothing,
// whatever was read, committed and dropped before.
func TestCacheNeverTellsOfAnotherHeight(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := newCache(rapid.Int64Range(1, 1<<16).Draw(t, "bytes"))
		states := []map[string]string{{}} // by height
		key := func() string { return fmt.Sprint(rapid.IntRange(0, 20).Draw(t, "key")) }
		t.Repeat(map[string]func(*rapid.T){
			"commit": func(t *rapid.T) {
				next, entries := map[string]string{}, []keyed(nil)
				for k, v := range states[len(states)-1] {
					next[k] = v
				}
				for range rapid.IntRange(0, 5).Draw(t, "updates") {
					k := key()
					v := fmt.Sprint(len(states), string(make([]byte, rapid.IntRange(0, 300).Draw(t, "size"))))
					next[k] = v
					e := keyed{[]byte(k), []byte(v)}
					if rapid.Bool().Draw(t, "remove") {
						delete(next, k)
						e.value = nil
					}
					entries = append(entries, e)
				}
				states = append(states, next)
				c.commit(uint64(len(states)-1), entries)
			},
			"read": func(t *rapid.T) {
				height := rapid.IntRange(0, len(states)-1).Draw(t, "height")
				k := key()
				want, there := states[height][k]
				got, known := c.get([]byte(k), uint64(height))
				if known && (string(got) != want || (got != nil) != there) {
					t.Fatalf("%s at height %d is %q, want %q", k, height, got, want)
				}
				if !known { // read from the store
					var value []byte
					if there {
						value = []byte(want)
					}
					c.offer([]byte(k), value, uint64(height))
				}
			},
			"": func(t *rapid.T) {
				for i := range c.shards {
					checkShard(t, &c.shards[i], c.limit)
				}
			},
		})
	})
}

// checkShard makes sure that a shard keeps its limit, and that its entries are
// whole and at one place each.
func checkShard(t *rapid.T, s *shard, limit int) {
	for _, g := range []*generation{&s.young, &s.old} {
		if g.bytes() > limit || cap(g.data) > limit {
			t.Fatalf("a generation has %d bytes and room for %d, the limit is %d", g.bytes(), cap(g.data), limit)
		}
		whole := 0
		for at := 0; at < len(g.data); {
			header := g.data[at:]
			key, length := binary.LittleEndian.Uint32(header[8:]), binary.LittleEndian.Uint32(header[12:])
			if length == absent {
				length = 0
			}
			if found, ok := g.at[xxhash.Sum64(header[entryHeader:][:key])]; ok && found == uint32(at) {
				whole++
			}
			at += entryHeader + int(key) + int(length)
		}
		if whole != len(g.at) {
			t.Fatalf("%d of %d entries are whole", whole, len(g.at))
		}
	}
	for hash := range s.young.at {
		if _, both := s.old.at[hash]; both {
			t.Fatalf("%x is in both generations", hash)
		}
	}
}

func TestWhatIsUsedStaysInTheCache(t *testing.T) {
	c := newCache(1 << 20)
	c.offer([]byte("used"), []byte("v"), 0)
	for i := range 100_000 {
		c.offer(fmt.Appendf(nil, "once%d", i), nil, 0)
		if _, known := c.get([]byte("used"), 0); !known {
			t.Fatalf("it is gone after %d others", i)
		}
	}
	c.offer([]byte("huge"), make([]byte, 1<<20), 0)
	if _, known := c.get([]byte("huge"), 0); known {
		t.Error("one entry may take all the room")
	}
}

// Two keys may have the same hash. The later one counts, wherever the other was.
func TestKeysOfOneHashAreNotConfused(t *testing.T) {
	const hash, limit = 7, 1000
	for _, aged := range []bool{false, true} {
		s := &shard{}
		s.put(hash, []byte("a"), cached{[]byte("of a"), 1}, limit)
		if aged {
			s.young, s.old = s.old, s.young
		}
		s.put(hash, []byte("b"), cached{[]byte("of b"), 2}, limit)
		for _, g := range []*generation{&s.young, &s.old} {
			if e, ok := g.find(hash, []byte("a")); ok {
				t.Errorf("a is still there: %q", e.value)
			}
		}
		if e, ok := s.young.find(hash, []byte("b")); !ok || string(e.value) != "of b" || e.since != 2 {
			t.Errorf("b is %q since %d, %v", e.value, e.since, ok)
		}
	}
}

// Readers of all heights and a writer, on one key set, checked against what the
// store itself says. The race detector watches too.
func TestSnapshotsAreConsistentWhileBlocksCome(t *testing.T) {
	rng, m := seeded(t, 10), newModel()
	c := openTest(t, storetest.NewDisk(), Options{Replay: replay, CacheBytes: 64 << 10})
	var wg sync.WaitGroup
	stop := make(chan struct{})
	for i := range 3 {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(i), 0))
			for {
				select {
				case <-stop:
					return
				default:
				}
				s := c.Snapshot()
				for range 20 {
					ns, key := modelNames[rng.IntN(4)], fmt.Sprintf("k%d", rng.IntN(10))
					got, err := s.h.get(stateKey(ns, key))
					want, err2 := s.h.s.Get(stateKey(ns, key))
					if err != nil || err2 != nil || string(got) != string(want) {
						t.Errorf("%q %s at height %d is %q, the store has %q", ns, key, s.Height(), got, want)
					}
				}
				s.Close()
			}
		})
	}
	for range 150 {
		appendNext(t, c, m, rng)
	}
	close(stop)
	wg.Wait()
	m.check(t, c)
}
