package wasm

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"time"

	"github.com/tetratelabs/wazero/api"

	"github.com/weft-network/weft/wasm/abi"
	"github.com/weft-network/weft/wasm/snapshot"
)

// invocation is what the host functions know while a guest runs: the call, the
// stub, and everything the guest may observe. During the start of an instance
// call and stub are nil. It belongs to one goroutine.
type invocation struct {
	limits *Limits
	call   *Call
	stub   Stub
	log    guestLog
	ctx    context.Context // of the caller
	life   context.Context // of the runtime
	watch  time.Time       // the runtime's
	over   time.Duration   // on it, when Limits.CallTime has passed
	phase  string          // of the start; empty during a call
	budget *Budget
	fuel   api.MutableGlobal // what the guest holds of the budget
	held   int64             // the same, while the guest does not run
	memory *snapshot.Memory  // that is watched; nil during the start

	clock  uint64 // virtual, in nanoseconds since 1970
	random randomness

	response *Response
	event    *Response // only its event fields

	result    []byte // kept for result_read
	errorText string // kept for error_read
	written   int
	writes    int
	hostCalls int
	scanned   int // records read by iterators
	iterators map[uint32]*cursor
	opened    uint32
	frame     frame // of the host function that runs

	// fault is why the host ended the invocation, nil if it did not.
	fault error
}

// begin makes the invocation ready for a call, or for the start of an instance
// if call is nil.
func (inv *invocation) begin(ctx context.Context, m *Module, call *Call, stub Stub) {
	limits := &m.runtime.limits
	clear(inv.iterators)
	*inv = invocation{
		limits:    limits,
		call:      call,
		stub:      stub,
		log:       guestLog{log: m.log, call: call, left: limits.LogBytes},
		ctx:       ctx,
		life:      m.runtime.life,
		watch:     m.runtime.watch,
		over:      time.Since(m.runtime.watch) + limits.CallTime,
		random:    randomness{seed: m.packageID},
		clock:     startClock,
		fuel:      inv.fuel,
		iterators: inv.iterators,
	}
	if inv.iterators == nil {
		inv.iterators = make(map[uint32]*cursor)
	}
	if call == nil {
		inv.budget = NewBudget(initFuel)
		return
	}
	inv.clock = uint64(call.Seconds)*1e9 + uint64(call.Nanos)
	inv.random.seed = call.TxID
	if inv.budget = call.Budget; inv.budget == nil {
		inv.budget = NewBudget(limits.Fuel)
	}
}

// forget lets go of everything that belongs to a call.
func (inv *invocation) forget() {
	clear(inv.iterators)
	*inv = invocation{fuel: inv.fuel, iterators: inv.iterators}
}

// callContext carries the invocation to the host functions. These look at its
// type first, which costs less than asking for a value.
type callContext struct {
	context.Context
	inv *invocation
}

type invocationKey struct{}

func (c *callContext) Value(key any) any {
	if _, ok := key.(invocationKey); ok {
		return c.inv
	}
	return c.Context.Value(key)
}

// attach returns the context for the guest's functions.
func (inv *invocation) attach() context.Context { return &callContext{inv.ctx, inv} }

// invocationOf finds what attach put there.
func invocationOf(ctx context.Context) *invocation {
	if c, ok := ctx.(*callContext); ok {
		return c.inv
	}
	return ctx.Value(invocationKey{}).(*invocation)
}

// answer puts the response and the event together.
func (inv *invocation) answer(code int32) *Response {
	response := inv.response
	if code != 0 || response == nil {
		const internalError = 500
		response = &Response{Status: internalError, Message: fmt.Sprintf("chaincode ended with code %d and no response", code)}
	}
	if inv.event != nil {
		response.EventName, response.EventPayload = inv.event.EventName, inv.event.EventPayload
	}
	return response
}

// end breaks the guest off. The panic unwinds the guest's frames; the engine
// recovers it and answers it as the error of the call.
func (inv *invocation) end(err error) {
	if inv.fault == nil {
		inv.fault = err
	}
	panic(err)
}

// refuse keeps the text for error_read.
func (inv *invocation) refuse(code abi.Code, format string, args ...any) int32 {
	inv.errorText = fmt.Sprintf(format, args...)
	return int32(code)
}

