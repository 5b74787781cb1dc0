package cctest

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

const goldenHead = `# Written by weft chaincode test --update; review what changes.
`

// goldenName is the golden file of a test file.
func goldenName(file string) string {
	return strings.TrimSuffix(file, filepath.Ext(file)) + ".golden"
}

// golden compares the steps with the golden file, or writes it.
func (r *Result) golden(update bool) error {
	name := goldenName(r.File)
	if update {
		r.Golden, r.Updated = name, true
		return os.WriteFile(name, r.goldenText(), 0o644)
	}
	data, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	r.Golden = name
	r.compareGolden(string(data))
	return nil
}

func (r *Result) goldenText() []byte {
	var b strings.Builder
	b.WriteString(goldenHead)
	for i := range r.Steps {
		b.WriteString("\n")
		for _, line := range r.Steps[i].section() {
			b.WriteString(line + "\n")
		}
	}
	return []byte(b.String())
}

// mark begins a step in a golden file. No line of a transcript begins with it.
const mark = "=== "

func (s *StepResult) section() []string {
	return append([]string{fmt.Sprintf("%s%d %s", mark, s.Number, s.Call)}, s.transcript...)
}

// compareGolden compares step by step, so that what is wrong is told where it
// happened.
func (r *Result) compareGolden(text string) {
	sections := splitGolden(text)
	for i := range r.Steps {
		s := &r.Steps[i]
		if i >= len(sections) {
			s.Wrong = append(s.Wrong, "it is not in "+r.Golden+"; write that anew with --update")
			continue
		}
		if got := s.section(); !slices.Equal(sections[i], got) {
			s.Wrong = append(s.Wrong, "it is not as in "+r.Golden+" (- golden, + now; --update takes over what is now):")
			s.Wrong = append(s.Wrong, indent(Diff(sections[i], got))...)
		}
	}
	if extra := len(sections) - len(r.Steps); extra > 0 {
		r.Wrong = append(r.Wrong, fmt.Sprintf("%s tells of %d more steps; write it anew with --update", r.Golden, extra))
	}
}

func splitGolden(text string) (sections [][]string) {
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		switch {
		case strings.HasPrefix(line, mark):
			sections = append(sections, []string{line})
		case len(sections) > 0 && line != "":
			last := len(sections) - 1
			sections[last] = append(sections[last], line)
		}
	}
	return sections
}
