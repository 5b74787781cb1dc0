package endorse_test

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/weft-network/weft/internal/cputest"
	"github.com/weft-network/weft/ledger"
	"github.com/weft-network/weft/ledger/block"
	"github.com/weft-network/weft/ledger/chain"
	"github.com/weft-network/weft/ledger/sim"
	"github.com/weft-network/weft/ledger/state"
	"github.com/weft-network/weft/node/endorse"
	"github.com/weft-network/weft/wasm"
	"github.com/weft-network/weft/wasm/abi"
	"github.com/weft-network/weft/wasm/wasmtest"
)

// BenchmarkRead is a read of the state by a wasm chaincode, through everything
// that lies between: the host function, the simulation with its read set, a
// snapshot of a ledger on disk. The ledger has WEFT_BENCH_KEYS keys (200,000 if
// not set) of 100 random bytes each.
//
// A call without reads and one of 200 take turns; what a read takes is the
// difference, per read: the median of the time that passed and the least of it,
// and the median of the processors' time. Cached keys are those of the
// call before; any key is one that was not read for as many reads as there are
// keys, so that the ledger's own cache does not have it.
//
// WEFT_BENCH_DIR keeps the ledger there, for another run that finds it as it is:
// after the pages of its files were dropped, say. A median of that run hides that
// its first calls read the disk; -benchtime 1x does not.
func BenchmarkRead(b *testing.B) {
	keys := 200_000
	if text := os.Getenv("WEFT_BENCH_KEYS"); text != "" {
		var err error
		if keys, err = strconv.Atoi(text); err != nil {
			b.Fatal(err)
		}
	}
	c := ledgerOf(b, cmp.Or(os.Getenv("WEFT_BENCH_DIR"), b.TempDir()), keys)
	m := loadReader(b)
	order, next := rand.New(rand.NewPCG(2, 2)).Perm(keys), 0
	fresh := func() (list []byte) {
		for range readsPerCall {
			list = append(list, keyOf(order[next%keys])...)
			next++
		}
		return list
	}
	b.Run("any", func(b *testing.B) { measureReads(b, c, m, readsPerCall, fresh) })
	b.Run("cached", func(b *testing.B) {
		list := fresh()
		measureReads(b, c, m, readsPerCall, func() []byte { return list })
	})
	absent := keys
	b.Run("absent", func(b *testing.B) {
		measureReads(b, c, m, 0, func() (list []byte) {
			for range readsPerCall {
				list = append(list, keyOf(absent)...)
				absent++
			}
			return list
		})
	})
}

const (
	readsPerCall = 200
	keyBytes     = 21
)

// keyOf spreads the keys, as hashes would, so that they come in no order.
func keyOf(i int) string { return fmt.Sprintf("asset%016x", uint64(i)*0x9e3779b97f4a7c15) }

// ledgerOf is a ledger with so many keys in its state: from few large blocks,
// which take less time to make than as many transactions.
func ledgerOf(b *testing.B, dir string, keys int) *chain.Chain {
	b.Helper()
	options := chain.Options{
		NoSync: true,
		Replay: func(*ledger.Block, state.Reader) (state.Batch, error) {
			return nil, fmt.Errorf("the ledger of a benchmark cannot be replayed")
		},
	}
	c, err := chain.Open(dir, options)
	if err != nil {
		b.Fatal(err)
	}
	const perBlock = 10_000
	rng := rand.New(rand.NewPCG(1, 1))
	for n := c.Height(); int(n)*perBlock < keys; n++ {
		updates := make(state.Batch, perBlock)
		for i := range updates {
			value := make([]byte, 0, 104)
			for len(value) < 100 {
				value = binary.LittleEndian.AppendUint64(value, rng.Uint64())
			}
			updates[i] = state.Update{Namespace: "cc", Key: keyOf(int(n)*perBlock + i), Value: value[:100], Version: ledger.Version{Block: n}}
		}
		slices.SortFunc(updates, func(a, b state.Update) int { return cmp.Compare(a.Key, b.Key) })
		raw := block.New(n, c.LastHash(), [][]byte{{0}}) // of no transaction that could be read
		block.SetCodes(raw, make([]ledger.Code, 1))
		parsed, err := ledger.ParseBlock(raw)
		if err != nil {
			b.Fatal(err)
		}
		if err := c.Append(parsed, chain.Commit{Updates: updates}); err != nil {
			b.Fatal(err)
		}
	}
	// What is on disk is read as after a restart.
	if err := c.Close(); err != nil {
		b.Fatal(err)
	}
	if c, err = chain.Open(dir, options); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := c.Close(); err != nil {
			b.Error(err)
		}
	})
	settle(b, dir)
	return c
}

