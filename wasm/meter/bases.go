package meter

import "github.com/weft-network/weft/wasm/internal/code"

// plan sees to it that the accesses of a stretch are given by an offset to few
// addresses, the bases, and that the one furthest from its base is checked first.
func (v *values) plan() {
	for i := range v.accesses {
		root := v.accesses[i].root
		if root == 0 {
			continue // it was in a group
		}
		v.group = v.group[:0]
		for j := i; j < len(v.accesses); j++ {
			if a := &v.accesses[j]; a.root == root {
				v.group = append(v.group, a)
			}
		}
		v.planGroup()
		for _, a := range v.group {
			a.root = 0
		}
	}
}

// planGroup plans the accesses of one root.
//
// The base is the lowest address that one of them has without anything added. It is
// within memory, or the stretch traps. So an offset to it of at most reach is equal
// to a sum, which would begin again from 0 at the end of the address space: memory
// ends at least that much before.
func (v *values) planGroup() {
	base, found := int64(0), false
	for _, a := range v.group {
		if a.plain() && (!found || a.above < base) {
			base, found = a.above, true
		}
	}
	if !found || !v.rebase(base) {
		base = reach + 1 // above all
	}
	for _, a := range v.group {
		// Sums of 64 bits that stay are made ones of 32.
		if !a.near(base) && !a.wide && a.to-a.from > 2 {
			from := len(v.added)
			v.more(a.above - a.begins)
			v.steps[a.from].after = v.since(from)
			v.drop(a.from+1, a.to)
		}
	}
}

// near says that the address can be given by an offset to the base.
func (a *access) near(base int64) bool { return a.above >= base && a.above-base <= reach }

// survey is what rebase has to know of the accesses near the base.
type survey struct {
	count  int
	first  *access // that whose address is begun first
	moved  bool    // the base is not what all of their local variables hold
	end    int64   // of what they access, above the base
	checks int     // that a compiler would make of them
}

func (v *values) survey(base int64) (s survey) {
	for _, a := range v.group {
		if !a.near(base) {
			continue
		}
		s.count++
		if s.first == nil || a.from < s.first.from {
			s.first = a
		}
		s.moved = s.moved || a.wide || a.begins != base
		if end := a.above - base + a.end; end > s.end {
			s.end = end
			s.checks++
		}
	}
	return s
}

// rebase gives the accesses near the base by an offset to it, unless nothing would
// be gained.
func (v *values) rebase(base int64) bool {
	s := v.survey(base)
	if s.moved && (s.count < 2 || v.used == maxBases) {
		return false
	}
	from, local := len(v.added), s.first.local
	if s.moved {
		local = v.base(s.first, base)
		v.reuse(s.first, base, local)
	}
	if s.checks > 1 { // one that is never used: only the check of it is left
		v.op1(code.OpLocalGet, local)
		v.added = append(v.added, code.OpI32Load8U, 0)
		v.added = append(code.AppendU32(v.added, uint32(s.end-1)), code.OpDrop)
	}
	v.steps[s.first.from].before = v.since(from)
	for _, a := range v.group {
		switch {
		case !a.near(base):
			continue
		case s.moved:
			v.replace(a.from, a.to, local)
		default:
			v.drop(a.from+1, a.to)
		}
		v.steps[a.at].offset = uint32(a.above - base)
	}
	return true
}

// base adds what puts the base into a local variable, and answers that.
func (v *values) base(first *access, base int64) uint32 {
	local := uint32(len(v.types) + v.used)
	v.used++
	v.most = max(v.most, v.used)
	v.op1(code.OpLocalGet, first.local)
	if first.wide {
		v.added = append(v.added, code.OpI32Wrap)
	}
	if base != first.begins {
		v.more(base - first.begins)
	}
	v.op1(code.OpLocalSet, local)
	return local
}

// reuse takes the base where the guest computes it itself.
func (v *values) reuse(first *access, base int64, local uint32) {
	for i := range v.kept {
		if k := &v.kept[i]; k.root == first.root && k.above == base && k.kind == code.I32 && !k.wide && k.from > first.from {
			v.replace(k.from, k.to, local)
		}
	}
}
