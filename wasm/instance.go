package wasm

import (
	"context"
	"errors"
	"fmt"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/weft-network/weft/wasm/abi"
	"github.com/weft-network/weft/wasm/snapshot"
)

// instance is a started guest. It serves one call at a time and is reset after
// each.
type instance struct {
	module  *Module
	guest   api.Module
	memory  *snapshot.Memory
	globals []api.MutableGlobal // all of the guest's, in the module's order
	invoke  api.Function        // nil until the first call
	resets  int
	inv     invocation // of the call at hand
	stack   [1]uint64  // argument and result of the call
}

// startClock is the time at which every instance starts, in nanoseconds since
// 1970. Not zero: Go's runtime takes a clock at zero for a broken one.
const startClock = 1

// start makes an instance that no call has seen: over the prepared state when
// there is one, else from the beginning.
func (m *Module) start(ctx context.Context) (*instance, error) {
	ctx, cancel := withCallTime(ctx, m.runtime.limits.CallTime)
	defer cancel()
	if m.prepared != nil {
		return m.resume(ctx)
	}
	return m.begin(ctx)
}

// begin makes an instance and lets the chaincode register itself. Everything
// it can observe is the same on all peers: randomness comes from the package
// id, and the clock stands at startClock. So all instances of a package are
// alike.
func (m *Module) begin(ctx context.Context) (*instance, error) {
	memory := snapshot.NewMemory(m.runtime.memoryLimit())
	if m.split != nil {
		if err := load(memory.Bytes(m.runtime.memoryLimit()), m.split.Segments); err != nil {
			memory.Free()
			return nil, fmt.Errorf("start chaincode: %w", err)
		}
	}
	inst, err := m.instantiate(ctx, memory)
	if err != nil {
		return nil, fmt.Errorf("start chaincode: %w", err)
	}
	if err := inst.initialize(ctx); err != nil {
		return nil, fmt.Errorf("start chaincode: %w", errors.Join(err, inst.close(ctx)))
	}
	return inst, nil
}

// instantiate makes an instance over the memory, which it frees on an error.
func (m *Module) instantiate(ctx context.Context, memory *snapshot.Memory) (*instance, error) {
	inst := &instance{module: m, memory: memory}
	inst.inv.begin(m, nil, nil)
	allocate := func(uint64, uint64) experimental.LinearMemory { return memory }
	with := experimental.WithMemoryAllocator(inst.inv.attach(ctx), experimental.MemoryAllocatorFunc(allocate))
	// Anonymous, so that there may be many; and no function is run by the
	// engine, so that each is ours to time.
	config := wazero.NewModuleConfig().WithName("").WithStartFunctions()
	var err error
	if inst.guest, err = m.runtime.engine.InstantiateModule(with, m.compiled, config); err != nil {
		err = inst.inv.explain(ctx, memory, err)
		memory.Free()
		return nil, err
	}
	if err := inst.findGlobals(); err != nil {
		return nil, errors.Join(err, inst.close(ctx))
	}
	return inst, nil
}

func (inst *instance) initialize(ctx context.Context) error {
	inv := &inst.inv
	defer inv.close()
	if inst.guest.ExportedFunction(abi.ExportInitialize) != nil {
		if _, err := inst.run(ctx, abi.ExportInitialize); err != nil {
			return err
		}
	}
	version, err := inst.run(ctx, abi.ExportVersion)
	if err != nil {
		return err
	}
	if major, minor := version>>16, version&0xffff; major != abi.Major || minor > abi.Minor {
		return fmt.Errorf("it needs version %d.%d of the chaincode ABI; this node has %d.%d", major, minor, abi.Major, abi.Minor)
	}
	answer, err := inst.run(ctx, abi.ExportInit)
	if err != nil {
		return err
	}
	if answer != 0 {
		return &Trap{Reason: inv.log.withLastWords(fmt.Sprintf("cc_init answered %d: its main registered no chaincode", int32(answer)))}
	}
	return nil
}

// run calls an export. A result that is not there reads as zero.
func (inst *instance) run(ctx context.Context, export string, args ...uint64) (uint32, error) {
	results, err := inst.guest.ExportedFunction(export).Call(inst.inv.attach(ctx), args...)
	if err != nil {
		return 0, inst.inv.explain(ctx, inst.memory, err)
	}
	if len(results) == 0 {
		return 0, nil
	}
	return api.DecodeU32(results[0]), nil
}

// serve runs one call.
func (inst *instance) serve(ctx context.Context, call *Call, stub Stub) (*Response, error) {
	inv := &inst.inv
	inv.begin(inst.module, call, stub)
	defer inv.close()
	before := inv.budget.Used()

	inst.stack[0] = 0
	if call.Init {
		inst.stack[0] = abi.FlagInit
	}
	if inst.invoke == nil {
		inst.invoke = inst.guest.ExportedFunction(abi.ExportInvoke)
	}
	if err := inst.invoke.CallWithStack(inv.attach(ctx), inst.stack[:]); err != nil {
		// The engine's stack may have grown; the next call has a new one.
		inst.invoke = nil
		return nil, inv.explain(ctx, inst.memory, err)
	}
	response := inv.answer(api.DecodeI32(inst.stack[0]))
	response.FuelUsed = inv.budget.Used() - before
	return response, nil
}

func (inst *instance) close(ctx context.Context) error { return inst.guest.Close(ctx) }
