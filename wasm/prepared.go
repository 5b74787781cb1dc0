package wasm

import (
	"context"
	"errors"
	"fmt"

	"github.com/tetratelabs/wazero/api"

	"github.com/weft-network/weft/wasm/image"
)

// prepared is the state of an instance that has started and served no call:
// its memory and its mutable globals. With them a new instance begins where
// that one stood, without running main again. Instances share nothing that any
// of them can write.
type prepared struct {
	memory  *shared
	bytes   uint64 // of memory
	globals []uint64
}

// prepare starts the module once, which tells whether it is chaincode at all,
// and keeps what later instances need.
func (m *Module) prepare(ctx context.Context) error {
	inst, err := m.start(ctx)
	if err != nil {
		return err
	}
	if m.split == nil {
		m.ready <- inst
		return nil
	}
	p, err := inst.snapshot()
	if err = errors.Join(err, inst.close(ctx)); err != nil {
		return fmt.Errorf("keep the started chaincode: %w", err)
	}
	m.prepared = p
	return nil
}

// snapshot copies the state of an instance while none of its code runs.
func (inst *instance) snapshot() (*prepared, error) {
	size := uint64(inst.guest.Memory().Size())
	p := &prepared{bytes: size}
	for _, name := range inst.module.split.Globals {
		p.globals = append(p.globals, inst.guest.ExportedGlobal(name).Get())
	}
	var err error
	p.memory, err = share(inst.memory.region[:size])
	return p, err
}

// resume makes a new instance in the prepared state.
func (m *Module) resume(ctx context.Context) (*instance, error) {
	inst := m.blank()
	if err := m.prepared.memory.lay(inst.memory); err != nil {
		inst.memory.Free()
		return nil, err
	}
	if err := inst.instantiate(ctx); err != nil {
		inst.memory.Free()
		return nil, fmt.Errorf("start chaincode: %w", err)
	}
	if err := inst.restore(m.prepared); err != nil {
		return nil, errors.Join(err, inst.close(ctx))
	}
	return inst, nil
}

// restore gives an instance the prepared size of memory and globals. Growing
// changes nothing in memory, since the image lies there already.
func (inst *instance) restore(p *prepared) error {
	mem := inst.guest.Memory()
	if more := p.bytes - uint64(mem.Size()); more > 0 {
		if _, ok := mem.Grow(uint32(more / pageBytes)); !ok {
			return fmt.Errorf("chaincode memory did not grow to its prepared %d bytes", p.bytes)
		}
	}
	for i, name := range inst.module.split.Globals {
		g, ok := inst.guest.ExportedGlobal(name).(api.MutableGlobal)
		if !ok {
			return fmt.Errorf("global %s of the chaincode cannot be set", name)
		}
		g.Set(p.globals[i])
	}
	return nil
}

// load writes a module's initial data, as instantiating the whole module would.
func (l *linear) load(segments []image.Segment) error {
	for _, s := range segments {
		if uint64(s.Offset)+uint64(len(s.Bytes)) > uint64(len(l.region)) {
			return fmt.Errorf("initial data at %d does not fit into memory", s.Offset)
		}
		copy(l.region[s.Offset:], s.Bytes)
	}
	return nil
}
