package wasm

import (
	"context"
	"errors"
	"fmt"

	"github.com/tetratelabs/wazero/api"

	"github.com/weft-network/weft/wasm/abi"
	"github.com/weft-network/weft/wasm/meter"
	"github.com/weft-network/weft/wasm/snapshot"
)

// startClock is the time at which every instance starts, in nanoseconds since
// 1970. Not zero: Go's runtime takes a clock at zero for a broken one.
const startClock = 1

// begin makes an instance from nothing: it starts the guest, lets the chaincode
// register itself, and runs the warm-up. Everything the guest can observe is
// the same on all peers: randomness comes from the package id, the clock stands
// at startClock, the state is empty. So the state it is in then is the same, too.
func (m *Module) begin(ctx context.Context) (*instance, error) {
	memory := snapshot.NewMemory(m.memoryLimit())
	if err := load(memory.Bytes(m.memoryLimit()), m.metered.Segments); err != nil {
		memory.Free()
		return nil, err
	}
	inst, err := m.instantiate(ctx, memory)
	if err != nil {
		return nil, err
	}
	budget := NewBudget(initFuel)
	if err = inst.initialize(ctx, budget); err == nil {
		err = inst.warmUp(ctx, budget)
	}
	if err != nil {
		return nil, errors.Join(err, inst.close(ctx))
	}
	inst.note(budget)
	m.log.Debug("chaincode started", "fuel", budget.Used(), "memory", inst.view.Size(), "warmup", len(m.warmup))
	return inst, nil
}

// initialize runs all that comes before the first call.
func (inst *instance) initialize(ctx context.Context, budget *Budget) error {
	for _, export := range []string{meter.ExportStart, abi.ExportInitialize} {
		if _, err := inst.run(ctx, budget, export); err != nil {
			return err
		}
	}
	version, err := inst.run(ctx, budget, abi.ExportVersion)
	if err != nil {
		return err
	}
	if major, minor := version>>16, version&0xffff; major != abi.Major || minor > abi.Minor {
		return fmt.Errorf("it needs version %d.%d of the chaincode ABI; this node has %d.%d", major, minor, abi.Major, abi.Minor)
	}
	inst.module.started = Started{ABIMajor: version >> 16, ABIMinor: version & 0xffff}
	answer, err := inst.run(ctx, budget, abi.ExportInit)
	if err == nil && answer != 0 {
		err = &Trap{Reason: inst.inv.log.withLastWords(fmt.Sprintf("cc_init answered %d: its main registered no chaincode", int32(answer)))}
	}
	return err
}

// run calls an export of the start.
func (inst *instance) run(ctx context.Context, budget *Budget, export string) (uint32, error) {
	return inst.runOn(ctx, nil, nil, budget, export)
}

// runOn calls an export, if it is there. A result that is not there reads as
// zero.
func (inst *instance) runOn(ctx context.Context, call *Call, stub Stub, budget *Budget, export string, args ...uint64) (uint32, error) {
	function := inst.guest.ExportedFunction(export)
	if function == nil {
		return 0, nil
	}
	inv := &inst.inv
	inv.begin(ctx, inst.module, call, stub)
	defer inv.close()
	inv.budget, inv.phase = budget, export
	inv.draw()
	inv.store()
	results, err := function.Call(inv.attach(), args...)
	inv.load()
	inv.settle()
	if err != nil {
		return 0, inv.locate(inst.explain(err), budget.Used())
	}
	if len(results) == 0 {
		return 0, nil
	}
	return api.DecodeU32(results[0]), nil
}
