// Package gate lets something that many goroutines use be closed safely.
package gate

import "sync"

// Gate counts the uses of a thing. After Close no use begins, and Close
// returns once the last one has ended. The zero Gate is open.
type Gate struct {
	mu     sync.Mutex
	uses   int
	closed bool
	idle   chan struct{} // made by Close when uses are left, closed by the last
}

// Enter begins a use; false means the gate is closed. A use that began must
// end with Leave, and may begin further ones only through Enter.
func (g *Gate) Enter() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return false
	}
	g.uses++
	return true
}

// Leave ends a use.
func (g *Gate) Leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.uses--
	if g.uses == 0 && g.idle != nil {
		close(g.idle)
		g.idle = nil
	}
}

// Close closes the gate and waits for the uses under way. It reports whether
// this call was the one that closed it; later calls return false at once.
func (g *Gate) Close() bool {
	g.mu.Lock()
	if g.closed {
		g.mu.Unlock()
		return false
	}
	g.closed = true
	if g.uses == 0 {
		g.mu.Unlock()
		return true
	}
	idle := make(chan struct{})
	g.idle = idle
	g.mu.Unlock()
	<-idle
	return true
}
