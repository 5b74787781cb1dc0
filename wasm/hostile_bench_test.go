package wasm_test

import (
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/weft-network/weft/wasm"
	"github.com/weft-network/weft/wasm/wasmtest"
)

// BenchmarkUntilExhausted is how long a hostile call lasts, with the worst pause
// of a collector that runs all the while.
func BenchmarkUntilExhausted(b *testing.B) {
	for _, c := range []struct {
		name string
		code []byte
	}{
		{"calls-2^40", wasmtest.ExponentialCalls(40)},
		{"loop", wasmtest.EndlessLoop()},
		{"fills", wasmtest.FillBomb(2_000, 16<<20)},
	} {
		b.Run(c.name, func(b *testing.B) {
			m := hostile(b, runtimeWith(b, wasm.Limits{}), c.name, c.code)
			starve(b, m, wasm.DefaultFuel) // once, for the first touch of memory
			b.ResetTimer()
			worst := worstPause(func() {
				collecting(func() {
					for b.Loop() {
						starve(b, m, wasm.DefaultFuel)
					}
				})
			})
			b.ReportMetric(float64(worst.Microseconds())/1000, "worst-pause-ms")
			b.ReportMetric(float64(b.Elapsed().Milliseconds())/float64(b.N), "ms/call")
		})
	}
}

// collecting has a collector work a hundred times a second while do runs.
func collecting(do func()) {
	stop := make(chan struct{})
	var group sync.WaitGroup
	group.Go(func() {
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
				runtime.GC()
			}
		}
	})
	do()
	close(stop)
	group.Wait()
}
