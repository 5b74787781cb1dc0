package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/weft-network/weft/cmd/weft/internal/deploy"
)

// worthTelling is how long a phase of an install lasts before a line is given to
// it where lines cannot change.
const worthTelling = time.Second

// stepPrinter prints the steps of a deployment, one line each. What is running
// is on a last line that changes, on a terminal; elsewhere a line tells of what
// lasts.
type stepPrinter struct {
	w       io.Writer
	live    bool
	running []deploy.Step   // by where
	told    map[string]bool // phases that have their line, by where and what
}

func newStepPrinter(w io.Writer) *stepPrinter {
	return &stepPrinter{w: w, live: isTerminal(w), told: map[string]bool{}}
}

// step is a deploy.Report.
func (p *stepPrinter) step(s deploy.Step) {
	if p.live {
		_, _ = fmt.Fprint(p.w, "\r\x1b[K")
	}
	p.forget(s)
	switch {
	case !s.Running:
		_, _ = fmt.Fprintln(p.w, StepLine(s))
	case p.live:
		p.running = append(p.running, s)
	case s.Took >= worthTelling && !p.told[s.Where+"\x00"+s.Detail]:
		p.told[s.Where+"\x00"+s.Detail] = true
		s.Detail += " …"
		_, _ = fmt.Fprintln(p.w, StepLine(s))
	}
	if p.live {
		_, _ = fmt.Fprint(p.w, p.line())
	}
}

// forget drops what was said of a step before.
func (p *stepPrinter) forget(s deploy.Step) {
	for i, r := range p.running {
		if r.Name == s.Name && r.Where == s.Where {
			p.running = append(p.running[:i], p.running[i+1:]...)
			return
		}
	}
}

// end clears the line that changes, if a step did not come to its end.
func (p *stepPrinter) end() {
	if p != nil && p.live && len(p.running) > 0 {
		_, _ = fmt.Fprint(p.w, "\r\x1b[K")
	}
}

// line is all that is running, on one line of a terminal.
func (p *stepPrinter) line() string {
	const columns = 100
	var parts []string
	for _, r := range p.running {
		names := strings.SplitN(r.Where, ".", 3) // peer0.org1 says it
		parts = append(parts, fmt.Sprintf("%s: %s %s", strings.Join(names[:min(2, len(names))], "."), r.Detail, tookText(r.Took.Round(100*time.Millisecond))))
	}
	line := strings.Join(parts, ", ")
	return line[:min(len(line), columns)]
}

// StepLine is a step of a deployment on one line.
func StepLine(s deploy.Step) string {
	return fmt.Sprintf("%8s  %-8s %-24s %s", tookText(s.Took), s.Name, s.Where, s.Detail)
}
