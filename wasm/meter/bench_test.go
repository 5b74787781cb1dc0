package meter_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"

	"github.com/weft-network/weft/wasm/meter"
)

// goGuest compiles testdata/cpu.
func goGuest(b *testing.B) []byte {
	b.Helper()
	file := filepath.Join(b.TempDir(), "cpu.wasm")
	build := exec.Command("go", "build", "-buildmode=c-shared", "-trimpath", "-ldflags=-s -w", "-o", file, "./testdata/cpu")
	build.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "GOFLAGS=")
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("build the guest: %v\n%s", err, out)
	}
	module, err := os.ReadFile(file)
	if err != nil {
		b.Fatal(err)
	}
	return module
}

// What fuel and depth cost on code that only computes: processor time of the
// metered function by that of the plain one, run in turn; the median of all
// pairs, and the fastest runs of each.
func BenchmarkOverhead(b *testing.B) {
	ctx := context.Background()
	m := newMachine(b, "compiler", wazero.NewRuntimeConfigCompiler())
	wasi_snapshot_preview1.MustInstantiate(ctx, m.Runtime)
	module := goGuest(b)
	plain, err := m.InstantiateWithConfig(ctx, module, wazero.NewModuleConfig().WithName("").WithStartFunctions("_initialize"))
	if err != nil {
		b.Fatal(err)
	}
	metered := load(b, m, module)
	if _, err := metered.call("_initialize"); err != nil {
		b.Fatal(err)
	}
	run := func(g api.Module, name string, n uint64) time.Duration {
		start := threadTime()
		if _, err := g.ExportedFunction(name).Call(ctx, n); err != nil {
			b.Fatal(err)
		}
		return threadTime() - start
	}
	for _, k := range []struct {
		name string
		n    uint64
	}{{"array", 400}, {"sieve", 200_000}, {"fib", 23}, {"sha", 600}, {"sort", 4_000}, {"words", 200}} {
		b.Run(k.name, func(b *testing.B) {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			before, after := time.Hour, time.Hour
			var ratios []float64
			for b.Loop() {
				p, q := run(plain, k.name, k.n), run(metered, k.name, k.n)
				before, after = min(before, p), min(after, q)
				ratios = append(ratios, float64(q)/float64(p))
			}
			slices.Sort(ratios)
			b.ReportMetric(ratios[len(ratios)/2], "x")
			b.ReportMetric(float64(after)/float64(before), "fastest-x")
			b.ReportMetric(0, "ns/op")
		})
	}
}

func BenchmarkRewrite(b *testing.B) {
	module := goGuest(b)
	b.SetBytes(int64(len(module)))
	for b.Loop() {
		if _, err := meter.Rewrite(module, options); err != nil {
			b.Fatal(err)
		}
	}
}
