package sandbox

import (
	"bytes"
	"encoding/json"
)

const (
	// maxVerdict bounds the line that a child answers.
	maxVerdict = 64 << 10
	// lastWords bounds what is kept of the beginning of a child's standard
	// error, where Go's runtime says why it gave up.
	lastWords = 8 << 10
)

// verdict is what a child answers, in a line; one without Done and Error did not
// come to an end. What it made may follow.
type verdict struct {
	Done  bool   `json:"done"`
	Bytes int    `json:"bytes,omitempty"` // that follow
	Error string `json:"error,omitempty"`
	// CPU reports that the child noticed the end of its processor time.
	CPU bool `json:"cpu,omitempty"`
}

// reply takes in what a child answers: a verdict, and the bytes behind it for
// which the verdict asked, so that they are copied once. More than may be is
// thrown away.
type reply struct {
	most    int // bytes that may follow the verdict
	line    []byte
	judged  bool // the line has ended
	verdict verdict
	made    []byte
	surplus bool
}

func (r *reply) Write(p []byte) (int, error) {
	rest := p
	if !r.judged {
		var line []byte
		line, rest, r.judged = bytes.Cut(p, []byte{'\n'})
		r.line = append(r.line, line[:min(len(line), maxVerdict-len(r.line))]...)
		if r.judged {
			r.judge()
		}
	}
	room := cap(r.made) - len(r.made)
	r.surplus = r.surplus || len(rest) > room
	r.made = append(r.made, rest[:min(len(rest), room)]...)
	return len(p), nil
}

// judge reads the line; one that is no verdict stands for none.
func (r *reply) judge() {
	if json.Unmarshal(r.line, &r.verdict) != nil {
		r.verdict = verdict{}
	}
	if r.verdict.Bytes > 0 && r.verdict.Bytes <= r.most {
		r.made = make([]byte, 0, r.verdict.Bytes)
	}
}

// whole reports that the work was done and that all of it came.
func (r *reply) whole() bool {
	return r.verdict.Done && r.verdict.Bytes == len(r.made) && !r.surplus
}

// head keeps the first bytes written to it.
type head struct {
	kept  []byte
	limit int
}

func (h *head) Write(p []byte) (int, error) {
	h.kept = append(h.kept, p[:min(len(p), h.limit-len(h.kept))]...)
	return len(p), nil
}

func (h *head) String() string { return string(h.kept) }
