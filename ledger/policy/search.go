package policy

import (
	"cmp"
	"slices"
)

const (
	// maxCandidates bounds the layouts kept at each step of the search, smallest
	// first; policies of real networks have a dozen.
	maxCandidates = 64
	// maxCombinations bounds the whole search to some tenths of a second. A
	// search that ends early has found fewer layouts, not wrong ones.
	maxCombinations = 1 << 18
)

// layout says how many of each organisation sign.
type layout struct {
	n     []uint16 // by organisation
	total int
}

func (l layout) with(org, more int) layout {
	n := slices.Clone(l.n)
	n[org] = uint16(int(n[org]) + more)
	return layout{n, l.total + more}
}

func (l layout) join(other layout, f func(a, b uint16) uint16) layout {
	sum := layout{n: make([]uint16, len(l.n))}
	for i := range l.n {
		sum.n[i] = f(l.n[i], other.n[i])
		sum.total += int(sum.n[i])
	}
	return sum
}

func (l layout) orgs() int {
	count := 0
	for _, n := range l.n {
		count += int(min(n, 1))
	}
	return count
}

// compare puts layouts with fewer signers first, then with fewer organisations,
// then by name.
func compare(a, b layout) int {
	return cmp.Or(cmp.Compare(a.total, b.total), cmp.Compare(a.orgs(), b.orgs()), slices.Compare(b.n, a.n))
}

// dominated reports whether one of others needs no more than l of anybody.
func dominated(l layout, others []layout) bool {
	return slices.ContainsFunc(others, func(o layout) bool {
		for org, n := range o.n {
			if n > l.n[org] {
				return false
			}
		}
		return true
	})
}

// search looks for layouts over the organisations names, which are sorted.
type search struct {
	names []string
	left  int // combinations that it may still try
}

func newSearch(names []string) *search {
	names = slices.Sorted(slices.Values(names))
	names = slices.DeleteFunc(slices.Compact(names), func(n string) bool { return n == "" })
	return &search{names: names, left: maxCombinations}
}

// index is the number of an organisation, -1 if there is none of that name.
func (s *search) index(name string) int {
	if i, ok := slices.BinarySearch(s.names, name); ok {
		return i
	}
	return -1
}

func (s *search) none() layout { return layout{n: make([]uint16, len(s.names))} }

func (s *search) layout(m map[string]int) layout {
	l := s.none()
	for name, n := range m {
		l = l.with(s.index(name), n)
	}
	return l
}

func (s *search) maps(layouts []layout) []map[string]int {
	all := make([]map[string]int, len(layouts))
	for i, l := range layouts {
		all[i] = map[string]int{}
		for org, n := range l.n {
			if n > 0 {
				all[i][s.names[org]] = int(n)
			}
		}
	}
	return all
}

// layouts counts signers: every principal below takes one of its own.
func (s *search) layouts(r rule, orgs []int) []layout {
	if r.leaf {
		if orgs[r.principal] < 0 {
			return nil
		}
		return []layout{s.none().with(orgs[r.principal], 1)}
	}
	subs := make([][]layout, len(r.subs))
	for i, sub := range r.subs {
		subs[i] = s.layouts(sub, orgs)
	}
	return s.choose(r.n, subs, func(a, b uint16) uint16 { return a + b })
}

// choose combines the layouts of n of the subs, in all ways, joining counts.
func (s *search) choose(n int, subs [][]layout, join func(a, b uint16) uint16) []layout {
	if n <= 0 {
		return []layout{s.none()}
	}
	if n > len(subs) {
		return nil
	}
	// chosen[k] are the ways to choose k of the subs seen so far.
	chosen := make([][]layout, n+1)
	chosen[0] = []layout{s.none()}
	for _, sub := range subs {
		for k := n; k > 0; k-- {
			ways := chosen[k]
			for _, a := range chosen[k-1] {
				for _, b := range sub {
					if s.left--; s.left >= 0 {
						ways = append(ways, a.join(b, join))
					}
				}
			}
			chosen[k] = smallest(ways)
		}
	}
	return chosen[n]
}

// smallest sorts layouts and drops those that ask for more than another.
func smallest(ways []layout) []layout {
	slices.SortFunc(ways, compare)
	var kept []layout
	for _, w := range ways {
		if len(kept) == maxCandidates {
			break
		}
		if !dominated(w, kept) {
			kept = append(kept, w)
		}
	}
	return kept
}

func (r rule) eachLeaf(f func(principal int)) {
	if r.leaf {
		f(r.principal)
	}
	for _, sub := range r.subs {
		sub.eachLeaf(f)
	}
}

// satisfiedBy evaluates the rule with that many peers of each organisation.
// Their order does not matter, since a principal fits one organisation only.
func (r rule) satisfiedBy(l layout, orgs []int) bool {
	ids := make([]int, 0, l.total)
	for org, n := range l.n {
		for range n {
			ids = append(ids, org)
		}
	}
	return r.holds(make([]bool, len(ids)), func(principal, id int) bool { return orgs[principal] == ids[id] })
}
