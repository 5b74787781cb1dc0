package wasm_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/weft-network/weft/wasm"
	"github.com/weft-network/weft/wasm/wasmtest"
)

// latencies calls m n times, one after the other, as fast as it answers.
func latencies(t testing.TB, m *wasm.Module, n int) []time.Duration {
	t.Helper()
	s := newState()
	must(t, m, s, "put", "a", "1000000")
	took := make([]time.Duration, n)
	for i := range took {
		began := time.Now()
		must(t, m, s, "transfer", "a", "b")
		took[i] = time.Since(began)
	}
	slices.Sort(took)
	return took
}

func quantile(sorted []time.Duration, q float64) time.Duration {
	return sorted[int(q*float64(len(sorted)-1))]
}

// besides keeps so many callers calling a hostile module while do runs, which is
// told how many of their calls have ended.
func besides(t testing.TB, m *wasm.Module, callers int, do func(ended *atomic.Int64)) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	var group sync.WaitGroup
	var ended atomic.Int64
	for range callers {
		group.Go(func() {
			for ctx.Err() == nil {
				_, err := m.Invoke(ctx, call(), newState())
				if ctx.Err() == nil && !blamed(err) {
					t.Error(err)
				}
				ended.Add(1)
			}
		})
	}
	defer group.Wait()
	defer stop()
	do(&ended)
}

// A chaincode that burns all the fuel it has, called by many at once, leaves
// others their turn: they do not queue up behind its callers. Their wait is
// counted in hostile calls, which are as slow as the machine is. How much slower
// others get is BenchmarkBesideHostileCalls.
func TestOthersAreServedBesideHostileCalls(t *testing.T) {
	const callers = 32
	r := runtimeWith(t, wasm.Limits{})
	m := hostile(t, r, "native", codeOf(t, "native"))
	bomb := hostile(t, r, "2^40 calls", wasmtest.ExponentialCalls(40))
	s := newState()
	must(t, m, s, "put", "a", "1000000")
	besides(t, bomb, callers, func(ended *atomic.Int64) {
		worst := int64(0)
		for n := 0; n < 200 || ended.Load() < callers/4; n++ {
			before := ended.Load()
			must(t, m, s, "transfer", "a", "b")
			worst = max(worst, ended.Load()-before)
		}
		t.Logf("%d hostile calls ended; %d at most while another call waited", ended.Load(), worst)
		if worst > callers/2 {
			t.Errorf("a call waited for %d hostile calls", worst)
		}
	})
}

func BenchmarkBesideHostileCalls(b *testing.B) {
	for _, callers := range []int{0, 1, 2, 32} {
		b.Run(fmt.Sprint(callers), func(b *testing.B) {
			r := runtimeWith(b, wasm.Limits{})
			m := hostile(b, r, "native", codeOf(b, "native"))
			bomb := hostile(b, r, "2^40 calls", wasmtest.ExponentialCalls(40))
			var took []time.Duration
			besides(b, bomb, callers, func(*atomic.Int64) {
				b.ResetTimer()
				took = latencies(b, m, b.N)
				b.StopTimer()
			})
			b.ReportMetric(float64(quantile(took, .5).Microseconds()), "p50-µs")
			b.ReportMetric(float64(quantile(took, .99).Microseconds()), "p99-µs")
		})
	}
}
