package wasm

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tetratelabs/wazero/api"

	"github.com/weft-network/weft/wasm/abi"
)

// HostFunctions names the functions that a guest may import, with the number of
// their arguments, sorted.
func HostFunctions() (names []string, params map[string]int) {
	params = map[string]int{}
	for _, table := range []map[string]abi.Signature{abi.Guest(), abi.Preview1()} {
		for name, signature := range table {
			arguments, _, _ := strings.Cut(string(signature), ":")
			names, params[name] = append(names, name), len(arguments)
		}
	}
	slices.Sort(names)
	return names, params
}

// Desk serves host functions to a guest that is nothing but memory.
type Desk struct {
	inv       *invocation
	functions map[string]hostFunc
	Memory    []byte
}

// NewDesk makes a desk for one call; without one the guest is being started.
func NewDesk(limits Limits, call *Call, stub Stub, budget uint64, memory []byte) *Desk {
	limits = limits.withDefaults()
	d := &Desk{Memory: memory, functions: guestFunctions(), inv: &invocation{
		limits: &limits, call: call, stub: stub, budget: NewBudget(budget), fuel: &globalOfTest{},
		ctx: context.Background(), life: context.Background(), watch: time.Now(), over: time.Hour,
		log:       guestLog{log: slog.New(slog.DiscardHandler), call: call, left: limits.LogBytes},
		iterators: make(map[uint32]*cursor),
	}}
	maps.Copy(d.functions, wasiFunctions())
	return d
}

// Ask serves one function. The error is what ended the call, if it did.
func (d *Desk) Ask(name string, args ...uint64) (answer int32, err error) {
	defer func() {
		if r := recover(); r != nil {
			answer, err = 0, r.(error)
		}
	}()
	stack := append(args, 0)
	return d.inv.serve(d.inv.attach(), name, d.functions[name], memoryOfTest{b: d.Memory}, stack), nil
}

// Error is the text of the last refusal.
func (d *Desk) Error() string { return d.inv.errorText }

// Budget is what is left of it.
func (d *Desk) Budget() uint64 { return d.inv.budget.left + d.inv.fuel.Get() }

// Close frees what is open.
func (d *Desk) Close() { d.inv.close() }

type globalOfTest struct {
	api.MutableGlobal
	v uint64
}

func (g *globalOfTest) Get() uint64  { return g.v }
func (g *globalOfTest) Set(v uint64) { g.v = v }

type memoryOfTest struct {
	api.Memory
	b []byte
}

func (m memoryOfTest) Read(at, n uint32) ([]byte, bool) {
	if uint64(at)+uint64(n) > uint64(len(m.b)) {
		return nil, false
	}
	return m.b[at : at+n : at+n], true
}

func (m memoryOfTest) Write(at uint32, b []byte) bool {
	if uint64(at)+uint64(len(b)) > uint64(len(m.b)) {
		return false
	}
	copy(m.b[at:], b)
	return true
}
