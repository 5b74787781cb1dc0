package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/weft-network/weft/cmd/weft/internal/devnet"
)

// progress shows how far a longer work is: on a terminal one line that changes,
// elsewhere a line for each step that is done.
type progress struct {
	mu    sync.Mutex
	w     io.Writer
	live  bool
	began time.Time
	steps []devnet.Event // in the order in which they began
	open  bool           // the line on the terminal is not ended
}

func newProgress(w io.Writer) *progress {
	return &progress{w: w, live: isTerminal(w), began: time.Now()}
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("TERM") != "dumb" && f.Name() != os.DevNull
}

func (p *progress) report(e devnet.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if e.Done == e.Total {
		if p.live {
			_, _ = fmt.Fprint(p.w, "\r\x1b[K")
		}
		_, _ = fmt.Fprintf(p.w, "%6.2f s  %s\n", time.Since(p.began).Seconds(), text(e))
	}
	p.keep(e)
	if p.live {
		p.redraw()
	}
}

// text is the step with its count, if it counts.
func text(e devnet.Event) string {
	if e.Total == 1 {
		return e.Step
	}
	return fmt.Sprintf("%d of %d %s", e.Done, e.Total, e.Step)
}

// keep remembers the steps that are under way.
func (p *progress) keep(e devnet.Event) {
	for i := range p.steps {
		if p.steps[i].Step != e.Step {
			continue
		}
		if e.Done == e.Total {
			p.steps = append(p.steps[:i], p.steps[i+1:]...)
		} else {
			p.steps[i] = e
		}
		return
	}
	if e.Done < e.Total {
		p.steps = append(p.steps, e)
	}
}

func (p *progress) redraw() {
	var parts []string
	for _, s := range p.steps {
		parts = append(parts, fmt.Sprintf("%s %d/%d", s.Step, s.Done, s.Total))
	}
	p.open = len(parts) > 0
	_, _ = fmt.Fprint(p.w, "\r\x1b[K", strings.Join(parts, ", "))
}

// end clears the line that changes.
func (p *progress) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.open {
		_, _ = fmt.Fprint(p.w, "\r\x1b[K")
		p.open = false
	}
}

// short is a path as the user would write it.
func (o *options) short(path string) string {
	wd, err := os.Getwd()
	if err != nil {
		return path
	}
	if rel, err := filepath.Rel(wd, path); err == nil && !strings.HasPrefix(rel, "..") {
		return rel
	}
	return path
}

// example is a command line for this network.
func (o *options) example(rest string) string {
	if o.dir == defaultDir {
		return "weft " + rest
	}
	return "weft --dir " + o.dir + " " + rest
}
