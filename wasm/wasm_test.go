package wasm_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/weft-network/weft/wasm"
	"github.com/weft-network/weft/wasm/build"
	"github.com/weft-network/weft/wasm/wasmtest"
)

// The chaincodes are compiled once for all tests, and their machine code lies
// in one cache.
var (
	cacheDir string
	compiled = map[string]func() ([]byte, error){
		"probe":    sync.OnceValues(source("testdata/probe")),
		"native":   sync.OnceValues(source("testdata/native")),
		"stranger": sync.OnceValues(source("testdata/stranger")),
		"asset":    sync.OnceValues(source("../chaincode-examples/asset")),
		"counter":  sync.OnceValues(source("../chaincode-examples/counter")),
	}
)

func source(dir string) func() ([]byte, error) {
	return func() ([]byte, error) {
		result, err := build.Chaincode(context.Background(), dir, "", build.Options{})
		if err != nil {
			return nil, err
		}
		return result.Code, nil
	}
}

func TestMain(m *testing.M) {
	if dir, ok := os.LookupEnv(replayVariable); ok {
		if err := replay(dir, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	dir, remove, err := wasmtest.CompiledDir()
	if err != nil {
		panic(err)
	}
	cacheDir = dir
	code := m.Run()
	remove()
	os.Exit(code)
}

func codeOf(t testing.TB, name string) []byte {
	t.Helper()
	if testing.Short() && name != "native" {
		t.Skip("compiles a large module, which takes minutes under the race detector; the small one is used")
	}
	code, err := compiled[name]()
	if err != nil {
		t.Fatal(err)
	}
	return code
}

// patient limits do not end what takes long because the machine has other work;
// fuel does.
func patient(l wasm.Limits) wasm.Limits {
	l.CallTime = cmp.Or(l.CallTime, time.Hour)
	return l
}

func runtimeWith(t testing.TB, limits wasm.Limits) *wasm.Runtime {
	t.Helper()
	r, err := wasm.New(wasm.Config{CacheDir: cacheDir, Limits: patient(limits)})
	if err != nil {
		t.Fatal(err)
	}
	if _, benchmark := t.(*testing.B); !benchmark {
		r.VerifyEveryReset()
	}
	t.Cleanup(func() {
		if err := r.Close(context.Background()); err != nil {
			t.Error(err)
		}
		if n := r.Spoiled(); n > 0 {
			t.Errorf("%d instances did not equal their image after a reset", n)
		}
	})
	return r
}

func load(t testing.TB, name string, limits wasm.Limits) *wasm.Module {
	t.Helper()
	m, err := runtimeWith(t, limits).Load(context.Background(), name+":1", codeOf(t, name))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// state is a map that counts what was read of it.
type state struct {
	values map[string][]byte
	reads  int
	open   int
	fail   error
}

func newState() *state { return &state{values: map[string][]byte{}} }

func (s *state) Get(key string) ([]byte, error) { s.reads++; return s.values[key], s.fail }

func (s *state) Put(key string, value []byte) error { s.values[key] = value; return s.fail }

func (s *state) Delete(key string) error { delete(s.values, key); return s.fail }

func (s *state) Range(start, end string) (wasm.Iterator, error) {
	var keys []string
	for _, key := range slices.Sorted(maps.Keys(s.values)) {
		if key >= start && (end == "" || key < end) {
			keys = append(keys, key)
		}
	}
	s.open++
	return &walk{s, keys}, s.fail
}

type walk struct {
	s    *state
	keys []string
}

func (w *walk) Next() (string, []byte, bool, error) {
	if len(w.keys) == 0 {
		return "", nil, false, nil
	}
	key := w.keys[0]
	w.keys = w.keys[1:]
	w.s.reads++
	return key, w.s.values[key], true, nil
}

func (w *walk) Close() error { w.s.open--; return nil }

func call(args ...string) *wasm.Call {
	c := &wasm.Call{TxID: "tx1", Channel: "ch", Chaincode: "cc", Seconds: 1_700_000_000, Nanos: 5, MSPID: "Org1MSP"}
	for _, arg := range args {
		c.Args = append(c.Args, []byte(arg))
	}
	return c
}

// must invokes and fails the test unless the chaincode answers 200.
func must(t testing.TB, m *wasm.Module, s *state, args ...string) *wasm.Response {
	t.Helper()
	r, err := m.Invoke(context.Background(), call(args...), s)
	if err != nil {
		t.Fatalf("%v: %v", args, err)
	}
	if r.Status != 200 {
		t.Fatalf("%v: status %d: %s", args, r.Status, r.Message)
	}
	return r
}

func TestEveryCallHasAnInstanceOfItsOwn(t *testing.T) {
	m := load(t, "probe", wasm.Limits{})
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 5 {
				if got := string(must(t, m, newState(), "calls").Payload); got != "1" {
					t.Errorf("call number %s of an instance", got)
				}
			}
		})
	}
	group.Wait()
}

