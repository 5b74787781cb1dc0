package wasm

import (
	"context"
	"errors"
	"fmt"

	"github.com/tetratelabs/wazero/api"

	"github.com/weft-network/weft/wasm/image"
	"github.com/weft-network/weft/wasm/snapshot"
)

// prepared is the state of an instance that has started and served no call:
// its memory and its mutable globals. Every call begins with it.
type prepared struct {
	image   *snapshot.Image
	globals []uint64
}

// prepare starts the module once, which tells whether it is chaincode at all,
// and keeps the state that calls begin with.
func (m *Module) prepare(ctx context.Context) error {
	inst, err := m.begin(ctx)
	if err != nil {
		return err
	}
	if m.split != nil {
		m.prepared, err = inst.snapshot()
	}
	if err = errors.Join(err, inst.close(ctx)); err != nil {
		return fmt.Errorf("keep the started chaincode: %w", err)
	}
	return nil
}

// snapshot copies the state of an instance while none of its code runs.
func (inst *instance) snapshot() (*prepared, error) {
	p := &prepared{}
	for _, g := range inst.globals {
		p.globals = append(p.globals, g.Get())
	}
	var err error
	p.image, err = inst.module.runtime.system.Image(inst.memory.Bytes(uint64(inst.guest.Memory().Size())))
	return p, err
}

// resume makes a new instance in the prepared state.
func (m *Module) resume(ctx context.Context) (*instance, error) {
	memory, err := m.prepared.image.NewMemory(m.runtime.memoryLimit())
	if err != nil {
		return nil, err
	}
	inst, err := m.instantiate(ctx, memory)
	if err != nil {
		return nil, fmt.Errorf("start chaincode: %w", err)
	}
	if err := errors.Join(memory.Resize(inst.guest.Memory()), inst.reset()); err != nil {
		return nil, errors.Join(err, inst.close(ctx))
	}
	return inst, nil
}

// reset puts the instance back into the prepared state.
func (inst *instance) reset() error {
	m := inst.module
	inst.inv.forget()
	if err := inst.memory.Reset(inst.guest.Memory()); err != nil {
		return err
	}
	for i, g := range inst.globals {
		g.Set(m.prepared.globals[i])
	}
	if every := m.runtime.verifyEvery; every > 0 {
		if inst.resets++; inst.resets%every == 0 {
			return inst.memory.Check()
		}
	}
	return nil
}

// findGlobals keeps the handles of all mutable globals.
func (inst *instance) findGlobals() error {
	if inst.module.split == nil {
		return nil
	}
	for _, name := range inst.module.split.Globals {
		g, ok := inst.guest.ExportedGlobal(name).(api.MutableGlobal)
		if !ok {
			return fmt.Errorf("global %s of the chaincode cannot be set", name)
		}
		inst.globals = append(inst.globals, g)
	}
	return nil
}

// load writes a module's initial data, as instantiating the whole module would.
func load(memory []byte, segments []image.Segment) error {
	for _, s := range segments {
		if uint64(s.Offset)+uint64(len(s.Bytes)) > uint64(len(memory)) {
			return fmt.Errorf("initial data at %d does not fit into memory", s.Offset)
		}
		copy(memory[s.Offset:], s.Bytes)
	}
	return nil
}
