package p2p

import "sync"

// events runs functions one at a time, in the order they were added. Adding
// never blocks, since it happens under locks; what queues is at most a few
// events per connection.
type events struct {
	mu    sync.Mutex
	wake  sync.Cond
	queue []func()
	ended bool
}

func newEvents() *events {
	e := &events{}
	e.wake.L = &e.mu
	return e
}

func (e *events) add(f func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.queue = append(e.queue, f)
	e.wake.Signal()
}

// end lets deliver return once the queue is empty.
func (e *events) end() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.ended = true
	e.wake.Signal()
}

func (e *events) deliver() {
	for {
		e.mu.Lock()
		for len(e.queue) == 0 && !e.ended {
			e.wake.Wait()
		}
		if len(e.queue) == 0 {
			e.mu.Unlock()
			return
		}
		batch := e.queue
		e.queue = nil
		e.mu.Unlock()
		for _, f := range batch {
			f()
		}
	}
}
