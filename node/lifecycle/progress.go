package lifecycle

import (
	"context"
	"sync"
)

// Phase is how far an install is.
type Phase string

// The phases in their order. The last two end an install; one that ends before
// its time skips to Failed.
const (
	Waiting   Phase = "waiting" // for another install to end
	Checking  Phase = "checking"
	Metering  Phase = "metering"
	Loading   Phase = "loading" // looking for compiled code, which another process may be making
	Compiling Phase = "compiling"
	Starting  Phase = "starting" // its main, its warm-up calls, the snapshot
	Saving    Phase = "saving"
	Done      Phase = "done"
	Failed    Phase = "failed"
)

func (p Phase) over() bool { return p == Done || p == Failed }

// Enter tells whoever watches the install that ctx is of, if it is of one, that
// a phase begins.
func Enter(ctx context.Context, p Phase) {
	if w, ok := ctx.Value(workKey{}).(*work); ok {
		w.enter(p)
	}
}

type workKey struct{}

// works are the installs that are under way or watched, by package id.
type works struct {
	mu   sync.Mutex
	byID map[string]*work
}

// work is one install.
type work struct {
	users int // installs and watchers, guarded by works

	mu      sync.Mutex
	phase   Phase         // "" before it begins
	changed chan struct{} // closed when phase changes
}

// join finds or makes the work on a package; leave it.
func (w *works) join(id string) *work {
	w.mu.Lock()
	defer w.mu.Unlock()
	one := w.byID[id]
	if one == nil {
		one = &work{changed: make(chan struct{})}
		w.byID[id] = one
	}
	one.users++
	return one
}

func (w *works) leave(id string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	one := w.byID[id]
	if one.users--; one.users == 0 {
		delete(w.byID, id)
	}
}

func (w *work) enter(p Phase) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.phase == p {
		return
	}
	w.phase = p
	close(w.changed)
	w.changed = make(chan struct{})
}

// begin is the phase of an install that has to wait. One that joins another of
// the same package changes nothing.
func (w *work) begin() {
	w.mu.Lock()
	first := w.phase == "" || w.phase.over()
	w.mu.Unlock()
	if first {
		w.enter(Waiting)
	}
}

// end is the phase after an install, nil being its success.
func (w *work) end(err error) {
	p := Done
	if err != nil {
		p = Failed
	}
	w.enter(p)
}

func (w *work) look() (Phase, <-chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.phase, w.changed
}

// Watched reports whether an install is under way or watched.
func (p *Packages) Watched(id string) bool {
	p.works.mu.Lock()
	defer p.works.mu.Unlock()
	return p.works.byID[id] != nil
}

// Watch tells of each phase of the install of a package, from the one that it is
// in, until it is over or ctx ends. The install may begin later. Phases that
// pass faster than tell takes are left out. An error of tell is returned.
func (p *Packages) Watch(ctx context.Context, id string, tell func(Phase) error) error {
	w := p.works.join(id)
	defer p.works.leave(id)
	var told Phase
	for {
		phase, changed := w.look()
		if phase != told {
			if err := tell(phase); err != nil {
				return err
			}
			told = phase
		}
		if phase.over() {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