func TestTheSameCallSeesTheSameWorld(t *testing.T) {
	first := string(must(t, load(t, "probe", wasm.Limits{}), newState(), "world").Payload)
	m := load(t, "probe", wasm.Limits{}) // another engine, as on another peer
	for range 3 {
		if again := string(must(t, m, newState(), "world").Payload); again != first {
			t.Fatalf("differs:\n%s\n%s", first, again)
		}
	}
	for _, want := range []string{"true 2023-11-14 22:13:20.000000005 +0000 UTC Org1MSP", "[] 0 true true 2023-11-14 22:13:20.00200"} {
		if !strings.Contains(first, want) {
			t.Errorf("%q is not in\n%s", want, first)
		}
	}
	other := call("world")
	other.TxID = "tx2"
	r, err := m.Invoke(context.Background(), other, newState())
	if err != nil {
		t.Fatal(err)
	}
	if string(r.Payload) == first {
		t.Error("crypto/rand is the same in another transaction")
	}
}

func TestChaincodeThatMisbehavesIsEndedAndTheNextCallIsClean(t *testing.T) {
	m := load(t, "probe", wasm.Limits{Fuel: 1e9, MemoryPages: 512, ResponseBytes: 1 << 20, WriteBytes: 1000})
	var (
		trap      *wasm.Trap
		exhausted *wasm.Exhausted
	)
	for _, c := range []struct {
		args   []string
		target any
		text   string
	}{
		{[]string{"memory"}, &exhausted, "of memory"},
		{[]string{"panic"}, &trap, "panic: out of order"},
		{[]string{"exit"}, &trap, "exit code 7"},
		{[]string{"big"}, &exhausted, "of response"},
		{[]string{"put", "k", strings.Repeat("x", 1000)}, &exhausted, "of writes"},
	} {
		_, err := m.Invoke(context.Background(), call(c.args...), newState())
		if err == nil || !errors.As(err, c.target) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%.40q: got %v, want a %T with %q", c.args, err, c.target, c.text)
		}
		if got := string(must(t, m, newState(), "calls").Payload); got != "1" {
			t.Errorf("after %s: call number %s of an instance", c.args[0], got)
		}
	}
}

func TestAnEndlessCallIsEndedByItsFuel(t *testing.T) {
	m := load(t, "probe", wasm.Limits{Fuel: 10_000_000})
	for _, function := range []string{"loop", "sleep"} {
		_, err := m.Invoke(context.Background(), call(function), newState())
		var exhausted *wasm.Exhausted
		if !errors.As(err, &exhausted) || exhausted.FuelUsed != 10_000_000 {
			t.Fatalf("%s: got %#v", function, err)
		}
		if want := "EXHAUSTED: fuel 10000000 used in function " + strconv.Quote(function); err.Error() != want {
			t.Errorf("got %s", err)
		}
	}
}

func TestTimeEndsACallThatFuelDoesNot(t *testing.T) {
	r := runtimeWith(t, wasm.Limits{Fuel: 1 << 60})
	m := hostile(t, r, "probe", codeOf(t, "probe"))
	r.SetCallTime(time.Millisecond) // not before the module has started
	var timeout *wasm.Timeout
	if _, err := m.Invoke(context.Background(), call("loop"), newState()); !errors.As(err, &timeout) {
		t.Errorf("got %v", err)
	}
}

// A Go guest leaves its frames whenever its stack in memory grows, so it may well
// run out of fuel before its calls are too deep.
func TestRecursionWithoutEndEndsTheSameWayEveryTime(t *testing.T) {
	m := load(t, "probe", wasm.Limits{})
	var first string
	for range 3 {
		_, err := m.Invoke(context.Background(), call("recurse"), newState())
		var exhausted *wasm.Exhausted
		if !errors.As(err, &exhausted) {
			t.Fatalf("got %v", err)
		}
		if how := fmt.Sprintf("%+v", *exhausted); first == "" {
			first = how
		} else if how != first {
			t.Errorf("got %s, the first time %s", how, first)
		}
	}
}

func TestACallEndsWhenTheCallerGoesAway(t *testing.T) {
	m := load(t, "probe", wasm.Limits{})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := m.Invoke(ctx, call("loop"), newState())
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
}

func TestAnswersThatAreNoSuccess(t *testing.T) {
	m := load(t, "probe", wasm.Limits{})
	for _, c := range []struct {
		args   []string
		status int32
		text   string
	}{
		{[]string{"nothing"}, 404, "unknown nothing"},
		{[]string{"nil"}, 500, "no response"},
		{[]string{"put", "", "v"}, 500, "key must not be an empty string"},
		{[]string{"put", "\xff", "v"}, 500, "not valid UTF-8"},
		{[]string{"range", "\x00a", ""}, 500, "contains a null character"},
		{[]string{"leave"}, 500, "iterators are open"},
	} {
		s := newState()
		r, err := m.Invoke(context.Background(), call(c.args...), s)
		if err != nil {
			t.Fatalf("%q: %v", c.args, err)
		}
		if r.Status != c.status || !strings.Contains(r.Message, c.text) {
			t.Errorf("%q: %d %s", c.args, r.Status, r.Message)
		}
		if s.open != 0 {
			t.Errorf("%q: %d iterators are still open", c.args, s.open)
		}
	}
}

