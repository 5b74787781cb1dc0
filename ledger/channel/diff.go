package channel

import (
	"bytes"
	"fmt"
	"maps"
	"strings"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
)

// Diff says in words what next changes: a line for each element, in order of
// their paths, for logs and for people who are asked to sign. Of a group that is
// new or gone there is one line. Versions are not mentioned. The configs must
// have been read by this package; no line is longer than some hundred bytes.
func (c *Config) Diff(next *Config) []string {
	before, after := listed(c.groups), listed(next.groups)
	union := maps.Clone(before)
	maps.Copy(union, after)
	var lines []string
	settled := "" // the path of a group that has its line
	for _, p := range union.places() {
		if settled != "" && strings.HasPrefix(p.path, settled+"/") {
			continue
		}
		was, had := before[p]
		is, has := after[p]
		switch {
		case had && has:
			lines = append(lines, changedLines(p, was, is)...)
			continue
		case has:
			lines = append(lines, fmt.Sprintf("%s is new: %s", p, textOf(p, is)))
		default:
			lines = append(lines, fmt.Sprintf("%s is gone: %s", p, textOf(p, was)))
		}
		if p.kind == groupKind {
			settled = p.path
		}
	}
	return lines
}

// changedLines compare an element that both configs have.
func changedLines(p place, was, is element) []string {
	var lines []string
	if was.GetModPolicy() != is.GetModPolicy() {
		lines = append(lines, fmt.Sprintf("%s: now guarded by %s; before by %s", p, guardText(is), guardText(was)))
	}
	if sameContent(was, is) {
		return lines
	}
	before, after := textOf(p, was), textOf(p, is)
	if before == after {
		return append(lines, fmt.Sprintf("%s: other details of %s", p, after))
	}
	return append(lines, fmt.Sprintf("%s: now %s; before %s", p, after, before))
}

// sameContent leaves groups to their elements.
func sameContent(a, b element) bool {
	switch a := a.(type) {
	case *common.ConfigValue:
		return bytes.Equal(a.GetValue(), b.(*common.ConfigValue).GetValue())
	case *common.ConfigPolicy:
		x, y := a.GetPolicy(), b.(*common.ConfigPolicy).GetPolicy()
		return x.GetType() == y.GetType() && bytes.Equal(x.GetValue(), y.GetValue())
	}
	return true
}

func guardText(e element) string {
	if e.GetModPolicy() == "" {
		return "no policy at all"
	}
	return "policy " + clip(e.GetModPolicy())
}
