package wasm_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/weft-network/weft/wasm"
	"github.com/weft-network/weft/wasm/abi"
	"github.com/weft-network/weft/wasm/wasmtest"
)

func puppet(t testing.TB, limits wasm.Limits) *wasm.Module {
	return hostile(t, runtimeWith(t, limits), "puppet", wasmtest.Puppet())
}

func scripted(s *wasmtest.Script) *wasm.Call {
	c := call()
	c.Args = s.Args()
	return c
}

// perform has the puppet play the script and answers what the steps answered.
func perform(t testing.TB, m *wasm.Module, stub wasm.Stub, s *wasmtest.Script) []int32 {
	t.Helper()
	r, err := m.Invoke(context.Background(), scripted(s), stub)
	if err != nil {
		t.Fatal(err)
	}
	return wasmtest.Answers(r.Payload)
}

// blamed says whether an error is of a kind that only the chaincode causes.
func blamed(err error) bool {
	var trap *wasm.Trap
	var exhausted *wasm.Exhausted
	return errors.As(err, &trap) || errors.As(err, &exhausted)
}

// outlandish arguments are borders of memory and of numbers, besides sound ones.
func outlandish(rng *rand.Rand) uint64 {
	const memory = wasmtest.PuppetPages << 16
	picks := []uint64{0, 1, 4, 8, 100, wasmtest.ScriptData, memory - 1, memory, memory - 8,
		0x7fffffff, 0x80000000, 0xfffffff0, 0xffffffff, 1 << 20, 1<<63 - 1, 1<<64 - 1}
	return picks[rng.IntN(len(picks))]
}

func TestNoArgumentOfAnyHostFunctionHarmsTheHost(t *testing.T) {
	m := puppet(t, wasm.Limits{})
	seed := uint64(time.Now().UnixNano())
	if text, ok := os.LookupEnv("WEFT_SEED"); ok {
		seed, _ = strconv.ParseUint(text, 10, 64)
	}
	t.Logf("WEFT_SEED=%d", seed)
	rng := rand.New(rand.NewPCG(seed, 3))
	data := slices.Concat([]byte("key"), []byte{0, 0xff, 0xfe}, abi.AppendList(nil, [][]byte{[]byte("a"), []byte("b")}), make([]byte, 200))
	answers, ends := 0, map[string]int{}
	for _, name := range wasmtest.PuppetFunctions() {
		for range 150 {
			s := wasmtest.NewScript(data)
			s.Call("range_open", 0, 0, 0, 0, 0, 0, 0, 0, 0, 0) // a handle to abuse
			for range 3 {
				args := make([]uint64, wasmtest.HostParams(name))
				for i := range args {
					args[i] = outlandish(rng)
				}
				s.Call(name, args...)
			}
			stub := newEverything()
			stub.values["key"], stub.values["other"] = []byte("value"), make([]byte, 300)
			c := scripted(s)
			c.Budget = wasm.NewBudget(10_000_000)
			_, err := m.Invoke(context.Background(), c, stub)
			switch {
			case err == nil:
				answers++
			case blamed(err):
				ends[strings.Fields(err.Error())[0]]++
			default:
				t.Fatalf("%s: %v", name, err)
			}
			if stub.open != 0 {
				t.Fatalf("%s: %d iterators stay open", name, stub.open)
			}
		}
	}
	t.Logf("%d answered, ended by %v", answers, ends)
	if answers == 0 || len(ends) == 0 {
		t.Error("the arguments were all alike")
	}
}

