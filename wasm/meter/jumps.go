package meter

import (
	"math"
	"slices"

	"github.com/weft-network/weft/wasm/internal/code"
)

// jumps lets a jump lead where it ends. Go's compiler has no blocks to branch
// out of: it numbers pieces of a function, and goes to another one by way of a
// table at the head of one loop around them all:
//
//	loop
//	  block … block
//	    local.get p
//	    br_table …
//	  end
//	  …
//	  i32.const 3
//	  local.set p
//	  br loop        ;; becomes a branch to where the table's entry 3 leads
//
// Nothing happens between the loop's head and the table, so that if the block of
// that entry is still open at the branch, which it is if the jump leads forward,
// a branch out of it is the same: no loop takes values here, so what its table
// leads to takes none either. It spares processors a jump that they guess badly,
// and lets compilers see which way values go.
//
// A jump into a cycle of jumps from outside stays: by way of the table, control
// comes into each cycle at one place. Were there another, compilers would move the
// values of both ways to the same registers on every turn, and a loop of a few
// instructions took nearly twice as long.
type jumps struct {
	body   code.Body
	out    []byte
	open   []place  // blocks of the body, its own first
	opened int      // so far
	fresh  int      // how many of the innermost ones nothing stands in yet
	tables []*table // in order
	heads  int      // so far
	enters bool     // a table by the first parameter may still come
	writes bool     // the tables know of all cycles

	// The two instructions before the one at hand. Labels do not outlast theirs.
	before, last code.Instruction
}

// place is an open block.
type place struct {
	id    int // no two blocks of a body have the same
	loop  bool
	table *table // at its head, nil if there is none
	piece *table // behind its end stands a piece of it, nil if there is none
}

// table is what a branch to the head of a loop comes to. A piece of the function
// that it leads to has the number of the block within the loop behind whose end it
// stands: the later it stands, the lower.
type table struct {
	local uint32 // chooses among ways; the last one is for all beyond
	loop  int    // its place
	ways  []way
	here  int // the piece that control is in
	// back is, by a piece that is jumped back to, the last one that does so;
	// cycle, by a piece, the first one of the smallest cycle around it.
	back, cycle []int
}

// way is a block: the one at this place of those open, if it still has this id.
type way struct{ at, id int }

// outside is where no piece and no cycle is.
const outside = math.MaxInt

// settle finds the cycles: a jump back makes one of all that stands between.
func (t *table) settle() {
	t.cycle = make([]int, len(t.back))
	next := make([]int, len(t.back)+1) // at or above, without a cycle so far
	for i := range next {
		next[i] = i
	}
	for i := range t.cycle {
		t.cycle[i] = outside
	}
	for first, last := range t.back {
		if last > first {
			continue // nothing leads back to it
		}
		for i := free(next, last); i <= first; i = free(next, i) {
			t.cycle[i], next[i] = first, i+1
		}
	}
}

func free(next []int, i int) int {
	for ; next[i] != i; i = next[i] {
		next[i] = next[next[i]]
	}
	return i
}

// shorten answers the body with its jumps made shorter, or the body itself. A body
// that is not valid is an error or becomes another one that is not.
func (j *jumps) shorten(m *code.Module, i int) ([]byte, error) {
	j.tables, j.writes = j.tables[:0], false
	if enters, err := j.walk(m, i); err != nil || len(j.tables) == 0 && !enters {
		return m.Bodies[i], err
	}
	for _, t := range j.tables {
		t.settle()
	}
	j.writes = true
	if shorter, err := j.walk(m, i); err != nil || !shorter {
		return m.Bodies[i], err
	}
	return append([]byte(nil), j.out...), nil
}

// walk goes through the body, finds out which jumps lead back, and, when it
// writes, writes it with shorter jumps.
func (j *jumps) walk(m *code.Module, i int) (changed bool, err error) {
	if err := j.body.Open(m, i); err != nil {
		return false, err
	}
	j.out = append(code.AppendU32(j.out[:0], j.body.Declared), j.body.Groups...)
	j.open, j.opened, j.fresh, j.heads = append(j.open[:0], place{}), 0, 0, 0
	j.enters = len(m.Types[m.Functions[i]].Params) > 0
	j.before, j.last = code.Instruction{}, code.Instruction{}
	var in code.Instruction
	for j.body.Next(&in) {
		label, shorter := j.step(&in)
		if j.entry(&in) {
			j.enter(&in)
			changed = true
		}
		switch {
		case !j.writes:
		case shorter:
			j.out, changed = code.AppendU32(append(j.out, code.OpBr), label), true
		default:
			j.out = append(j.out, in.Raw...)
		}
		j.before, j.last = j.last, in
	}
	return changed, j.body.Err()
}

