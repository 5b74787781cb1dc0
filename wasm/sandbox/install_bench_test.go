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
// latencies of a small chaincode's calls, which come at a steady rate and are timed
// from when they are due. Calm times and installs take turns, because a machine is
// never the same for long; the percentiles are of all calls before, and of all
// meanwhile. The ratio is that of the 99th percentiles; low and high are the ratios
// of single turns. parent-cpu-ms is what the peer's own process has to do in an
// install, but for giving the module to the compiler: it is that of loading it
// again, from the folder.
func BenchmarkInstallBesideQueries(b *testing.B) {
	const turns = 3
	large, small := built(b, "../../chaincode-examples/asset-contract"), built(b, "../testdata/native")
	for b.Loop() {
		var before, meanwhile, took []time.Duration
		var ratios []float64
		for range turns {
			dir := b.TempDir() + "/cache" // a new one: everything is done again
			calm, busy, install := aTurn(b, dir, large, small)
			before, meanwhile, took = append(before, calm...), append(meanwhile, busy...), append(took, install)
			ratios = append(ratios, ratio(busy, calm))
			if len(ratios) == turns {
				b.ReportMetric(float64(loadingAgain(b, dir, large).Milliseconds()), "parent-cpu-ms")
			}
		}
		report := func(name string, calls []time.Duration) {
			b.ReportMetric(float64(percentile(calls, 99).Microseconds()), name+"-p99-µs")
			b.ReportMetric(float64(percentile(calls, 50).Microseconds()), name+"-p50-µs")
		}
		report("before", before)
		report("meanwhile", meanwhile)
		b.ReportMetric(ratio(meanwhile, before), "p99-ratio")
		b.ReportMetric(slices.Min(ratios), "p99-ratio-low")
		b.ReportMetric(slices.Max(ratios), "p99-ratio-high")
		b.ReportMetric(percentile(took, 50).Seconds(), "install-s")
		b.ReportMetric(0, "ns/op")
	}
}

// aTurn is a calm time and an install, and how long that took.
func aTurn(b *testing.B, dir string, large, small []byte) (calm, busy []time.Duration, took time.Duration) {
	b.Helper()
	const calmTime = 8 * time.Second
	serving(b, dir, func(r *wasm.Runtime) {
		m := loaded(b, r, small)
		calm = latencies(b, m, func() { time.Sleep(calmTime) })
		busy = latencies(b, m, func() {
			began := time.Now()
			loaded(b, r, large)
			took = time.Since(began)
		})
	})
	return calm, busy, took
}

// loadingAgain is the processor time of loading what is compiled.
func loadingAgain(b *testing.B, dir string, code []byte) (cpu time.Duration) {
	b.Helper()
	serving(b, dir, func(r *wasm.Runtime) {
		before := cputest.Process()
		loaded(b, r, code)
		cpu = cputest.Process() - before
	})
	return cpu
}

func ratio(busy, calm []time.Duration) float64 {
	return float64(percentile(busy, 99)) / float64(percentile(calm, 99))
}

func percentile(calls []time.Duration, n int) time.Duration {
	sorted := slices.Sorted(slices.Values(calls))
	return sorted[len(sorted)*n/100]
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

// latencies of calls at a steady rate while do runs.
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
	return took
}
