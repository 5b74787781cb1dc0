package wasm_test

import (
	"bufio"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"

	"github.com/weft-network/weft/wasm"
)

// BenchmarkPooledInstance is what an idle instance takes that has served a call:
// all that the process has more, for each of many instances of a small Go guest.
// That is pages that it does not share with the image, the engine's own side of
// it, Go's heap, and the system's tables of pages.
func BenchmarkPooledInstance(b *testing.B) {
	const instances = 64
	for _, name := range []string{"native", "counter"} {
		b.Run(name, func(b *testing.B) {
			m, err := runtimeWith(b, wasm.Limits{Concurrent: instances}).Load(b.Context(), name+":1", codeOf(b, name))
			if err != nil {
				b.Fatal(err)
			}
			s := newState()
			serve := func(n int) {
				// The counter has no such function, and says so.
				if err := m.Serve(n, call("transfer", "a", "b"), s); err != nil {
					b.Fatal(err)
				}
			}
			serve(1) // what all share
			before := resident(b)
			for b.Loop() {
				serve(instances)
			}
			if m.Idle() != instances {
				b.Fatalf("%d instances are idle", m.Idle())
			}
			after := resident(b)
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(float64(after.anonymous-before.anonymous)/(instances-1), "KiB/instance")
			b.ReportMetric(float64(after.tables-before.tables)/(instances-1), "tables-KiB/instance")
			b.ReportMetric(float64(m.Own())/1024, "own-KiB/instance")
		})
	}
}

// residence is what the process has of its own, in KiB.
type residence struct {
	anonymous int // pages of no file, those of Go's heap too
	tables    int
}

// resident is told after all that is garbage went back to the system.
func resident(b *testing.B) (r residence) {
	b.Helper()
	debug.FreeOSMemory()
	f, err := os.Open("/proc/self/status")
	if err != nil {
		b.Skip(err)
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		for name, at := range map[string]*int{"RssAnon:": &r.anonymous, "VmPTE:": &r.tables} {
			if value, ok := strings.CutPrefix(lines.Text(), name); ok {
				if *at, err = strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(value), " kB")); err != nil {
					b.Fatal(err)
				}
			}
		}
	}
	return r
}
