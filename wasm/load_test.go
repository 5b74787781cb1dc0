package wasm_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/weft-network/weft/wasm"
	"github.com/weft-network/weft/wasm/wasmtest"
)

// otherCode is chaincode, another for each n.
func otherCode(n int32) []byte { return wasmtest.Chaincode(1, "", wasmtest.I32(n)) }

// compiling is a runtime whose modules go through compile, once it has started.
func compiling(t *testing.T, compile func(ctx context.Context) error) *wasm.Runtime {
	t.Helper()
	var started atomic.Bool
	r, err := wasm.New(wasm.Config{CacheDir: cacheDir, Limits: patient(wasm.Limits{}), Compile: func(ctx context.Context, _ []byte) error {
		if !started.Load() {
			return nil // the runtime's own test
		}
		return compile(ctx)
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	started.Store(true)
	return r
}

func TestAPackageIsLoadedWhileAnotherIsCompiled(t *testing.T) {
	begun, end := make(chan struct{}), make(chan struct{})
	var other atomic.Bool
	r := compiling(t, func(context.Context) error {
		if !other.Swap(true) {
			close(begun)
			<-end
		}
		return nil
	})
	slow := make(chan error, 1)
	go func() {
		_, err := r.Load(context.Background(), "slow:1", otherCode(0))
		slow <- err
	}()
	<-begun
	if _, err := r.Load(context.Background(), "quick:1", otherCode(1)); err != nil {
		t.Error(err)
	}
	close(end)
	if err := <-slow; err != nil {
		t.Error(err)
	}
}

func TestManyThatLoadAPackageLoadItOnce(t *testing.T) {
	var compiled atomic.Int32
	r := compiling(t, func(context.Context) error { compiled.Add(1); return nil })
	var group sync.WaitGroup
	modules := make([]*wasm.Module, 8)
	for i := range modules {
		group.Go(func() {
			var err error
			if modules[i], err = r.Load(context.Background(), "same:1", otherCode(2)); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	for _, m := range modules {
		if m != modules[0] {
			t.Error("two modules of one package")
		}
	}
	if n := compiled.Load(); n != 1 {
		t.Errorf("compiled %d times", n)
	}
}

func TestWhoWaitsForALoadThatFailsLoadsItself(t *testing.T) {
	failed := errors.New("given up")
	synctest.Test(t, func(t *testing.T) {
		fail := make(chan error)
		r := compiling(t, func(context.Context) error { return <-fail })
		load := func(ctx context.Context) <-chan error {
			done := make(chan error, 1)
			go func() {
				_, err := r.Load(ctx, "again:1", otherCode(3))
				done <- err
			}()
			synctest.Wait()
			return done
		}
		first := load(t.Context())
		second := load(t.Context())
		ctx, cancel := context.WithCancel(t.Context())
		third := load(ctx)
		cancel()
		if err := <-third; !errors.Is(err, context.Canceled) {
			t.Errorf("who gives up is told %v", err)
		}
		fail <- failed
		if err := <-first; !errors.Is(err, failed) {
			t.Errorf("the first: %v", err)
		}
		fail <- nil
		if err := <-second; err != nil {
			t.Errorf("the second: %v", err)
		}
	})
}
