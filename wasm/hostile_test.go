package wasm_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/metrics"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/weft-network/weft/internal/cputest"
	"github.com/weft-network/weft/wasm"
	"github.com/weft-network/weft/wasm/wasmtest"
)

// hostile loads a module that was made for a test, under a name of its own.
func hostile(t testing.TB, r *wasm.Runtime, name string, code []byte) *wasm.Module {
	t.Helper()
	m, err := r.Load(context.Background(), name+":1", code)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// starve invokes and wants the call to end for want of fuel.
func starve(t testing.TB, m *wasm.Module, fuel uint64) *wasm.Exhausted {
	t.Helper()
	budget := wasm.NewBudget(fuel)
	c := call()
	c.Budget = budget
	_, err := m.Invoke(context.Background(), c, newState())
	var exhausted *wasm.Exhausted
	if !errors.As(err, &exhausted) || !strings.HasPrefix(err.Error(), fmt.Sprintf("EXHAUSTED: fuel %d used", fuel)) {
		t.Fatalf("got %v, want it out of fuel", err)
	}
	if budget.Used() != fuel {
		t.Errorf("%d fuel billed of %d", budget.Used(), fuel)
	}
	return exhausted
}

func TestWhatNeverEndsRunsOutOfFuel(t *testing.T) {
	r := runtimeWith(t, wasm.Limits{})
	for name, code := range map[string][]byte{
		"endless loop":       wasmtest.EndlessLoop(),
		"2^40 calls":         wasmtest.ExponentialCalls(40),
		"2,000 large fills":  wasmtest.FillBomb(2_000, 16<<20),
		"2,000 large copies": wasmtest.CopyBomb(2_000, 16<<20),
	} {
		m := hostile(t, r, name, code)
		began := cputest.Process()
		starve(t, m, wasm.DefaultFuel)
		took := cputest.Process() - began
		t.Logf("%s: ended after %v", name, took.Round(time.Millisecond))
		// Half a second is the aim; this is only a backstop, of processor time
		// because a machine may have other work.
		if took > 2*time.Minute {
			t.Errorf("%s: took %v of processor time", name, took)
		}
		starve(t, m, wasm.DefaultFuel/100) // and the instance serves again
	}
}

func TestWhatNeverStartsFailsItsInstall(t *testing.T) {
	r := runtimeWith(t, wasm.Limits{})
	for name, code := range map[string][]byte{
		"start function": wasmtest.EndlessStart(),
		"_initialize":    wasmtest.EndlessInit("_initialize"),
		"cc_init":        wasmtest.EndlessInit("cc_init"),
		"cc_warmup":      wasmtest.EndlessInit("cc_warmup"),
	} {
		began := time.Now()
		_, err := r.Load(context.Background(), name+":1", code)
		var exhausted *wasm.Exhausted
		if !errors.As(err, &exhausted) || !strings.Contains(err.Error(), "EXHAUSTED: fuel 2000000000 used") {
			t.Errorf("%s: got %v, want it out of fuel", name, err)
		}
		t.Logf("%s: refused after %v", name, time.Since(began).Round(time.Millisecond))
	}
	must(t, hostile(t, r, "puppet", wasmtest.Puppet()), newState(), "", "")
}

// The collector stops the world only once every guest has come to the host: were
// that at the end of a call, no collection but the one that waits for it could begin
// and end within. On a machine with other work a call may see none at all; it gets
// another chance.
func TestTheCollectorDoesNotWaitForAGuest(t *testing.T) {
	m := hostile(t, runtimeWith(t, wasm.Limits{}), "2^40 calls", wasmtest.ExponentialCalls(40))
	const enough = 5
	var running atomic.Int64 // the number of the call that runs, 0 for none
	var most atomic.Int64    // collections within one call
	worst := worstPause(func() {
		stop := make(chan struct{})
		var group sync.WaitGroup
		group.Go(func() {
			for last, within := int64(0), int64(0); ; {
				select {
				case <-stop:
					return
				default:
				}
				began := running.Load()
				runtime.GC()
				if began != last {
					last, within = began, 0
				}
				if began != 0 && began == running.Load() {
					within++
					most.Store(max(most.Load(), within))
				}
			}
		})
		for i := int64(1); i <= 100 && most.Load() < enough; i++ {
			running.Store(i)
			starve(t, m, wasm.DefaultFuel)
			running.Store(0)
		}
		close(stop)
		group.Wait()
	})
	t.Logf("%d collections began and ended within a call; the worst pause was %v", most.Load(), worst)
	if most.Load() < enough {
		t.Errorf("%d collections at most began and ended within a call", most.Load())
	}
}

// worstPause answers the longest stop of the world for the collector while do ran.
func worstPause(do func()) time.Duration {
	const name = "/sched/pauses/total/gc:seconds"
	read := func() *metrics.Float64Histogram {
		s := []metrics.Sample{{Name: name}}
		metrics.Read(s)
		return s[0].Value.Float64Histogram()
	}
	before := append([]uint64{}, read().Counts...)
	do()
	after := read()
	for i := len(after.Counts) - 1; i >= 0; i-- {
		if after.Counts[i] > before[i] {
			return time.Duration(after.Buckets[i] * 1e9) // its lower bound
		}
	}
	return 0
}

func TestMemoryGrowsUpToItsLimitAndNoFurther(t *testing.T) {
	const pages = 512 // 32 MiB
	var payloads []string
	for range 2 { // two peers
		m := hostile(t, runtimeWith(t, wasm.Limits{MemoryPages: pages}), "growth", wasmtest.GrowBomb())
		for range 2 { // and twice on each, for growth has to be undone
			before := allocatedMiB()
			payloads = append(payloads, string(must(t, m, newState()).Payload))
			// Nothing that was there is copied in order to grow: that would be 8 GiB.
			if took := allocatedMiB() - before; took > pages/16+64 {
				t.Errorf("growing to %d MiB allocated %d MiB", pages/16, took)
			}
		}
	}
	want := []int32{pages, -1, -1}
	for _, payload := range payloads {
		if got := wasmtest.Answers([]byte(payload)); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("pages, growth beyond the limit, growth by -1: got %v, want %v", got, want)
		}
	}
}

