package gossip

import (
	"maps"
	"sync"
	"time"
)

// A member that says of itself where it listens is dialled there, whatever it
// says: so few at a time, and seldom when it does not answer.
const (
	dialTimeout = 5 * time.Second
	maxDials    = 16
	firstRedial = 200 * time.Millisecond
	lastRedial  = 30 * time.Second
)

// dials paces the dialling of members. The zero value is ready.
type dials struct {
	mu   sync.Mutex
	busy int
	byID map[string]dial
}

type dial struct {
	busy  bool
	pause time.Duration
	due   time.Time
}

// begin reports whether to dial a member now; end follows if so.
func (d *dials) begin(id string, now time.Time) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	x := d.byID[id]
	if x.busy || d.busy >= maxDials || now.Before(x.due) {
		return false
	}
	x.busy = true
	x.pause = min(max(2*x.pause, firstRedial), lastRedial)
	x.due = now.Add(x.pause)
	if d.byID == nil {
		d.byID = map[string]dial{}
	}
	d.byID[id] = x
	d.busy++
	return true
}

func (d *dials) end(id string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.busy--
	if x, ok := d.byID[id]; ok {
		x.busy = false
		d.byID[id] = x
	}
}

// forget drops what is remembered of members that are connected or gone.
func (d *dials) forget(alive []member, connected map[string]bool) {
	here := map[string]bool{}
	for _, m := range alive {
		here[m.info.PeerId] = !connected[m.info.PeerId]
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	maps.DeleteFunc(d.byID, func(id string, x dial) bool { return !x.busy && !here[id] })
}
