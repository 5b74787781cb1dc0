package demo

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"text/tabwriter"
	"time"
)

// printer writes what happens. Colour is for terminals; without it the text
// reads the same.
type printer struct {
	mu    sync.Mutex
	w     io.Writer
	color bool
}

// The marks of ECMA-48.
const (
	bold  = "\x1b[1m"
	faint = "\x1b[2m"
	green = "\x1b[32m"
	plain = "\x1b[0m"
)

func (p *printer) mark(code, text string) string {
	if !p.color {
		return text
	}
	return code + text + plain
}

func (p *printer) write(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, _ = io.WriteString(p.w, text) // a reader that left is nobody to tell
}

// heading begins a section.
func (p *printer) heading(n int, title string) {
	p.write("\n" + p.mark(bold, fmt.Sprintf("%d. %s", n, title)) + "\n\n")
}

func (p *printer) done(took time.Duration) {
	p.write(p.mark(faint, fmt.Sprintf("   (%.1f s)", took.Seconds())) + "\n")
}

// say is a line of the story.
func (p *printer) say(format string, args ...any) {
	p.write("   " + fmt.Sprintf(format, args...) + "\n")
}

// line is a line below what was said.
func (p *printer) line(format string, args ...any) {
	p.write("     " + fmt.Sprintf(format, args...) + "\n")
}

// ok is a claim that was checked.
func (p *printer) ok(format string, args ...any) {
	p.write("   " + p.mark(green, "✓ ") + fmt.Sprintf(format, args...) + "\n")
}

func (p *printer) gap() { p.write("\n") }

// table prints rows in columns; the first is the head.
func (p *printer) table(rows [][]string) {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, r := range rows {
		_, _ = fmt.Fprintln(w, "     "+strings.Join(r, "\t")) // to memory
	}
	_ = w.Flush()
	lines := strings.SplitAfter(b.String(), "\n")
	for i, l := range lines {
		lines[i] = strings.TrimRight(l, " \n")
	}
	lines[0] = p.mark(bold, lines[0])
	p.write(strings.Join(lines, "\n"))
}

// ms is a duration as milliseconds.
func ms(d time.Duration) string {
	if d >= time.Second {
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	if d >= 100*time.Millisecond {
		return fmt.Sprintf("%.0f ms", float64(d.Microseconds())/1000)
	}
	return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000)
}
