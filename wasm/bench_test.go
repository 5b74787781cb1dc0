package wasm_test

import (
	"context"
	"testing"

	"github.com/weft-network/weft/wasm"
)

func newRuntime(b *testing.B, cache string, limits wasm.Limits) *wasm.Runtime {
	r, err := wasm.New(wasm.Config{CacheDir: cache, Limits: limits})
	if err != nil {
		b.Fatal(err)
	}
	return r
}

func BenchmarkLoad(b *testing.B) {
	code := codeOf(b, "counter")
	for _, c := range []struct {
		name   string
		cached bool
	}{{"compile", false}, {"cache", true}} {
		b.Run(c.name, func(b *testing.B) {
			cache := b.TempDir() + "/c"
			if c.cached {
				r := newRuntime(b, cache, wasm.Limits{})
				if err := r.Check(context.Background(), code); err != nil {
					b.Fatal(err)
				}
				r.Close(context.Background())
			}
			for b.Loop() {
				if !c.cached {
					cache = b.TempDir() + "/c"
				}
				r := newRuntime(b, cache, wasm.Limits{Ready: 1})
				if _, err := r.Load(context.Background(), "counter:1", code); err != nil {
					b.Fatal(err)
				}
				if err := r.Close(context.Background()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkInvoke as fast as it goes: the instance's start is most of it.
func BenchmarkInvoke(b *testing.B) {
	for _, name := range []string{"counter", "asset"} {
		b.Run(name, func(b *testing.B) {
			m, s := load(b, name, wasm.Limits{}), newState()
			args := map[string][]string{"counter": {"add", "a", "1"}, "asset": {"InitLedger"}}[name]
			for b.Loop() {
				must(b, m, s, args...)
			}
		})
	}
}

// BenchmarkLoneInvoke waits until the module has instances ready, as a peer
// with little to do has.
func BenchmarkLoneInvoke(b *testing.B) {
	m, s := load(b, "counter", wasm.Limits{}), newState()
	for b.Loop() {
		b.StopTimer()
		m.AwaitReady()
		b.StartTimer()
		must(b, m, s, "add", "a", "1")
	}
}