// entry says whether this is the first table, and by the first parameter. In Go's
// functions that is the piece to go on at: 0, the first one, for every call but
// those that resume a function whose goroutine had to wait or whose stack had to
// grow. Where jumps back come to the table, the branch would cost each of them.
func (j *jumps) entry(in *code.Instruction) bool {
	if in.Op != code.OpBrTable || in.Dead || !j.enters {
		return false
	}
	j.enters = false
	if j.last.Op != code.OpLocalGet || j.last.Index != 0 {
		return false
	}
	return j.heads == 0 || !j.tables[0].repeats()
}

// repeats says whether a jump back comes to the table.
func (t *table) repeats() bool {
	return slices.ContainsFunc(t.back, func(last int) bool { return last != outside })
}

// enter writes a branch to the first piece before the table, whose operand is on
// the stack.
func (j *jumps) enter(in *code.Instruction) {
	j.out = code.AppendU32(append(j.out, code.OpI32Eqz, code.OpBrIf), in.Labels[0])
	j.out = append(j.out, code.OpLocalGet, 0)
}

// step follows one instruction. It answers the label for a branch that can be
// made shorter.
func (j *jumps) step(in *code.Instruction) (label uint32, shorter bool) {
	switch in.Op {
	case code.OpBlock, code.OpLoop, code.OpIf:
		j.opened++
		j.open = append(j.open, place{id: j.opened, loop: in.Op == code.OpLoop})
		if j.fresh++; in.Op == code.OpIf {
			j.fresh = 0 // whether control comes into it depends
		}
		return 0, false
	case code.OpEnd:
		last := len(j.open) - 1
		if t := j.open[last].piece; t != nil {
			t.here = last - t.loop
		}
		j.open = j.open[:last]
	case code.OpBrTable:
		j.head(in)
	case code.OpBr:
		label, shorter = j.target(in)
	case code.OpLocalGet:
		if j.last.Op == code.OpBlock || j.last.Op == code.OpLoop {
			return 0, false // it may be a table's
		}
	}
	j.fresh = 0
	return label, shorter
}

// head keeps a table if it stands at the head of a loop.
func (j *jumps) head(in *code.Instruction) {
	if in.Dead || j.last.Op != code.OpLocalGet {
		return
	}
	for n := 1; n <= j.fresh; n++ {
		if loop := &j.open[len(j.open)-n]; loop.loop {
			loop.table = j.table(in, len(j.open)-n)
			return
		}
	}
}

// table is the one of an instruction at the head of the loop at a place, with what
// is known of it if the body is gone through again.
func (j *jumps) table(in *code.Instruction, loop int) *table {
	if j.heads++; j.heads > len(j.tables) {
		t := &table{local: j.last.Index, loop: loop, back: make([]int, len(j.open)-loop)}
		for _, l := range in.Labels {
			at := len(j.open) - 1 - int(l)
			t.ways = append(t.ways, way{at, j.open[at].id})
		}
		for i := range t.back {
			t.back[i] = outside
		}
		j.tables = append(j.tables, t)
	}
	t := j.tables[j.heads-1]
	t.here = outside
	for _, w := range t.ways {
		if w.at > loop {
			j.open[w.at].piece = t
		}
	}
	return t
}

// target is the label of where a branch to the head of a loop ends, if the local
// variable of the table there was just set and the block is still open.
func (j *jumps) target(in *code.Instruction) (label uint32, ok bool) {
	t := j.open[len(j.open)-1-int(in.Index)].table
	if in.Dead || t == nil || j.before.Op != code.OpI32Const || j.last.Op != code.OpLocalSet || j.last.Index != t.local {
		return 0, false
	}
	w := t.ways[min(int64(uint32(j.before.Constant)), int64(len(t.ways)-1))]
	piece := w.at - t.loop
	switch forward := w.at < len(j.open) && j.open[w.at].id == w.id; {
	case !forward && piece > 0:
		t.back[piece] = min(t.back[piece], t.here)
		return 0, false
	case !forward || !j.writes || piece > 0 && t.cycle[piece] < t.here:
		return 0, false
	}
	return uint32(len(j.open) - 1 - w.at), true
}
