package wasm

import (
	"context"
	"crypto/sha256"
	"fmt"
	"log/slog"

	"github.com/tetratelabs/wazero"

	"github.com/weft-network/weft/wasm/meter"
	"github.com/weft-network/weft/wasm/warmup"
)

// Module is a loaded chaincode, safe for concurrent calls.
type Module struct {
	runtime   *Runtime
	packageID string
	hash      [sha256.Size]byte
	compiled  wazero.CompiledModule
	log       *slog.Logger
	// metered is the rewritten module without its code.
	metered *meter.Module
	// warmup are the calls that come before the snapshot.
	warmup []warmup.Vector
	// prepared is the state that calls begin with, made by Load.
	prepared *prepared
	started  Started
	pool     pool
	// share holds a token for each call of this module that runs or waits for
	// one of the runtime's slots.
	share chan struct{}
}

// Invoke runs one call in an instance that is in the prepared state and that no
// other call uses. A trap, an exceeded limit or
// a host fault is an error; what the chaincode itself answers, of whatever
// status, is a Response.
//
// The error is a *Trap, an *Exhausted or a *Timeout when the chaincode is to
// blame, and that of the stub or of ctx otherwise.
func (m *Module) Invoke(ctx context.Context, call *Call, stub Stub) (*Response, error) {
	if size := call.argBytes(); size > m.runtime.limits.ArgBytes {
		return nil, fmt.Errorf("arguments and transient data are %d bytes; at most %d are taken", size, m.runtime.limits.ArgBytes)
	}
	if call.Depth > m.runtime.limits.CallDepth {
		return nil, &Exhausted{What: "chaincode calls within each other", Limit: int64(m.runtime.limits.CallDepth), Unit: "levels"}
	}
	if call.Depth == 0 { // a nested call runs in its caller's slot
		if err := m.enter(ctx); err != nil {
			return nil, err
		}
		defer m.leave()
	}
	inst, err := m.take(ctx)
	if err != nil {
		return nil, err
	}
	defer m.giveBack(inst)
	return inst.serve(ctx, call, stub)
}

// ImageHash is the SHA-256 of the state that calls begin with: the memory, and
// the mutable globals as 64-bit numbers, little endian. It is equal on all
// peers that loaded the same package under the same Profile.
func (m *Module) ImageHash() [sha256.Size]byte { return m.prepared.hash }

// memoryLimit of an instance in bytes.
func (m *Module) memoryLimit() uint64 { return uint64(m.metered.MaxPages) * pageBytes }

func (c *Call) argBytes() (n int) {
	for _, arg := range c.Args {
		n += len(arg)
	}
	for key, value := range c.Transient {
		n += len(key) + len(value)
	}
	return n
}

// enter waits for a place in the module's share and for a free slot, in this
// order: so the calls of one chaincode, however many and long, leave slots to
// those of others.
func (m *Module) enter(ctx context.Context) error {
	if err := m.runtime.enter(ctx, m.share); err != nil {
		return err
	}
	if err := m.runtime.enter(ctx, m.runtime.slots); err != nil {
		<-m.share
		return err
	}
	return nil
}

func (m *Module) leave() {
	<-m.runtime.slots
	<-m.share
}

// enter waits for a free one of slots.
func (r *Runtime) enter(ctx context.Context, slots chan struct{}) error {
	select { // alone it is cheap, and mostly enough
	case slots <- struct{}{}:
	default:
		if err := r.wait(ctx, slots); err != nil {
			return err
		}
	}
	if r.life.Err() != nil {
		<-slots
		return ErrClosed
	}
	return nil
}

func (r *Runtime) wait(ctx context.Context, slots chan struct{}) error {
	select {
	case slots <- struct{}{}:
		return nil
	case <-r.life.Done():
		return ErrClosed
	case <-ctx.Done():
		return fmt.Errorf("wait for one of %d chaincode calls to end: %w", cap(slots), context.Cause(ctx))
	}
}
