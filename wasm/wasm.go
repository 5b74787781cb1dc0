// Package wasm runs chaincode: WebAssembly modules of the ABI weft_v1, in
// wazero, inside the peer, without files, network, environment or clock.
//
// Every call gets an instance that no other call has used or will use.
package wasm

import (
	"context"
	"log/slog"
	"runtime"
	"time"
)

// Config of a Runtime.
type Config struct {
	// CacheDir holds compiled code, mode 0700.
	CacheDir string
	Limits   Limits
	// Compile, when set, compiles a module that was made ready for the engine
	// into CacheDir, in place of the runtime itself: a peer does that in a child
	// process, by CompileIntoCache. Without it the runtime compiles by itself.
	Compile func(ctx context.Context, metered []byte) error
	Log     *slog.Logger
}

// Limits of one call; zero fields take the defaults of DefaultLimits.
type Limits struct {
	// Fuel bounds the work of a transaction that brings no Budget of its own.
	Fuel uint64
	// CallDepth bounds how deep chaincodes may call each other.
	CallDepth int
	// MemoryPages bounds the linear memory, in pages of 64 KiB.
	MemoryPages uint32
	// CallTime ends a call, and the start of an instance, that runs longer.
	CallTime time.Duration
	// ArgBytes bounds all arguments and transient values together.
	ArgBytes int
	// ResponseBytes bounds the message and payload of the response.
	ResponseBytes int
	// EventBytes bounds the name and payload of the event.
	EventBytes int
	// WriteBytes bounds the sum of all keys and values put or deleted.
	WriteBytes int
	// LogBytes bounds what a call may log; more is dropped, unseen by the guest.
	LogBytes int
	// Iterators bounds the ranges open at once.
	Iterators int
	// Concurrent bounds the calls that run at once; others wait.
	Concurrent int
	// Ready is how many unused instances a module keeps prepared.
	Ready int
}

// DefaultLimits returns the limits of a node that sets none. Those that a guest
// can notice (memory, sizes, iterators) should be equal on all peers of a
// channel, or endorsements may differ.
func DefaultLimits() Limits {
	return Limits{
		Fuel:          DefaultFuel,
		CallDepth:     8,
		MemoryPages:   4096,             // 256 MiB: ten times what contract-API chaincode starts with
		CallTime:      30 * time.Second, // Fabric's chaincode.executetimeout
		ArgBytes:      16 << 20,         // below the node's message limit, above any block
		ResponseBytes: 8 << 20,          // a block holds 10 MB at most by default
		EventBytes:    1 << 20,
		WriteBytes:    32 << 20, // several blocks' worth; the rest never could be ordered
		LogBytes:      64 << 10,
		Iterators:     64,
		Concurrent:    max(4, 2*runtime.GOMAXPROCS(0)), // calls are bound by the processor
		Ready:         2,                               // one to take, one while that is replaced
	}
}

// Call is one invocation.
type Call struct {
	TxID, Channel, Chaincode string
	// Seconds and Nanos are the proposal's timestamp, the guest's clock.
	Seconds        int64
	Nanos          int32
	Args           [][]byte
	Creator        []byte
	Transient      map[string][]byte
	SignedProposal []byte // marshalled peer.SignedProposal
	Binding        []byte
	MSPID          string // of the peer
	Init           bool
	// Budget is the fuel; nil for a fresh one of Limits.Fuel. The call of one
	// chaincode by another shares the caller's.
	Budget *Budget
	// Depth is 0 for a call that a client asked for, and one more than the
	// caller's for a call that a chaincode makes.
	Depth int
}

// Response is what the chaincode returned, and the event it set.
type Response struct {
	Status  int32
	Message string
	Payload []byte
	// EventName is empty when no event was set.
	EventName    string
	EventPayload []byte
	// FuelUsed is what this call spent, with the calls that it made.
	FuelUsed uint64
}

// Stub is what chaincode may ask of its host, for the namespace of the call.
// An error ends the invocation and is never visible to the guest, unless it is
// a *GuestError.
type Stub interface {
	Get(key string) ([]byte, error) // nil: absent
	Put(key string, value []byte) error
	Delete(key string) error
	Range(start, end string) (Iterator, error)
}

// Iterator walks a range.
type Iterator interface {
	// Next returns ok == false at the end.
	Next() (key string, value []byte, ok bool, err error)
	Close() error
}

// GuestError is an error that the chaincode sees as the error of its call.
type GuestError struct{ Text string }

func (e *GuestError) Error() string { return e.Text }
