package wasm_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/weft-network/weft/wasm"
	"github.com/weft-network/weft/wasm/abi"
	"github.com/weft-network/weft/wasm/wasmtest"
)

// sound are calls of every function that reaches the stub, after which each of
// the stub's methods was asked.
func sound() *wasmtest.Script {
	const key, coll, name, free = wasmtest.ScriptData, wasmtest.ScriptData + 3, wasmtest.ScriptData + 7, 2000
	list := abi.AppendList(nil, [][]byte{[]byte("key")})
	at := uint64(wasmtest.ScriptData + 9)
	size := uint64(len(list))
	s := wasmtest.NewScript(append([]byte("keycollcc"), list...))
	for _, c := range []uint64{0, 4} { // public and private state
		s.Call("state_put", coll, c, key, 3, key, 3)
		s.Call("state_get", coll, c, key, 3, free, 100)
		s.Call("state_get_multi", coll, c, at, size, free, 100)
		s.Call("meta_put", coll, c, key, 3, key, 3, key, 3)
		s.Call("meta_get", coll, c, key, 3, key, 3, free, 100)
		s.Call("range_open", coll, c, 0, 0, 0, 0, 0, 0, 0, 0)
		s.Call("query_open", coll, c, key, 3, 0, 0, 0)
		s.Call("state_del", coll, c, key, 3, 0)
	}
	s.Call("state_hash", coll, 4, key, 3, free, 100)
	s.Call("state_del", coll, 4, key, 3, 1)
	s.Call("range_open", 0, 0, 0, 0, 0, 0, 0, 2, 0, 0)
	s.Call("history_open", key, 3)
	s.Call("iter_next", 1, free, 100).Call("iter_close", 1)
	return s.Call("cc_call", name, 2, at, size, 0, 0)
}

// stubMethods are the names of what a sound script asks of the stub.
func stubMethods(t testing.TB, m *wasm.Module) []string {
	t.Helper()
	stub := newEverything()
	stub.values["k"] = []byte("v") // something for ranges to find
	for i, answer := range perform(t, m, stub, sound()) {
		if answer == int32(abi.Unsupported) {
			t.Fatalf("step %d of the sound script is unsupported", i)
		}
	}
	methods := map[string]bool{}
	for _, line := range stub.asked {
		method, _, _ := strings.Cut(line, "[")
		methods[method] = true
	}
	return slices.Sorted(maps.Keys(methods))
}

func TestAPanicInTheStubEndsTheCallAndNothingElse(t *testing.T) {
	m := puppet(t, wasm.Limits{})
	methods := stubMethods(t, m)
	if len(methods) < 18 {
		t.Fatalf("only %q were asked", methods)
	}
	panics := map[string]func(){
		"of its own": func() { panic("out of order") },
		"of Go":      func() { var nothing *state; nothing.reads++ },
	}
	for _, method := range methods {
		for kind, panics := range panics {
			stub := newEverything()
			stub.values["k"] = []byte("v")
			stub.fault = func(asked string) error {
				if asked == method {
					panics()
				}
				return nil
			}
			c := scripted(sound())
			c.Budget = wasm.NewBudget(wasm.DefaultFuel)
			if _, err := m.Invoke(context.Background(), c, stub); err == nil || blamed(err) || !strings.Contains(err.Error(), "panic") {
				t.Errorf("panic %s in %s: got %v", kind, method, err)
			}
			if used := c.Budget.Used(); used == 0 || used > 10_000_000 {
				t.Errorf("panic %s in %s: %d fuel billed", kind, method, used)
			}
			perform(t, m, newEverything(), sound()) // the instance serves again
		}
	}
}

func TestAFaultOfTheStubEndsTheCallAndIsBilled(t *testing.T) {
	m := puppet(t, wasm.Limits{})
	fault := errors.New("disk on fire")
	for _, method := range stubMethods(t, m) {
		if method == "Close" {
			continue // what was read is recorded by then: it does not matter
		}
		stub := newEverything()
		stub.values["k"] = []byte("v")
		stub.fault = func(asked string) error {
			if asked == method {
				return fault
			}
			return nil
		}
		c := scripted(sound())
		c.Budget = wasm.NewBudget(wasm.DefaultFuel)
		_, err := m.Invoke(context.Background(), c, stub)
		if !errors.Is(err, fault) {
			t.Errorf("fault in %s: got %v", method, err)
		}
		if used := c.Budget.Used(); used == 0 || used > 10_000_000 {
			t.Errorf("fault in %s: %d fuel billed", method, used)
		}
	}
}

func TestChaincodesCallEachOtherEightDeepAndNoDeeper(t *testing.T) {
	r := runtimeWith(t, wasm.Limits{Concurrent: 1}) // nested calls need no slot
	m := hostile(t, r, "caller", wasmtest.SelfCaller())
	stub := newEverything()
	stub.modules["a"], stub.modules["b"] = m, hostile(t, r, "again", wasmtest.SelfCaller())
	budget := wasm.NewBudget(wasm.DefaultFuel)
	c := call("a")
	c.Budget = budget
	response, err := m.Invoke(context.Background(), c, stub)
	if err != nil {
		t.Fatal(err)
	}
	if response.Status != 500 {
		t.Errorf("status %d", response.Status)
	}
	var want []string
	for depth := range 8 {
		want = append(want, fmt.Sprintf("CallChaincode%q", []any{"a", depth + 1}))
	}
	if fmt.Sprint(stub.asked) != fmt.Sprint(want) {
		t.Errorf("asked %v, want %v", stub.asked, want)
	}
	if budget.Used() != response.FuelUsed {
		t.Errorf("%d fuel billed, %d answered", budget.Used(), response.FuelUsed)
	}
}

func TestNestedCallsShareOneBudget(t *testing.T) {
	r := runtimeWith(t, wasm.Limits{})
	outer := hostile(t, r, "puppet", wasmtest.Puppet())
	stub := newEverything()
	stub.modules["cc"] = hostile(t, r, "loop", wasmtest.EndlessLoop())
	args := abi.AppendList[[]byte](nil, nil)
	s := wasmtest.NewScript(append([]byte("cc"), args...)).
		Call("cc_call", wasmtest.ScriptData, 2, wasmtest.ScriptData+2, uint64(len(args)), 0, 0)
	c := scripted(s)
	c.Budget = wasm.NewBudget(3_000_000)
	_, err := outer.Invoke(context.Background(), c, stub)
	var exhausted *wasm.Exhausted
	if !errors.As(err, &exhausted) || !strings.Contains(err.Error(), "EXHAUSTED: fuel 3000000 used") || c.Budget.Used() != 3_000_000 {
		t.Errorf("got %v, %d billed", err, c.Budget.Used())
	}
}
