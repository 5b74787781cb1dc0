package meter

import "github.com/weft-network/weft/wasm/internal/code"

// edits are what becomes of the instructions of one body, which are known by their
// numbers, from 0.
type edits struct {
	steps   []step
	added   []byte // instructions of all steps
	changed bool
}

// step is what becomes of one instruction: others are put before and after it, and
// it stays, goes, or becomes another one.
type step struct {
	before, after piece
	drop          bool
	get           bool   // it becomes a local.get of local
	local         uint32 // a variable
	offset        uint32 // that a load or a store gets on top of its own
}

// piece of edits.added.
type piece struct{ from, to int }

func (e *edits) reset() { e.steps, e.added, e.changed = e.steps[:0], e.added[:0], false }

// since is the piece from so many added bytes on.
func (e *edits) since(from int) piece {
	e.changed = e.changed || len(e.added) > from
	return piece{from, len(e.added)}
}

// op1 adds an instruction with an index.
func (e *edits) op1(op byte, index uint32) { e.added = code.AppendU32(append(e.added, op), index) }

// more adds instructions that add a number to the i32 on the stack.
func (e *edits) more(n int64) {
	e.added = append(code.AppendSigned(append(e.added, code.OpI32Const), n), code.OpI32Add)
}

// drop takes out the instructions from from up to and with to.
func (e *edits) drop(from, to int) {
	for n := from; n <= to; n++ {
		e.steps[n].drop, e.changed = true, true
	}
}

// replace makes the instructions from from up to and with to get a local variable.
func (e *edits) replace(from, to int, local uint32) {
	e.steps[from].get, e.steps[from].local, e.changed = true, local, true
	e.drop(from+1, to)
}

// append adds to b what became of instruction n.
func (e *edits) append(b []byte, in *code.Instruction, n int) []byte {
	s := &e.steps[n]
	b = append(b, e.added[s.before.from:s.before.to]...)
	switch {
	case s.drop:
	case s.get:
		b = code.AppendU32(append(b, code.OpLocalGet), s.local)
	case s.offset > 0:
		b = code.AppendU32(code.AppendU32(append(b, byte(in.Op)), in.Align), in.Offset+s.offset)
	default:
		b = append(b, in.Raw...)
	}
	return append(b, e.added[s.after.from:s.after.to]...)
}
