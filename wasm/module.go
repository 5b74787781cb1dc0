package wasm

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"

	"github.com/tetratelabs/wazero"

	"github.com/weft-network/weft/wasm/image"
)

// Module is a loaded chaincode, safe for concurrent calls.
type Module struct {
	runtime   *Runtime
	packageID string
	hash      [sha256.Size]byte
	compiled  wazero.CompiledModule
	log       *slog.Logger
	// split is the module without its data; nil for one that is unfit.
	split *image.Module
	// prepared is the state of an instance that has started, made by Load; nil
	// while there is none.
	prepared *prepared
	// ready holds instances that are started and that no call has seen.
	// sender: keepReady and Load; receiver: take.
	ready chan *instance
	// retired holds instances that have had their call; nil just wakes up
	// keepReady. sender: Invoke and Load; receiver: keepReady.
	retired chan *instance
}

// Invoke runs one call in an instance of its own. A trap, an exceeded limit or
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
		if err := m.runtime.enter(ctx); err != nil {
			return nil, err
		}
		defer m.runtime.leave()
	}
	ctx, stop := m.runtime.bind(ctx)
	defer stop()

	inst, err := m.take(ctx)
	if err != nil {
		return nil, err
	}
	response, err := inst.invoke(ctx, call, stub)
	m.retire(inst)
	return response, err
}

func (c *Call) argBytes() (n int) {
	for _, arg := range c.Args {
		n += len(arg)
	}
	for key, value := range c.Transient {
		n += len(key) + len(value)
	}
	return n
}

// enter waits for a free slot.
func (r *Runtime) enter(ctx context.Context) error {
	select {
	case r.slots <- struct{}{}:
		if r.life.Err() != nil {
			r.leave()
			return ErrClosed
		}
		return nil
	case <-r.life.Done():
		return ErrClosed
	case <-ctx.Done():
		return fmt.Errorf("wait for one of %d chaincode calls to end: %w", cap(r.slots), context.Cause(ctx))
	}
}

func (r *Runtime) leave() { <-r.slots }

// bind ends ctx with the runtime, too, and after the time of a call.
func (r *Runtime) bind(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	unhook := context.AfterFunc(r.life, func() { cancel(ErrClosed) })
	ctx, cancelTime := withCallTime(ctx, r.limits.CallTime)
	return ctx, func() {
		unhook()
		cancelTime()
		cancel(nil)
	}
}

// take answers an unused instance: a prepared one, or a new one if there is none.
func (m *Module) take(ctx context.Context) (*instance, error) {
	select {
	case inst := <-m.ready:
		return inst, nil
	default:
		return m.start(ctx)
	}
}

// retire hands the instance to the background to be closed; if that is behind,
// the caller does it.
func (m *Module) retire(inst *instance) {
	select {
	case m.retired <- inst:
	default:
		m.discard(inst)
	}
}

func (m *Module) discard(inst *instance) {
	if err := inst.close(context.Background()); err != nil {
		m.log.Warn("could not close a chaincode instance", "error", err)
	}
}

// keepReady closes used instances and starts new ones in their place. It works
// only after a call, so an idle module costs nothing.
func (m *Module) keepReady() {
	for {
		select {
		case <-m.runtime.life.Done():
			return
		case inst := <-m.retired:
			if err := m.refill(); err != nil && !errors.Is(err, ErrClosed) {
				m.log.Warn("could not prepare a chaincode instance", "error", err)
			}
			if inst != nil {
				m.discard(inst)
			}
		}
	}
}

func (m *Module) refill() error {
	for len(m.ready) < cap(m.ready) {
		ctx, stop := m.runtime.bind(context.Background())
		inst, err := m.start(ctx)
		stop()
		if err != nil {
			return err
		}
		m.ready <- inst // has room: nobody else sends any more
	}
	return nil
}
