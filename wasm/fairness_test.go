package wasm_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
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

// besides keeps so many callers calling a hostile module while do runs.
func besides(t testing.TB, m *wasm.Module, callers int, do func()) (calls int) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	var group sync.WaitGroup
	var mu sync.Mutex
	for range callers {
		group.Go(func() {
			for ctx.Err() == nil {
				_, err := m.Invoke(ctx, call(), newState())
				if ctx.Err() == nil && !blamed(err) {
					t.Error(err)
				}
				mu.Lock()
				calls++
				mu.Unlock()
			}
		})
	}
	do()
	stop()
	group.Wait()
	return calls
}

// A chaincode that burns all the fuel it has, called by many at once, leaves
// others their turn. How much slower they get is BenchmarkBesideHostileCalls.
func TestOthersAreServedBesideHostileCalls(t *testing.T) {
	r := runtimeWith(t, wasm.Limits{})
	m := hostile(t, r, "native", codeOf(t, "native"))
	bomb := hostile(t, r, "2^40 calls", wasmtest.ExponentialCalls(40))
	var alone, beside []time.Duration
	alone = latencies(t, m, 200)
	calls := besides(t, bomb, 32, func() { beside = latencies(t, m, 200) })
	t.Logf("p50 %v, p99 %v alone; p50 %v, p99 %v beside %d hostile calls by 32 callers",
		quantile(alone, .5), quantile(alone, .99), quantile(beside, .5), quantile(beside, .99), calls)
	if worst := beside[len(beside)-1]; worst > time.Minute {
		t.Errorf("a call took %v", worst)
	}
}

func BenchmarkBesideHostileCalls(b *testing.B) {
	for _, callers := range []int{0, 1, 2, 32} {
		b.Run(fmt.Sprint(callers), func(b *testing.B) {
			r := runtimeWith(b, wasm.Limits{})
			m := hostile(b, r, "native", codeOf(b, "native"))
			bomb := hostile(b, r, "2^40 calls", wasmtest.ExponentialCalls(40))
			var took []time.Duration
			besides(b, bomb, callers, func() {
				b.ResetTimer()
				took = latencies(b, m, b.N)
				b.StopTimer()
			})
			b.ReportMetric(float64(quantile(took, .5).Microseconds()), "p50-µs")
			b.ReportMetric(float64(quantile(took, .99).Microseconds()), "p99-µs")
		})
	}
}
