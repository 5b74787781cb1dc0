// Package wasm runs chaincode: WebAssembly modules of the ABI weft_v1, in
// wazero, inside the peer, without files, network, environment or clock.
//
// Every call begins in the state that the chaincode had when it was installed:
// what one call leaves in memory, no other call sees.
package wasm

import (
	"context"
	"log/slog"
	"runtime"
	"time"

	"github.com/weft-network/weft/wasm/meter"
)

// Config of a Runtime.
type Config struct {
	// CacheDir holds compiled code, mode 0700.
	CacheDir string
	Limits   Limits
	// Rewrite, when set, does what the function Rewrite does, in place of the
	// runtime itself: a peer does that in a child process.
	Rewrite func(ctx context.Context, code []byte, o meter.Options) (*meter.Module, error)
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
	// WriteKeys bounds the puts and deletes of a call.
	WriteKeys int
	// Iterators bounds the ranges, queries and histories open at once.
	Iterators int
	// HostCalls bounds the calls of functions of the chaincode ABI.
	HostCalls int
	// ScanRecords bounds the records that all ranges, queries and histories of a
	// call give.
	ScanRecords int
	// Concurrent bounds the calls that run at once; others wait. One chaincode
	// may have half of them, so that no other waits for its calls.
	Concurrent int
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
		WriteKeys:     10_000,
		Iterators:     64,
		HostCalls:     100_000,
		ScanRecords:   100_000,                         // Fabric's totalQueryLimit
		Concurrent:    max(8, 4*runtime.GOMAXPROCS(0)), // half of it is more than the processors can do
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
	// ReadOnly has writes answered READ_ONLY. Queries need not set it: what they
	// write goes nowhere, and Fabric's chaincode may count on being let.
	ReadOnly bool
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