func TestWhatAHostFunctionAnswersToAbuse(t *testing.T) {
	m := puppet(t, wasm.Limits{})
	const data, huge, free = uint64(wasmtest.ScriptData), uint64(1 << 20), uint64(wasmtest.ScriptFree)
	ok := func(s *wasmtest.Script) *wasmtest.Script { return s }
	for name, c := range map[string]struct {
		script func(*wasmtest.Script) *wasmtest.Script
		want   abi.Code // of the last step
		trap   string   // or how the call ends
	}{
		"pointer beyond memory": {func(s *wasmtest.Script) *wasmtest.Script {
			return s.Call("state_get", 0, 0, 1<<31, 4, 0, 100)
		}, 0, "outside of its memory"},
		"pointer and length pass 2^32": {func(s *wasmtest.Script) *wasmtest.Script {
			return s.Call("log", 0, 0xffffffff, 0xffffffff)
		}, 0, "outside of its memory"},
		"a capacity beyond memory is no harm until it is used": {func(s *wasmtest.Script) *wasmtest.Script {
			return ok(s).Call("state_get", 0, 0, data, 6, data, 0xffffffff)
		}, abi.NotFound, ""},
		"output beyond memory": {func(s *wasmtest.Script) *wasmtest.Script {
			return s.Call("ctx_get", uint64(abi.FieldTxID), 0xfffffff0, 0xffffffff)
		}, 0, "outside of its memory"},
		"input and output overlap": {func(s *wasmtest.Script) *wasmtest.Script {
			return s.Call("state_put", 0, 0, data, 6, data, 6).Call("state_get", 0, 0, data, 6, data, 6)
		}, 6, ""},
		"empty key to put": {func(s *wasmtest.Script) *wasmtest.Script { return s.Call("state_put", 0, 0, data, 0, data, 1) }, abi.InvalidArg, ""},
		"empty key to get": {func(s *wasmtest.Script) *wasmtest.Script { return s.Call("state_get", 0, 0, data, 0, 0, 0) }, abi.InvalidArg, ""},
		"a key of 1 MiB": {func(s *wasmtest.Script) *wasmtest.Script {
			return s.Call(wasmtest.Grow, 32).Call("state_put", 0, 0, 0, huge, data, 1)
		}, abi.InvalidArg, ""},
		"a key that is no text":   {func(s *wasmtest.Script) *wasmtest.Script { return s.Call("state_put", 0, 0, data+6, 1, data, 1) }, abi.InvalidArg, ""},
		"a composite key's zeros": {func(s *wasmtest.Script) *wasmtest.Script { return s.Call("state_put", 0, 0, data+7, 6, data, 1) }, 0, ""},
		"a handle that never was": {func(s *wasmtest.Script) *wasmtest.Script { return s.Call("iter_next", 7, 0, free) }, abi.BadHandle, ""},
		"a closed handle": {func(s *wasmtest.Script) *wasmtest.Script {
			return opened(s).Call("iter_close", 1).Call("iter_next", 1, 0, free)
		}, abi.BadHandle, ""},
		"closing twice": {func(s *wasmtest.Script) *wasmtest.Script {
			return opened(s).Call("iter_close", 1).Call("iter_close", 1)
		}, abi.BadHandle, ""},
		"too many iterators":       {func(s *wasmtest.Script) *wasmtest.Script { return s.Repeat(1000, "range_open") }, abi.Limit, ""},
		"an iterator leak of 10^5": {func(s *wasmtest.Script) *wasmtest.Script { return s.Repeat(100_000, "range_open") }, 0, "EXHAUSTED"},
		"writing while reading": {func(s *wasmtest.Script) *wasmtest.Script {
			return opened(s).Call("state_put", 0, 0, data, 6, data, 6).Call("iter_next", 1, 0, free)
		}, 0, ""},
		"a result that is not":     {func(s *wasmtest.Script) *wasmtest.Script { return s.Call("result_read", 0xffffffff, 0, 0xffffffff) }, abi.InvalidArg, ""},
		"a field that is not":      {func(s *wasmtest.Script) *wasmtest.Script { return s.Call("ctx_get", 0xffffffff, 0, 0) }, abi.InvalidArg, ""},
		"more host calls than are": {func(s *wasmtest.Script) *wasmtest.Script { return s.Repeat(1<<31, "iter_close", 9) }, 0, "EXHAUSTED"},
		"random bytes without end": {func(s *wasmtest.Script) *wasmtest.Script { return s.Repeat(1<<31, "random_get", 0, 200_000) }, 0, "EXHAUSTED"},
		"log lines without end":    {func(s *wasmtest.Script) *wasmtest.Script { return s.Repeat(1<<31, "log", 0, 0, 200_000) }, 0, "EXHAUSTED"},
		"a response without bounds": {func(s *wasmtest.Script) *wasmtest.Script {
			return s.Call(wasmtest.Grow, 200).Call("response_set", 200, 0, 0, 0, 10<<20)
		}, 0, "EXHAUSTED"},
		"an event without bounds": {func(s *wasmtest.Script) *wasmtest.Script {
			return s.Call(wasmtest.Grow, 200).Call("event_set", data, 3, 0, 10<<20)
		}, 0, "EXHAUSTED"},
		"writes without bounds": {func(s *wasmtest.Script) *wasmtest.Script {
			return s.Call(wasmtest.Grow, 200).Repeat(1000, "state_put", 0, 0, data, 3, 0, 10<<20)
		}, 0, "EXHAUSTED"},
	} {
		s := c.script(wasmtest.NewScript([]byte("key123\xff\x00o\x00a\x00\x00")))
		stub := newEverything()
		r, err := m.Invoke(context.Background(), scripted(s), stub)
		switch {
		case c.trap != "":
			if err == nil || !strings.Contains(err.Error(), c.trap) || !blamed(err) {
				t.Errorf("%s: got %+v, %v", name, r, err)
			}
		case err != nil:
			t.Errorf("%s: %v", name, err)
		default:
			steps := wasmtest.Answers(r.Payload)
			if got := steps[len(steps)-1]; got != int32(c.want) {
				t.Errorf("%s: answered %d, want %d", name, got, c.want)
			}
		}
		if stub.open != 0 {
			t.Errorf("%s: %d iterators stay open", name, stub.open)
		}
	}
}

