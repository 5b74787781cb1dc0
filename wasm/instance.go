package wasm

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/weft-network/weft/wasm/abi"
)

// instance is a started guest that serves exactly one call.
type instance struct {
	module *Module
	guest  api.Module
	memory *linear
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
	inv := m.invocation(m.packageID, m.log.With("phase", "start"))
	defer inv.close()
	inst := m.blank()
	if m.split != nil {
		if err := inst.memory.load(m.split.Segments); err != nil {
			inst.memory.Free()
			return nil, fmt.Errorf("start chaincode: %w", err)
		}
	}
	if err := inst.instantiate(inv.attach(ctx)); err != nil {
		inst.memory.Free()
		return nil, fmt.Errorf("start chaincode: %w", inv.explain(ctx, inst.memory, err))
	}
	if err := inst.initialize(ctx, inv); err != nil {
		return nil, fmt.Errorf("start chaincode: %w", errors.Join(err, inst.close(ctx)))
	}
	return inst, nil
}

func (m *Module) blank() *instance {
	return &instance{module: m, memory: newLinear(uint64(m.runtime.limits.MemoryPages) * pageBytes)}
}

func (inst *instance) instantiate(ctx context.Context) (err error) {
	allocate := func(uint64, uint64) experimental.LinearMemory { return inst.memory }
	ctx = experimental.WithMemoryAllocator(ctx, experimental.MemoryAllocatorFunc(allocate))
	// Anonymous, so that there may be many; and no function is run by the
	// engine, so that each is ours to time.
	config := wazero.NewModuleConfig().WithName("").WithStartFunctions()
	inst.guest, err = inst.module.runtime.engine.InstantiateModule(ctx, inst.module.compiled, config)
	return err
}

func (inst *instance) initialize(ctx context.Context, inv *invocation) error {
	if inst.guest.ExportedFunction(abi.ExportInitialize) != nil {
		if _, err := inst.run(ctx, inv, abi.ExportInitialize); err != nil {
			return err
		}
	}
	version, err := inst.run(ctx, inv, abi.ExportVersion)
	if err != nil {
		return err
	}
	if major, minor := version>>16, version&0xffff; major != abi.Major || minor > abi.Minor {
		return fmt.Errorf("it needs version %d.%d of the chaincode ABI; this node has %d.%d", major, minor, abi.Major, abi.Minor)
	}
	answer, err := inst.run(ctx, inv, abi.ExportInit)
	if err != nil {
		return err
	}
	if answer != 0 {
		return &Trap{Reason: inv.log.withLastWords(fmt.Sprintf("cc_init answered %d: its main registered no chaincode", int32(answer)))}
	}
	return nil
}

// run calls an export. A result that is not there reads as zero.
func (inst *instance) run(ctx context.Context, inv *invocation, export string, args ...uint64) (uint32, error) {
	results, err := inst.guest.ExportedFunction(export).Call(inv.attach(ctx), args...)
	if err != nil {
		return 0, inv.explain(ctx, inst.memory, err)
	}
	if len(results) == 0 {
		return 0, nil
	}
	return api.DecodeU32(results[0]), nil
}

// invoke is the one call of the instance.
func (inst *instance) invoke(ctx context.Context, call *Call, stub Stub) (*Response, error) {
	m := inst.module
	inv := m.invocation(call.TxID, m.log.With("channel", call.Channel, "chaincode", call.Chaincode, "tx", call.TxID))
	defer inv.close()
	inv.call, inv.stub = call, stub
	if inv.budget = call.Budget; inv.budget == nil {
		inv.budget = NewBudget(m.runtime.limits.Fuel)
	}
	before := inv.budget.Used()
	inv.clock = uint64(call.Seconds)*1e9 + uint64(call.Nanos)

	var flags uint64
	if call.Init {
		flags = abi.FlagInit
	}
	answer, err := inst.run(ctx, inv, abi.ExportInvoke, flags)
	if err != nil {
		return nil, err
	}
	response := inv.answer(int32(answer))
	response.FuelUsed = inv.budget.Used() - before
	return response, nil
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

func (m *Module) invocation(seed string, log *slog.Logger) *invocation {
	limits := m.runtime.limits
	return &invocation{
		limits:    limits,
		log:       &guestLog{log: log, left: limits.LogBytes},
		random:    randomness{seed: seed},
		clock:     startClock,
		budget:    NewBudget(initFuel),
		iterators: make(map[uint32]*cursor),
	}
}

func (inst *instance) close(ctx context.Context) error { return inst.guest.Close(ctx) }
