package main

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

const (
	// barInterval is how often a bar changes: as fast as eyes follow.
	barInterval = 100 * time.Millisecond
	// barColumns is its width without the text around it.
	barColumns = 30
)

// bar shows on a terminal how much of a longer work is done; elsewhere nothing,
// since a log is no place for it. It is safe for concurrent use.
type bar struct {
	w    io.Writer
	live bool

	mu    sync.Mutex
	what  string
	began time.Time
	drawn time.Time
}

func newBar(w io.Writer) *bar { return &bar{w: w, live: isTerminal(w)} }

// tell draws how much of the named work is done. Another name starts anew.
func (b *bar) tell(what string, done, of uint64) {
	if !b.live || of == 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	if what != b.what {
		b.what, b.began, b.drawn = what, now, time.Time{}
	}
	if now.Sub(b.drawn) < barInterval && done < of {
		return
	}
	b.drawn = now
	_, _ = fmt.Fprint(b.w, "\r\x1b[K", barLine(what, done, of, now.Sub(b.began)))
}

// barLine is the bar: what, how far, how fast, how long still.
func barLine(what string, done, of uint64, took time.Duration) string {
	full := int(min(done, of) * barColumns / of)
	line := fmt.Sprintf("%-20s [%s%s] %3d %%  %d of %d", what, strings.Repeat("#", full), strings.Repeat(".", barColumns-full), min(done, of)*100/of, done, of)
	if done > 0 && done < of && took > time.Second {
		left := time.Duration(float64(took) / float64(done) * float64(of-done))
		line += fmt.Sprintf("  %s left", left.Round(time.Second))
	}
	return line
}

// end clears the line.
func (b *bar) end() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.live && b.what != "" {
		_, _ = fmt.Fprint(b.w, "\r\x1b[K")
		b.what = ""
	}
}
