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
	view    api.Memory          // the engine's of memory
	globals []api.MutableGlobal // all of the guest's, in the module's order
	depth   api.MutableGlobal   // one of them
	invoke  api.Function        // nil until the first call
	resets  int
	inv     invocation // of the call at hand
	stack   [1]uint64  // argument and result of the call
}

// instantiate makes an instance over the memory, which it frees on an error.
// None of the guest's code runs.
func (m *Module) instantiate(ctx context.Context, memory *snapshot.Memory) (*instance, error) {
	inst := &instance{module: m, memory: memory}
	allocate := func(uint64, uint64) experimental.LinearMemory { return memory }
	ctx = experimental.WithMemoryAllocator(ctx, experimental.MemoryAllocatorFunc(allocate))
	// Anonymous, so that there may be many; and no function is run by the
	// engine, so that each is ours to meter.
	config := wazero.NewModuleConfig().WithName("").WithStartFunctions()
	var err error
	if inst.guest, err = m.runtime.engine.InstantiateModule(ctx, m.compiled, config); err != nil {
		memory.Free()
		return nil, fmt.Errorf("make a chaincode instance: %w", err)
	}
	inst.view = inst.guest.Memory()
	if err := inst.findGlobals(); err != nil {
		return nil, errors.Join(err, inst.close(ctx))
	}
	return inst, nil
}

// serve runs one call.
func (inst *instance) serve(ctx context.Context, call *Call, stub Stub) (*Response, error) {
	inv := &inst.inv
	inv.begin(ctx, inst.module, call, stub)
	defer inv.close()
	before := inv.budget.Used()
	if inst.invoke == nil {
		inst.invoke = inst.guest.ExportedFunction(abi.ExportInvoke)
	}
	inst.stack[0] = call.flags()
	inv.draw()
	inv.store()
	inv.memory = inst.memory
	inst.memory.Watch()
	err := inst.invoke.CallWithStack(inv.attach(), inst.stack[:])
	inv.load()
	inv.settle()
	fuel := inv.budget.Used() - before
	if err != nil {
		// The engine's stack may have grown; the next call has a new one.
		inst.invoke = nil
		return nil, inv.locate(inst.explain(err), fuel)
	}
	response := inv.answer(api.DecodeI32(inst.stack[0]))
	response.FuelUsed = fuel
	return response, nil
}

// flags are the argument of cc_invoke.
func (c *Call) flags() (flags uint64) {
	if c.Init {
		flags |= abi.FlagInit
	}
	if c.ReadOnly {
		flags |= abi.FlagReadOnly
	}
	return flags
}

// tooDeep tells, after a trap, whether that was for the depth of calls.
func (inst *instance) tooDeep() bool { return api.DecodeI32(inst.depth.Get()) > depthLimit }

func (inst *instance) close(ctx context.Context) error { return inst.guest.Close(ctx) }
