package meter

import "github.com/weft-network/weft/wasm/internal/code"

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
// leads to takes none either. It spares processors a jump that they guess
// badly, and lets compilers see which way values go.
type jumps struct {
	body   code.Body
	out    []byte
	open   []place // blocks of the body, its own first
	opened int     // so far
	fresh  int     // how many of the innermost ones nothing stands in yet

	// The two instructions before the one at hand. Labels do not outlast theirs.
	before, last code.Instruction
}

// place is an open block.
type place struct {
	id    int // no two blocks of a body have the same
	loop  bool
	table *table // at its head, nil if there is none
}

// table is what a branch to the head of a loop comes to.
type table struct {
	local uint32 // chooses among ways; the last one is for all beyond
	ways  []way
}

// way is a block: the one at this place of those open, if it still has this id.
type way struct{ at, id int }

// shorten answers the body with its jumps made shorter, or the body itself. A body
// that is not valid is an error or becomes another one that is not.
func (j *jumps) shorten(m *code.Module, i int) ([]byte, error) {
	if err := j.body.Open(m, i); err != nil {
		return nil, err
	}
	j.out = append(code.AppendU32(j.out[:0], j.body.Declared), j.body.Groups...)
	j.open, j.opened, j.fresh = append(j.open[:0], place{}), 0, 0
	j.before, j.last = code.Instruction{}, code.Instruction{}
	changed := false
	var in code.Instruction
	for j.body.Next(&in) {
		if label, shorter := j.step(&in); shorter {
			j.out, changed = code.AppendU32(append(j.out, code.OpBr), label), true
		} else {
			j.out = append(j.out, in.Raw...)
		}
		j.before, j.last = j.last, in
	}
	if err := j.body.Err(); err != nil {
		return nil, err
	}
	if !changed {
		return m.Bodies[i], nil
	}
	return append([]byte(nil), j.out...), nil
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
		j.open = j.open[:len(j.open)-1]
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
		loop := &j.open[len(j.open)-n]
		if !loop.loop {
			continue
		}
		loop.table = &table{local: j.last.Index}
		for _, l := range in.Labels {
			at := len(j.open) - 1 - int(l)
			loop.table.ways = append(loop.table.ways, way{at, j.open[at].id})
		}
		return
	}
}

// target is the label of where a branch to the head of a loop ends, if the local
// variable of the table there was just set and the block is still open.
func (j *jumps) target(in *code.Instruction) (label uint32, ok bool) {
	t := j.open[len(j.open)-1-int(in.Index)].table
	if in.Dead || t == nil || j.before.Op != code.OpI32Const || j.last.Op != code.OpLocalSet || j.last.Index != t.local {
		return 0, false
	}
	w := t.ways[min(int64(uint32(j.before.Constant)), int64(len(t.ways)-1))]
	if w.at >= len(j.open) || j.open[w.at].id != w.id {
		return 0, false
	}
	return uint32(len(j.open) - 1 - w.at), true
}
