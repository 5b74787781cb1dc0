package wasm_test

import (
	"context"
	"testing"

	"github.com/weft-network/weft/wasm"
)

func BenchmarkLoad(b *testing.B) {
	code := codeOf(b, "counter")
	for _, c := range []struct {
		name   string
		cached bool
	}{{"compile", false}, {"cache", true}} {
		b.Run(c.name, func(b *testing.B) {
			cache := b.TempDir() + "/c"
			for b.Loop() {
				if !c.cached {
					cache = b.TempDir() + "/c"
				}
				r, err := wasm.New(wasm.Config{CacheDir: cache})
				if err != nil {
					b.Fatal(err)
				}
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

// BenchmarkInvoke is what one call costs with the reset that follows it.
func BenchmarkInvoke(b *testing.B) {
	for _, c := range []struct {
		name, chaincode string
		before, args    []string
	}{
		{"native/2r2w", "native", nil, []string{"transfer", "a", "b"}},
		{"counter/add", "counter", nil, []string{"add", "a", "1"}},
		{"asset/create", "asset", nil, []string{"Create", "car", "Ann", "5"}},
		{"asset/read", "asset", []string{"InitLedger"}, []string{"Read", "asset1"}},
	} {
		b.Run(c.name, func(b *testing.B) {
			m, s := load(b, c.chaincode, wasm.Limits{}), newState()
			if c.before != nil {
				must(b, m, s, c.before...)
			}
			one, ctx := call(c.args...), context.Background()
			var r *wasm.Response
			var err error
			b.ReportAllocs()
			for b.Loop() {
				if c.name == "asset/create" {
					clear(s.values)
				}
				if r, err = m.Invoke(ctx, one, s); err != nil || r.Status != 200 {
					b.Fatal(r, err)
				}
			}
			b.ReportMetric(float64(r.FuelUsed), "fuel/op")
		})
	}
}