func TestAFaultOfTheHostIsNotShownToTheGuestAndAGuestErrorIs(t *testing.T) {
	m := load(t, "probe", wasm.Limits{})
	fault := errors.New("disk on fire")
	if _, err := m.Invoke(context.Background(), call("get", "k"), &state{fail: fault}); !errors.Is(err, fault) {
		t.Errorf("got %v", err)
	}
	r, err := m.Invoke(context.Background(), call("get", "k"), &state{fail: &wasm.GuestError{Text: "not for you"}})
	if err != nil || r.Status != 500 || !strings.HasSuffix(r.Message, ": not for you") {
		t.Errorf("got %+v, %v", r, err)
	}
}

func TestALogWithoutEndChangesNothing(t *testing.T) {
	must(t, load(t, "probe", wasm.Limits{Fuel: 1e9, LogBytes: 100}), newState(), "print")
}

func TestARangeIsReadInFabricsBatches(t *testing.T) {
	m := load(t, "probe", wasm.Limits{})
	for _, n := range []int{0, 1, 99, 100, 101, 250} {
		s := newState()
		for i := range n {
			s.values[fmt.Sprintf("k%04d", i)] = []byte(strings.Repeat("v", i%3*20_000)) // some beyond the buffer
		}
		s.values["\x00composite\x00"] = []byte("never seen")
		got := string(must(t, m, s, "range", "", "").Payload)
		want := fmt.Sprint(n, " ")
		if n > 0 {
			want += fmt.Sprintf("k%04d", n-1)
		}
		if got != want || s.reads != n {
			t.Errorf("%d keys: got %q after %d reads", n, got, s.reads)
		}
	}
}

func TestInitIsToldApart(t *testing.T) {
	c := call("anything")
	c.Init = true
	r, err := load(t, "probe", wasm.Limits{}).Invoke(context.Background(), c, newState())
	if err != nil || string(r.Payload) != "init" {
		t.Fatalf("got %+v, %v", r, err)
	}
}

func TestTheAssetRegister(t *testing.T) {
	m, s := load(t, "asset", wasm.Limits{}), newState()
	must(t, m, s, "InitLedger")
	if r := must(t, m, s, "Create", "car", "Ann", "5"); r.EventName != "Create" || !strings.Contains(string(r.EventPayload), `"owner":"Ann"`) {
		t.Errorf("event %s %s", r.EventName, r.EventPayload)
	}
	must(t, m, s, "Update", "car", "7")
	if r := must(t, m, s, "Transfer", "car", "Brad"); r.EventName != "Transfer" {
		t.Errorf("event %s", r.EventName)
	}
	want := `{"id":"car","owner":"Brad","value":7,"changed":"2023-11-14T22:13:20.000Z"}`
	if got := string(must(t, m, s, "Read", "car").Payload); got != want {
		t.Errorf("read %s", got)
	}
	if got := string(must(t, m, s, "List", "Brad").Payload); strings.Count(got, `"id"`) != 2 || !strings.Contains(got, want) {
		t.Errorf("list of Brad %s", got)
	}
	must(t, m, s, "Delete", "car")
	if got := string(must(t, m, s, "List").Payload); strings.Count(got, `"id"`) != 3 {
		t.Errorf("list %s", got)
	}
	r, err := m.Invoke(context.Background(), call("Read", "car"), s)
	if err != nil || r.Status != 500 || r.Message != "there is no asset car" {
		t.Errorf("got %+v, %v", r, err)
	}
}

func TestTheCounter(t *testing.T) {
	m, s := load(t, "counter", wasm.Limits{}), newState()
	must(t, m, s, "put", "a", "10")
	must(t, m, s, "add", "a", "5")
	must(t, m, s, "transfer", "a", "b", "4")
	if a, b := must(t, m, s, "get", "a").Payload, must(t, m, s, "get", "b").Payload; string(a) != "11" || string(b) != "4" {
		t.Errorf("a is %s, b is %s", a, b)
	}
}

func TestChaincodeOnTheGuestLibrary(t *testing.T) {
	m, s := load(t, "native", wasm.Limits{}), newState()
	if r := must(t, m, s, "put", "a", "1"); r.EventName != "put" {
		t.Errorf("event %q", r.EventName)
	}
	must(t, m, s, "put", "b", "2")
	for want, args := range map[string][]string{
		"1":        {"get", "a"},
		"a=1 b=2 ": {"list"},
		"tx1 ch Org1MSP 2023-11-14 22:13:20.000000005 +0000 UTC": {"about"},
	} {
		if got := string(must(t, m, s, args...).Payload); got != want {
			t.Errorf("%v: %q", args, got)
		}
	}
	r, err := m.Invoke(context.Background(), call("fly"), s)
	if err != nil || r.Status != 500 || r.Message != "there is no function fly" {
		t.Errorf("got %+v, %v", r, err)
	}
}
