package wasm_test

import (
	"context"
	"strings"
	"testing"

	"github.com/weft-network/weft/wasm"
	"github.com/weft-network/weft/wasm/warmup"
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

// BenchmarkInvoke is what one call costs with the reset that follows it, of a
// chaincode that declares warm-up calls as its author would.
func BenchmarkInvoke(b *testing.B) {
	for _, c := range []struct {
		name, chaincode string
		warmup          []warmup.Vector
		before, args    []string
	}{
		{"native/2r2w", "native", vectors("transfer a b"), nil, []string{"transfer", "a", "b"}},
		{"counter/add", "counter", vectors("add a 1"), nil, []string{"add", "a", "1"}},
		{"asset/create", "asset", assetWarmup, nil, []string{"Create", "car", "Ann", "5"}},
		{"asset/read", "asset", assetWarmup, []string{"Create", "car", "Ann", "5"}, []string{"Read", "car"}},
		{"asset/cold", "asset", nil, []string{"Create", "car", "Ann", "5"}, []string{"Read", "car"}},
	} {
		b.Run(c.name, func(b *testing.B) {
			code, err := warmup.Append(codeOf(b, c.chaincode), c.warmup)
			if err != nil {
				b.Fatal(err)
			}
			m, err := runtimeWith(b, wasm.Limits{}).Load(context.Background(), c.name+":1", code)
			if err != nil {
				b.Fatal(err)
			}
			s := newState()
			if c.before != nil {
				must(b, m, s, c.before...)
			}
			measureCalls(b, m, s, c.args, c.name == "asset/create")
		})
	}
}

var assetWarmup = vectors("Create car Ann 5", "Read car", "Create bus Ben 6", "Read bus", "Read none")

func vectors(calls ...string) (v []warmup.Vector) {
	for _, c := range calls {
		var args warmup.Vector
		for _, arg := range strings.Fields(c) {
			args = append(args, []byte(arg))
		}
		v = append(v, args)
	}
	return v
}

func measureCalls(b *testing.B, m *wasm.Module, s *state, args []string, empty bool) {
	one, ctx := call(args...), context.Background()
	var r *wasm.Response
	var err error
	b.ReportAllocs()
	stop := measureProcess(b)
	for b.Loop() {
		if empty {
			clear(s.values)
		}
		if r, err = m.Invoke(ctx, one, s); err != nil || r.Status != 200 {
			b.Fatal(r, err)
		}
	}
	stop()
	b.ReportMetric(float64(r.FuelUsed), "fuel/op")
}
