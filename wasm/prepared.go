package wasm

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/tetratelabs/wazero/api"

	"github.com/weft-network/weft/wasm/meter"
	"github.com/weft-network/weft/wasm/snapshot"
)

// prepared is the state of an instance that has started and served no call:
// its memory and its mutable globals. Every call begins with it. Nothing else
// of an instance can change: check lets no module through that could change its
// tables or drop its segments.
type prepared struct {
	image   *snapshot.Image
	globals []uint64
	hash    [sha256.Size]byte
}

// prepare starts the module once, which tells whether it is chaincode at all,
// and keeps the state that calls begin with.
func (m *Module) prepare(ctx context.Context) error {
	inst, err := m.begin(ctx)
	if err != nil {
		return fmt.Errorf("start chaincode: %w", err)
	}
	p, err := inst.snapshot()
	if err = errors.Join(err, inst.close(ctx)); err != nil {
		return fmt.Errorf("keep the started chaincode: %w", err)
	}
	m.prepared, m.metered.Segments = p, nil
	return nil
}

// snapshot copies the state of an instance while none of its code runs.
func (inst *instance) snapshot() (*prepared, error) {
	p := &prepared{}
	for _, g := range inst.globals {
		p.globals = append(p.globals, g.Get())
	}
	p.hash = inst.hash()
	var err error
	p.image, err = inst.module.runtime.system.Image(inst.memory.Bytes(uint64(inst.view.Size())))
	return p, err
}

// hash of all that can change in an instance, see Module.ImageHash.
func (inst *instance) hash() (sum [sha256.Size]byte) {
	h := sha256.New()
	h.Write(inst.memory.Bytes(uint64(inst.view.Size())))
	var word [8]byte
	for _, g := range inst.globals {
		binary.LittleEndian.PutUint64(word[:], g.Get())
		h.Write(word[:])
	}
	h.Sum(sum[:0])
	return sum
}

// resume makes a new instance in the prepared state.
func (m *Module) resume(ctx context.Context) (*instance, error) {
	memory, err := m.prepared.image.NewMemory(m.memoryLimit())
	if err != nil {
		return nil, err
	}
	inst, err := m.instantiate(ctx, memory)
	if err != nil {
		return nil, err
	}
	if err := inst.reset(); err != nil {
		return nil, errors.Join(err, inst.close(ctx))
	}
	return inst, nil
}

// reset puts the instance back into the prepared state.
func (inst *instance) reset() error {
	m := inst.module
	inst.inv.forget()
	if err := inst.memory.Reset(inst.view); err != nil {
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
	for _, name := range inst.module.metered.Globals {
		g, ok := inst.guest.ExportedGlobal(name).(api.MutableGlobal)
		if !ok {
			return fmt.Errorf("global %s of the chaincode cannot be set", name)
		}
		inst.globals = append(inst.globals, g)
		switch name {
		case meter.ExportFuel:
			inst.inv.fuel = g
		case meter.ExportDepth:
			inst.depth = g
		}
	}
	if inst.inv.fuel == nil || inst.depth == nil {
		return errors.New("the rewritten chaincode has no fuel or no depth")
	}
	return nil
}

// load writes a module's initial data, as instantiating the whole module would.
func load(memory []byte, segments []meter.Segment) error {
	for _, s := range segments {
		if uint64(s.Offset)+uint64(len(s.Bytes)) > uint64(len(memory)) {
			return fmt.Errorf("initial data at %d does not fit into memory", s.Offset)
		}
		copy(memory[s.Offset:], s.Bytes)
	}
	return nil
}
