package wasm_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/weft-network/weft/wasm"
	"github.com/weft-network/weft/wasm/wasmtest"
)

// rounds is how often a canary is left and looked for.
func rounds() int {
	if testing.Short() {
		return 200
	}
	return 10_000
}

// nextCall is another transaction, on another channel every other time.
func nextCall(i int, args [][]byte) *wasm.Call {
	c := call()
	c.TxID, c.Channel, c.Args = fmt.Sprint("tx", i), fmt.Sprint("ch", i%4/2), args
	return c
}

// unverified is a runtime that does not check itself whether resets worked:
// here the guest looks.
func unverified(t testing.TB) *wasm.Runtime {
	t.Helper()
	r, err := wasm.New(wasm.Config{CacheDir: cacheDir, Limits: patient(wasm.Limits{})})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(context.Background()) })
	return r
}

// A canary is in memory that the image has, in memory that was grown, and in a
// global. The other chaincode is the same code, installed once more: what the
// two share is the machine code.
func TestACanaryInMemoryOrAGlobalIsNeverSeenAgain(t *testing.T) {
	const canary, grown = 0x0badcafe, wasmtest.PuppetPages << 16
	r := unverified(t)
	here, other := hostile(t, r, "puppet", wasmtest.Puppet()), hostile(t, r, "other", wasmtest.Puppet())
	plant := wasmtest.NewScript(nil).
		Call(wasmtest.SetVar, canary).
		Call(wasmtest.Poke, 4, canary).Call(wasmtest.Poke, 5000, canary).Call(wasmtest.Poke, 40_000, canary).
		Call(wasmtest.Grow, 3).Call(wasmtest.Poke, grown, canary).Call(wasmtest.Poke, grown+3<<16-4, canary)
	fatal := wasmtest.NewScript(nil).
		Call(wasmtest.SetVar, canary).Call(wasmtest.Poke, 40_000, canary).
		Call(wasmtest.Grow, 3).Call(wasmtest.Poke, grown, canary).Call(wasmtest.Fail)
	look := wasmtest.NewScript(nil).
		Call(wasmtest.GetVar).Call(wasmtest.Size).Call(wasmtest.Peek, 4).Call(wasmtest.Count, canary).
		Call(wasmtest.Grow, 3).Call(wasmtest.Peek, grown).Call(wasmtest.Peek, grown+3<<16-4)
	both := perform(t, here, newState(), wasmtest.NewScript(nil).
		Call(wasmtest.SetVar, canary).Call(wasmtest.Poke, 40_000, canary).Call(wasmtest.GetVar).Call(wasmtest.Count, canary))
	if both[2] != canary || both[3] != 1 {
		t.Fatalf("in the call that plants it only %x is found", both)
	}
	want := []int32{0, wasmtest.PuppetPages, 0, 0, wasmtest.PuppetPages, 0, 0}
	for i := range rounds() {
		m := []*wasm.Module{here, other}[i%2]
		script := plant
		if i%3 == 0 {
			script = fatal
		}
		if _, err := m.Invoke(context.Background(), nextCall(i, script.Args()), newState()); (err != nil) != (i%3 == 0) {
			t.Fatal(err)
		}
		m = []*wasm.Module{here, other}[i/2%2] // where it was planted, or not
		answer, err := m.Invoke(context.Background(), nextCall(i+1, look.Args()), newState())
		if err != nil {
			t.Fatal(err)
		}
		if got := wasmtest.Answers(answer.Payload); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("round %d: global, size, memory, count, growth, grown memory: %x, want %x", i, got, want)
		}
	}
}

func TestACanaryInAGoRuntimeIsNeverSeenAgain(t *testing.T) {
	r := unverified(t)
	here, other := hostile(t, r, "stranger", codeOf(t, "stranger")), hostile(t, r, "other", codeOf(t, "stranger"))
	if found := must(t, here, newState(), "both", "canary ").Payload; strings.Count(string(found), "canary") < 7 {
		t.Fatalf("in the call that plants it only %q is found", found)
	}
	for i := range rounds() {
		canary := fmt.Sprintf("canary %d", i)
		m := []*wasm.Module{here, other}[i%2]
		if _, err := m.Invoke(context.Background(), nextCall(i, args("plant", canary)), newState()); err != nil {
			t.Fatal(err)
		}
		m = []*wasm.Module{here, other}[i/2%2]
		answer, err := m.Invoke(context.Background(), nextCall(i+1, args("look")), newState())
		if err != nil {
			t.Fatal(err)
		}
		if len(answer.Payload) > 0 {
			t.Fatalf("round %d: found %q", i, answer.Payload)
		}
	}
}

func args(list ...string) (out [][]byte) {
	for _, arg := range list {
		out = append(out, []byte(arg))
	}
	return out
}
