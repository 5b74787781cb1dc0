package wasm

import (
	"context"
	"crypto/sha256"
	"errors"

	"github.com/weft-network/weft/wasm/snapshot"
)

// UseForm has modules that are loaded from now on reset in this form; it fails
// where the system does not offer it.
func (r *Runtime) UseForm(form snapshot.Form) error {
	system, err := snapshot.OpenForm(form)
	if err != nil {
		return err
	}
	err = r.system.Close()
	r.system = system
	return err
}

// InvokeAndHash is Invoke, and the hash of the instance's state when the call
// was over and before it was reset.
func (m *Module) InvokeAndHash(call *Call, stub Stub) (*Response, [sha256.Size]byte, error) {
	inst, err := m.take(context.Background())
	if err != nil {
		return nil, [sha256.Size]byte{}, err
	}
	defer m.giveBack(inst)
	response, err := inst.serve(context.Background(), call, stub)
	return response, inst.hash(), err
}

// IdleState looks at an idle instance: it has to be in the prepared state.
func (m *Module) IdleState() error {
	inst := m.pool.get()
	if inst == nil {
		return errors.New("no instance is idle")
	}
	defer m.pool.put(inst)
	if size, image := uint64(inst.view.Size()), m.prepared.image.Size(); size != image {
		return errors.New("the engine's memory is not of the image's size")
	}
	if inst.hash() != m.ImageHash() {
		return errors.New("memory and globals of an idle instance differ from the image")
	}
	return inst.memory.Check()
}

// Own is the memory in bytes that an idle instance does not share.
func (m *Module) Own() int {
	inst := m.pool.get()
	defer m.pool.put(inst)
	return inst.memory.Own()
}

// Serve has n instances serve the call at the same time, each once, and keeps as
// many of them idle as the pool has room for.
func (m *Module) Serve(n int, call *Call, stub Stub) error {
	var busy []*instance
	var errs []error
	for range n {
		inst, err := m.take(context.Background())
		if err == nil {
			busy = append(busy, inst)
			_, err = inst.serve(context.Background(), call, stub)
		}
		errs = append(errs, err)
	}
	for _, inst := range busy {
		m.giveBack(inst)
	}
	return errors.Join(errs...)
}
