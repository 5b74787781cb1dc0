// Package wasm runs chaincode: WebAssembly modules of the ABI weft_v1, in
// wazero, inside the peer, without files, network, environment or clock.
//
// Every call gets an instance that no other call has used or will use.
package wasm

import (
	"context"
	"errors"
	"log/slog"
	"time"
)

// Config of a Runtime.
type Config struct {
	// CacheDir holds compiled code, mode 0700.
	CacheDir string
	Limits   Limits
	Log      *slog.Logger
}

// Limits of one call; zero fields take the defaults of DefaultLimits.
type Limits struct {
	MemoryPages   uint32 // 64 KiB each
	CallTime      time.Duration
	ResponseBytes int
	Concurrent    int
}

// Runtime compiles and runs modules. It is safe for concurrent use.
type Runtime struct{}

// New makes a runtime.
func New(cfg Config) (*Runtime, error) { return nil, errors.New("not built yet") }

// Check refuses bytes that are not chaincode of the ABI, saying why.
func (r *Runtime) Check(ctx context.Context, code []byte) error { return errors.New("not built yet") }

// Load compiles the module (or finds it in the cache) and makes it callable
// under packageID. Loading twice is harmless.
func (r *Runtime) Load(ctx context.Context, packageID string, code []byte) (*Module, error) {
	return nil, errors.New("not built yet")
}

// Close ends all instances.
func (r *Runtime) Close(ctx context.Context) error { return nil }

// Module is a loaded chaincode, safe for concurrent calls.
type Module struct{}

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
}

// Response is what the chaincode returned, and the event it set.
type Response struct {
	Status  int32
	Message string
	Payload []byte
	// EventName is empty when no event was set.
	EventName    string
	EventPayload []byte
}

// Invoke runs one call in an instance of its own. A trap, an exceeded limit or
// a host fault is an error; what the chaincode itself answers, of whatever
// status, is a Response.
func (m *Module) Invoke(ctx context.Context, call *Call, stub Stub) (*Response, error) {
	return nil, errors.New("not built yet")
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