// What 16 calls may allocate: a stack of 10 MiB each, as much again for those it
// grew out of, and what else a call takes.
const recursionMiB = 16 * (2*10 + 4)

func TestRecursionEndsAtTheSameDepthWhateverTheStack(t *testing.T) {
	r := runtimeWith(t, wasm.Limits{Concurrent: 32})
	for name, code := range map[string][]byte{
		"small frames": wasmtest.Recursion(0),
		"large frames": wasmtest.Recursion(1_000),
		"huge frames":  wasmtest.Recursion(3_000),
		"by a table":   wasmtest.MutualRecursion(),
	} {
		m := hostile(t, r, name, code)
		var mu sync.Mutex
		texts := map[string]int{}
		before := allocatedMiB()
		var group sync.WaitGroup
		for range 16 {
			group.Go(func() {
				_, err := m.Invoke(context.Background(), call(), newState())
				var exhausted *wasm.Exhausted
				if !errors.As(err, &exhausted) {
					t.Errorf("%s: got %v", name, err)
					return
				}
				mu.Lock()
				defer mu.Unlock()
				texts[err.Error()]++
			})
		}
		group.Wait()
		took := allocatedMiB() - before
		t.Logf("%s: 16 at once allocated %d MiB: %v", name, took, texts)
		if len(texts) != 1 {
			t.Errorf("%s: %d different ends", name, len(texts))
		}
		if took > recursionMiB {
			t.Errorf("%s: 16 at once allocated %d MiB", name, took)
		}
	}
}

// allocatedMiB is what this process ever allocated, garbage included: unlike
// resident memory it knows nothing of the collector's hour or the race detector.
func allocatedMiB() int {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.TotalAlloc >> 20)
}