func opened(s *wasmtest.Script) *wasmtest.Script {
	return s.Call("range_open", 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
}

// FuzzGuestOfHostCalls has a guest make any calls with any arguments. What the
// functions answer is FuzzHostCall's; here they end and come back through the
// engine's machine code, and the instance must be as new afterwards.
func FuzzGuestOfHostCalls(f *testing.F) {
	m := puppet(f, wasm.Limits{})
	usual := func(t testing.TB) uint64 {
		response, err := m.Invoke(context.Background(), scripted(wasmtest.NewScript([]byte("data"))), newEverything())
		if err != nil {
			t.Fatal(err)
		}
		return response.FuelUsed
	}
	before := usual(f)
	names := wasmtest.PuppetFunctions()
	f.Add([]byte("data"), []byte{0, 1, 2, 3, 4, 5, 6, 7, 8})
	f.Add([]byte("\x01\x00\x00\x00\x01\x00\x00\x00a"), []byte{20, 7, 7, 7, 7, 7, 7})
	f.Fuzz(func(t *testing.T, data, steps []byte) {
		if len(data) > 1<<16 || len(steps) > 1<<10 {
			return
		}
		s := wasmtest.NewScript(data)
		for len(steps) > 0 {
			name := names[int(steps[0])%len(names)]
			n := min(len(steps)-1, wasmtest.HostParams(name))
			args := make([]uint64, n)
			for i, b := range steps[1 : 1+n] {
				args[i] = fuzzed(b, len(data))
			}
			s.Call(name, args...)
			steps = steps[1+n:]
		}
		c, stub := scripted(s), newEverything()
		stub.values["a"] = []byte("value")
		c.Budget = wasm.NewBudget(1_000_000)
		if _, err := m.Invoke(context.Background(), c, stub); err != nil && !blamed(err) {
			t.Fatal(err)
		}
		if stub.open != 0 {
			t.Fatalf("%d iterators stay open", stub.open)
		}
		if now := usual(t); now != before {
			t.Fatalf("the next call takes %d units, not %d", now, before)
		}
	})
}

// fuzzed makes one byte reach small numbers, the data, and the borders.
func fuzzed(b byte, data int) uint64 {
	switch {
	case b < 64:
		return uint64(b)
	case b < 160:
		return wasmtest.ScriptData + uint64(b-64)*uint64(data)/96
	case b < 224:
		return 1 << (b - 160)
	}
	return 1<<(b-224) - 1 + 1<<32
}
