package wasm_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/weft-network/weft/wasm"
	"github.com/weft-network/weft/wasm/snapshot"
)

// small limits, so that a call that exhausts them is soon over.
var small = wasm.Limits{Fuel: 20_000_000, MemoryPages: 512}

// endings are calls of the native chaincode, and what their errors say.
var endings = []struct {
	args []string
	text string // empty: it succeeds
}{
	{[]string{"transfer", "a", "b"}, ""},
	{[]string{"grow"}, ""},
	{[]string{"panic"}, "out of order"},
	{[]string{"exhaust"}, "of memory"},
	{[]string{"loop"}, "EXHAUSTED: fuel"},
	{[]string{"get", "fault"}, "disk on fire"},
}

// faulty fails to read one key.
type faulty struct{ *state }

func (f faulty) Get(key string) ([]byte, error) {
	if key == "fault" {
		return nil, errors.New("disk on fire")
	}
	return f.state.Get(key)
}

// inEachForm runs the test with the native chaincode reset in every form that
// this system offers.
func inEachForm(t *testing.T, test func(t *testing.T, m *wasm.Module)) {
	for form := snapshot.Copy; form <= snapshot.Scan; form++ {
		t.Run(form.String(), func(t *testing.T) {
			r := runtimeWith(t, small)
			if err := r.UseForm(form); err != nil {
				t.Skipf("not on this system: %v", err)
			}
			m, err := r.Load(context.Background(), "native:1", codeOf(t, "native"))
			if err != nil {
				t.Fatal(err)
			}
			test(t, m)
		})
	}
}

// However a call ends, memory equals the image after it (the runtime looks at
// every reset), the engine's size of it too, and globals are as they were.
func TestAfterEveryCallTheInstanceIsAsBefore(t *testing.T) {
	inEachForm(t, func(t *testing.T, m *wasm.Module) {
		for range 3 {
			for _, e := range endings {
				_, err := m.Invoke(context.Background(), call(e.args...), faulty{newState()})
				if (err == nil) != (e.text == "") || err != nil && !strings.Contains(err.Error(), e.text) {
					t.Fatalf("%s: got %v, want %q", e.args, err, e.text)
				}
				if err := m.IdleState(); err != nil {
					t.Fatalf("after %s: %v", e.args, err)
				}
				if got := string(must(t, m, newState(), "count").Payload); got != "1" {
					t.Fatalf("after %s: the counter is %s", e.args, got)
				}
			}
		}
		if n := m.Idle(); n != 1 {
			t.Errorf("%d instances for calls one after the other", n)
		}
	})
}

func TestACallThatIsRepeatedAfterAResetIsTheSameCall(t *testing.T) {
	outcomes := map[string]string{} // all forms have the same
	inEachForm(t, func(t *testing.T, m *wasm.Module) {
		for round := range 2 {
			for _, e := range endings {
				r, memory, err := m.InvokeAndHash(call(e.args...), faulty{newState()})
				outcome := fmt.Sprintf("%+v %+v %x", r, err, memory)
				name := e.args[0]
				if first, ok := outcomes[name]; ok && first != outcome {
					t.Errorf("round %d of %s differs:\n%s\n%s", round, name, first, outcome)
				}
				outcomes[name] = outcome
			}
		}
	})
}

func TestTheImageIsTheSameOnEveryPeer(t *testing.T) {
	one, other := load(t, "native", small), load(t, "native", small)
	if one.ImageHash() != other.ImageHash() {
		t.Error("two runtimes have different images of one package")
	}
	m, err := runtimeWith(t, small).Load(context.Background(), "native:2", codeOf(t, "native"))
	if err != nil {
		t.Fatal(err)
	}
	if m.ImageHash() == one.ImageHash() {
		t.Error("the package id, which seeds randomness, does not show in the image")
	}
}

func TestOthersAreServedWhileOneBurnsItsFuel(t *testing.T) {
	m := load(t, "native", wasm.Limits{Fuel: 1 << 60, Concurrent: 4})
	ctx, cancel := context.WithCancel(context.Background())
	var burning sync.WaitGroup
	burning.Go(func() {
		if _, err := m.Invoke(ctx, call("loop"), newState()); !errors.Is(err, context.Canceled) {
			t.Errorf("the endless call ended with %v", err)
		}
	})
	for range 100 { // they could not end before the other if that did not let them
		must(t, m, newState(), "transfer", "a", "b")
	}
	cancel()
	burning.Wait()
}

func TestCallsWithinCallsNeedNoSlot(t *testing.T) {
	m := load(t, "native", wasm.Limits{Concurrent: 1})
	s := &calling{state: newState()}
	s.call = func() {
		if s.depth++; s.depth > 8 {
			return
		}
		nested := call("get", "k")
		nested.Depth = s.depth
		if _, err := m.Invoke(context.Background(), nested, s); err != nil {
			t.Error(err)
		}
	}
	if _, err := m.Invoke(context.Background(), call("get", "k"), s); err != nil {
		t.Fatal(err)
	}
	if n := m.Idle(); n != 1 {
		t.Errorf("%d instances are kept for one caller", n)
	}
	nested := call("get", "k")
	nested.Depth = 9
	if _, err := m.Invoke(context.Background(), nested, s); err == nil || !strings.Contains(err.Error(), "8 levels of chaincode calls") {
		t.Errorf("nine levels: %v", err)
	}
}

// calling calls chaincode when it is read.
type calling struct {
	*state
	depth int
	call  func()
}

func (c *calling) Get(key string) ([]byte, error) {
	c.call()
	return c.state.Get(key)
}

func TestInstancesAreNoMoreThanCallsAtOnce(t *testing.T) {
	m := load(t, "native", wasm.Limits{Concurrent: 3})
	var group sync.WaitGroup
	for range 12 {
		group.Go(func() {
			for range 20 {
				must(t, m, newState(), "count")
			}
		})
	}
	group.Wait()
	if n := m.Idle(); n < 1 || n > 3 {
		t.Errorf("%d instances for 3 calls at once", n)
	}
}
