package raft

import "sync"

// office tells who leads, and wakes those who want to know when nobody does. It
// is safe for concurrent use.
type office struct {
	mu     sync.Mutex
	leader uint64
	vacant chan struct{} // closed while leader is 0
}

func newOffice() *office {
	o := &office{vacant: make(chan struct{})}
	close(o.vacant)
	return o
}

func (o *office) set(leader uint64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.leader == 0 && leader != 0:
		o.vacant = make(chan struct{})
	case o.leader != 0 && leader == 0:
		close(o.vacant)
	}
	o.leader = leader
}

func (o *office) holder() uint64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.leader
}

func (o *office) whenVacant() <-chan struct{} {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.vacant
}
