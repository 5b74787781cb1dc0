package chain

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/weft-network/weft/ledger"
	"github.com/weft-network/weft/ledger/block"
	"github.com/weft-network/weft/ledger/state"
)

// manyKeys is a ledger with so many keys in its state: from few large blocks,
// which take less time to make than as many transactions.
func manyKeys(b *testing.B, keys int) *Chain {
	b.Helper()
	c, err := Open(b.TempDir(), Options{Replay: replay, NoSync: true})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { c.Close() })
	rng := rand.New(rand.NewPCG(1, 1))
	const perBlock = 10_000
	for n := uint64(0); int(n)*perBlock < keys; n++ {
		raw := block.New(n, c.LastHash(), [][]byte{config(fmt.Sprint("config", n))})
		block.SetCodes(raw, make([]ledger.Code, 1))
		updates := make(state.Batch, perBlock)
		for i := range updates {
			value := binary.LittleEndian.AppendUint64(make([]byte, 0, 104), rng.Uint64())
			for len(value) < 100 {
				value = binary.LittleEndian.AppendUint64(value, rng.Uint64())
			}
			updates[i] = state.Update{Namespace: "cc", Key: keyOf(int(n)*perBlock + i), Value: value, Version: ledger.Version{Block: n}}
		}
		if err := c.Append(must(ledger.ParseBlock(raw)), Commit{Updates: updates}); err != nil {
			b.Fatal(err)
		}
	}
	return c
}

// keyOf spreads the keys, as hashes would, so that they come in no order.
func keyOf(i int) string { return fmt.Sprintf("asset%016x", uint64(i)*0x9e3779b97f4a7c15) }

// BenchmarkRead reads keys of a state of WEFT_BENCH_KEYS (200,000 if not set):
// one that was read before, any one, and one that is not there; and asks for a
// transaction id that is not on the ledger.
func BenchmarkRead(b *testing.B) {
	keys := fromEnv(b, "WEFT_BENCH_KEYS", 200_000)
	c := manyKeys(b, keys)
	c.filling.Wait()
	s := c.Snapshot()
	defer s.Close()
	rng := rand.New(rand.NewPCG(2, 2))
	read := func(b *testing.B, key string, there bool) {
		if v, _, err := s.Get("cc", key); err != nil || (v != nil) != there {
			b.Fatalf("%s: %v (%v)", key, v, err)
		}
	}
	b.Run("cached", func(b *testing.B) {
		var used [1000]string // making a key takes as long as half a read
		for i := range used {
			used[i] = keyOf(i)
		}
		for i := 0; b.Loop(); i++ {
			read(b, used[i%len(used)], true)
		}
	})
	b.Run("any", func(b *testing.B) {
		for b.Loop() {
			read(b, keyOf(rng.IntN(keys)), true)
		}
	})
	b.Run("absent", func(b *testing.B) {
		for b.Loop() {
			read(b, keyOf(keys+rng.IntN(1<<40)), false)
		}
	})
	id := idOf("absent")
	b.Run("absent-tx", func(b *testing.B) {
		for b.Loop() {
			if found, err := s.HasTx(id); found || err != nil {
				b.Fatal(found, err)
			}
		}
	})
}
