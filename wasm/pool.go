package wasm

import (
	"context"
	"sync"
)

// pool holds the instances of a module that no call uses. Each is in the
// prepared state: an instance is reset when its call is over, not when the next
// begins, so nothing of a transaction stays in memory that lies idle.
type pool struct {
	mu   sync.Mutex
	idle []*instance
	max  int
}

// get answers nil when there is none. The instance used last comes first: its
// memory is in the processor's caches.
func (p *pool) get() *instance {
	p.mu.Lock()
	defer p.mu.Unlock()
	last := len(p.idle) - 1
	if last < 0 {
		return nil
	}
	inst := p.idle[last]
	p.idle[last] = nil
	p.idle = p.idle[:last]
	return inst
}

// put reports whether there was room.
func (p *pool) put(inst *instance) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.idle) >= p.max {
		return false
	}
	p.idle = append(p.idle, inst)
	return true
}

// take answers an instance in the prepared state: an idle one or, when all are
// busy, a new one. It never waits for another call, so chaincodes that call
// each other cannot wait for each other.
func (m *Module) take(ctx context.Context) (*instance, error) {
	if inst := m.pool.get(); inst != nil {
		return inst, nil
	}
	return m.resume(ctx)
}

// giveBack resets the instance and keeps it, whatever became of its call. One
// that cannot be reset, or that is one too many, is closed.
func (m *Module) giveBack(inst *instance) {
	if err := inst.reset(); err != nil {
		m.runtime.spoiled.Add(1)
		m.log.Error("a chaincode instance could not be reset and is thrown away", "error", err)
		m.discard(inst)
		return
	}
	if !m.pool.put(inst) {
		m.discard(inst)
	}
}

func (m *Module) discard(inst *instance) {
	if err := inst.close(context.Background()); err != nil {
		m.log.Warn("could not close a chaincode instance", "error", err)
	}
}