// settle waits until no file of the index comes or grows: until the compactions
// that many writes at once leave behind are done.
func settle(b *testing.B, dir string) {
	b.Helper()
	const quiet = 2 * time.Second
	before, since := int64(-1), time.Now()
	for time.Since(since) < quiet {
		size := int64(0)
		entries, err := os.ReadDir(filepath.Join(dir, "index"))
		if err != nil {
			b.Fatal(err)
		}
		for _, e := range entries {
			if info, err := e.Info(); err == nil { // it may be gone already
				size += info.Size()
			}
		}
		if size != before {
			before, since = size, time.Now()
		}
		time.Sleep(quiet / 20)
	}
}

// loadReader is a chaincode that reads the keys in its one argument, which are
// of keyBytes each, and answers how many there are in the state.
func loadReader(b *testing.B) *wasm.Module {
	b.Helper()
	const (
		valueAt, argsAt, pages = 0, 4096, 2
		at, end, found         = 1, 2, 3 // locals, after the flags
	)
	m := wasmtest.NewModule()
	args, read, respond := m.Host("ctx_get"), m.Host("state_get"), m.Host("response_set")
	code := m.Finish(pages, "iii",
		wasmtest.I32(int32(abi.FieldArgs)), wasmtest.I32(argsAt), wasmtest.I32(pages<<16-argsAt), wasmtest.Call(args),
		wasmtest.I32(argsAt), wasmtest.I32Add, wasmtest.LocalSet(end),
		wasmtest.I32(argsAt+8), wasmtest.LocalSet(at), // after the count and the length
		wasmtest.Loop(0, wasmtest.LocalGet(at), wasmtest.LocalGet(end), wasmtest.I32LtU, wasmtest.If(0,
			wasmtest.I32(0), wasmtest.I32(0), wasmtest.LocalGet(at), wasmtest.I32(keyBytes), wasmtest.I32(valueAt), wasmtest.I32(argsAt),
			wasmtest.Call(read), wasmtest.I32(0), wasmtest.I32LtS, wasmtest.I32Eqz,
			wasmtest.LocalGet(found), wasmtest.I32Add, wasmtest.LocalSet(found),
			wasmtest.LocalGet(at), wasmtest.I32(keyBytes), wasmtest.I32Add, wasmtest.LocalSet(at), wasmtest.Br(1))),
		wasmtest.I32(valueAt), wasmtest.LocalGet(found), wasmtest.Store32(0),
		wasmtest.I32(200), wasmtest.I32(0), wasmtest.I32(0), wasmtest.I32(valueAt), wasmtest.I32(4), wasmtest.Call(respond))
	r, err := wasm.New(wasm.Config{CacheDir: b.TempDir() + "/cache"})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := r.Close(context.Background()); err != nil {
			b.Error(err)
		}
	})
	module, err := r.Load(b.Context(), "reader:1", code)
	if err != nil {
		b.Fatal(err)
	}
	return module
}

// measureReads reports what a read takes; list answers the keys of a call, of
// which so many are in the state.
func measureReads(b *testing.B, c *chain.Chain, m *wasm.Module, found uint32, list func() []byte) {
	call := func(keys []byte, found uint32) (wall, cpu time.Duration) {
		s := c.Snapshot()
		defer s.Close()
		simulation := sim.New(s)
		stub := endorse.NewStub(simulation, s, "cc", "tx")
		began, before := time.Now(), cputest.Process()
		resp, err := m.Invoke(b.Context(), &wasm.Call{TxID: "tx", Chaincode: "cc", Args: [][]byte{keys}}, stub)
		wall, cpu = time.Since(began), cputest.Process()-before
		if err != nil || resp.Status != 200 || binary.LittleEndian.Uint32(resp.Payload) != found {
			b.Fatal(resp, err)
		}
		if err := simulation.End(); err != nil {
			b.Fatal(err)
		}
		return wall, cpu
	}
	call(list(), found) // so that the cached ones are
	var without, with samples
	for b.Loop() {
		keys := list()
		without.add(call(nil, 0))
		with.add(call(keys, found))
	}
	perRead := func(with, without time.Duration) float64 { return float64(with-without) / readsPerCall }
	b.ReportMetric(perRead(median(with.wall), median(without.wall)), "ns/read")
	b.ReportMetric(perRead(slices.Min(with.wall), slices.Min(without.wall)), "least-ns/read")
	b.ReportMetric(perRead(median(with.cpu), median(without.cpu)), "cpu-ns/read")
	b.ReportMetric(0, "ns/op") // of the benchmark itself
}

type samples struct{ wall, cpu []time.Duration }

func (s *samples) add(wall, cpu time.Duration) {
	s.wall, s.cpu = append(s.wall, wall), append(s.cpu, cpu)
}

func median(times []time.Duration) time.Duration {
	slices.Sort(times)
	return times[len(times)/2]
}
