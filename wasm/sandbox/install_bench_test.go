package sandbox

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/weft-network/weft/internal/cputest"
	"github.com/weft-network/weft/wasm"
	"github.com/weft-network/weft/wasm/build"
)

// queriesPerSecond of others while a module is installed.
const queriesPerSecond = 100

// BenchmarkInstallBesideQueries is what others notice while chaincode on the
// contract API, 23 MB, is checked, metered, compiled, loaded and started: the
// 99th percentile of a small chaincode's calls, which come at a steady rate and
// are timed from when they are due, before and meanwhile. parent-cpu-ms is what
// the peer's own process has to do then, but for giving the module to the
// compiler: it is that of loading it again, from the folder.
func BenchmarkInstallBesideQueries(b *testing.B) {
	large, small := built(b, "../../chaincode-examples/asset-contract"), built(b, "../testdata/native")
	for b.Loop() {
		dir := b.TempDir() + "/cache" // a new one: everything is done again
		const calm = 5 * time.Second
		var before, meanwhile []time.Duration
		var took time.Duration
		serving(b, dir, func(r *wasm.Runtime) {
			m := loaded(b, r, small)
			before = latencies(b, m, func() { time.Sleep(calm) })
			meanwhile = latencies(b, m, func() {
				began := time.Now()
				loaded(b, r, large)
				took = time.Since(began)
			})
		})
		serving(b, dir, func(r *wasm.Runtime) {
			cpu := cputest.Process()
			loaded(b, r, large)
			b.ReportMetric(float64((cputest.Process() - cpu).Milliseconds()), "parent-cpu-ms")
		})
		report := func(name string, sorted []time.Duration) {
			b.ReportMetric(float64(sorted[len(sorted)*99/100].Microseconds()), name+"-p99-µs")
			b.ReportMetric(float64(sorted[len(sorted)/2].Microseconds()), name+"-p50-µs")
		}
		report("before", before)
		report("meanwhile", meanwhile)
		b.ReportMetric(took.Seconds(), "install-s")
		b.ReportMetric(0, "ns/op")
	}
}

// serving runs do with a runtime that works as a busy peer's.
func serving(b *testing.B, dir string, do func(r *wasm.Runtime)) {
	b.Helper()
	c, err := New(Config{Dir: dir, Program: Self(), Busy: func() bool { return true }})
	if err != nil {
		b.Fatal(err)
	}
	r, err := wasm.New(wasm.Config{CacheDir: dir, Rewrite: c.Rewrite, Compile: c.Compile})
	if err != nil {
		b.Fatal(err)
	}
	do(r)
	if err := r.Close(context.Background()); err != nil {
		b.Fatal(err)
	}
}

func loaded(b *testing.B, r *wasm.Runtime, code []byte) *wasm.Module {
	b.Helper()
	m, err := r.Load(b.Context(), fmt.Sprint("package:", len(code)), code)
	if err != nil {
		b.Fatal(err)
	}
	return m
}

func built(b *testing.B, dir string) []byte {
	b.Helper()
	result, err := build.Chaincode(b.Context(), dir, "", build.Options{})
	if err != nil {
		b.Fatal(err)
	}
	return result.Code
}

// latencies of calls at a steady rate while do runs, sorted.
func latencies(b *testing.B, m *wasm.Module, do func()) (took []time.Duration) {
	b.Helper()
	var mu sync.Mutex
	var calls, pacer sync.WaitGroup
	stop := make(chan struct{})
	pacer.Go(func() {
		due := time.Now()
		for {
			due = due.Add(time.Second / queriesPerSecond)
			select {
			case <-stop:
				return
			case <-time.After(time.Until(due)):
			}
			at := due
			calls.Go(func() {
				call := &wasm.Call{TxID: "tx", Channel: "ch", Args: [][]byte{[]byte("about")}}
				if _, err := m.Invoke(b.Context(), call, nil); err != nil {
					b.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				took = append(took, time.Since(at))
			})
		}
	})
	do()
	close(stop)
	pacer.Wait()
	calls.Wait()
	slices.Sort(took)
	return took
}