// stubError makes an error of the stub visible to the guest if it is meant to
// be, and ends the invocation otherwise.
func (inv *invocation) stubError(doing string, err error) int32 {
	var guest *GuestError
	if errors.As(err, &guest) {
		return inv.refuse(cmp.Or(guest.Code, abi.InvalidArg), "%s", guest.Text)
	}
	inv.end(fmt.Errorf("%s: %w", doing, err))
	return 0
}

// charge has a write paid, and ends the invocation when the number of writes or
// the sum of their bytes passes the limit.
func (inv *invocation) charge(bytes int) {
	inv.pay(fuelWrite)
	if inv.writes++; inv.writes > inv.limits.WriteKeys {
		inv.end(&Exhausted{What: "writes", Limit: int64(inv.limits.WriteKeys), Unit: "keys"})
	}
	inv.written += bytes
	if inv.written > inv.limits.WriteBytes {
		inv.end(&Exhausted{What: "writes", Limit: int64(inv.limits.WriteBytes), Unit: "bytes"})
	}
}

// close frees what the guest left open.
func (inv *invocation) close() {
	for _, c := range inv.iterators {
		inv.release(c)
	}
	clear(inv.iterators)
	inv.log.flush()
}

// release closes what a call has left open, when its answer stands already. A
// panic in it is a fault of this peer that must not end the peer.
func (inv *invocation) release(c *cursor) {
	defer func() {
		if r := recover(); r != nil {
			inv.log.log.Error("closing an iterator panicked", "panic", r, "stack", string(debug.Stack()))
		}
	}()
	_ = c.close() // its reads are recorded; nobody can act on this error
}

// mustGoOn ends the invocation when nobody waits for it any more, or when it
// has taken too long. Fuel bounds what a guest does, and the same on all peers;
// time is the last resort, for a peer that is too slow for its load.
func (inv *invocation) mustGoOn() {
	switch {
	case inv.life.Err() != nil:
		inv.end(ErrClosed)
	case inv.ctx.Err() != nil:
		inv.end(fmt.Errorf("call was given up: %w", context.Cause(inv.ctx)))
	case time.Since(inv.watch) > inv.over:
		inv.end(&Timeout{After: inv.limits.CallTime})
	}
}

// explain turns the engine's error into one of ours.
func (inst *instance) explain(err error) error {
	inv := &inst.inv
	switch {
	case inv.fault != nil:
		err = inv.fault
	case inst.tooDeep():
		err = &Exhausted{What: "calls within each other", Limit: depthLimit, Unit: "units"}
	case inst.memory.Refused():
		err = &Exhausted{What: "memory", Limit: int64(inst.module.memoryLimit()), Unit: "bytes"}
	default:
		reason, _, _ := strings.Cut(err.Error(), "\n")
		err = &Trap{Reason: inv.log.withLastWords(strings.TrimPrefix(reason, "wasm error: "))}
	}
	return err
}

// locate completes an error with what is known of the call.
func (inv *invocation) locate(err error, fuel uint64) error {
	switch e := err.(type) {
	case *Exhausted:
		e.In, e.FuelUsed = inv.where(), fuel
	case *Trap:
		e.In, e.FuelUsed = inv.where(), fuel
	}
	return err
}

// where names what the guest does.
func (inv *invocation) where() string {
	switch {
	case inv.phase != "":
		return inv.phase
	case inv.call.Init && len(inv.call.Args) == 0:
		return "Init"
	case len(inv.call.Args) == 0:
		return "a call without arguments"
	}
	const most = 64
	name := inv.call.Args[0]
	return fmt.Sprintf("function %q", name[:min(len(name), most)])
}

// randomness is a stream that depends on its seed and on the calls made before,
// so it is equal on all peers. It is no secret: who knows the transaction id
// knows the stream.
type randomness struct {
	seed  string
	block uint64
}

// fill fills b; each call begins a new block.
func (r *randomness) fill(b []byte) {
	input := make([]byte, len(r.seed)+8)
	copy(input, r.seed)
	for len(b) > 0 {
		binary.LittleEndian.PutUint64(input[len(r.seed):], r.block)
		r.block++
		sum := sha256.Sum256(input)
		b = b[copy(b, sum[:]):]
	}
}
