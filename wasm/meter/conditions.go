package meter

import "github.com/weft-network/weft/wasm/internal/code"

// condition is a comparison and what stands right behind it: its result is turned
// around by comparing it with zero, or made an i64. Go's compiler does so several
// times, and the engine's compiles each.
type condition struct {
	op       uint16 // of the comparison
	from, to int    // instructions; from is below zero if there is none
	not      bool   // the result is turned around
	long     bool   // the result is an i64
}

var noCondition = condition{from: -1, to: -1}

// follow looks at instruction n.
func (c *condition) follow(e *edits, op uint16, n int) {
	if c.from >= 0 && c.goesOn(op) {
		c.to = n
		return
	}
	if c.to > c.from {
		c.write(e)
	}
	*c = noCondition
	if op >= code.OpI32Eqz && op <= code.OpF64Ge {
		*c = condition{op: op, from: n, to: n}
	}
}

func (c *condition) goesOn(op uint16) bool {
	switch {
	case op == code.OpI32Eqz && !c.long:
		c.not = !c.not
	case op == code.OpI64Eqz && c.long:
		c.not, c.long = !c.not, false
	case op == code.OpI64ExtendU && !c.long, op == code.OpI32Wrap && c.long:
		c.long = !c.long
	default:
		return false
	}
	return true
}

// write puts the condition in its shortest form, if that is another one.
func (c *condition) write(e *edits) {
	from, count := len(e.added), 1
	switch inverse := inverse(c.op); {
	case !c.not:
		e.added = append(e.added, byte(c.op))
	case inverse != 0:
		e.added = append(e.added, inverse)
	case c.op == code.OpI32Eqz:
		e.added, count = append(e.added, code.OpI32Const, 0, code.OpI32Ne), 2
	case c.op == code.OpI64Eqz:
		e.added, count = append(e.added, code.OpI64Const, 0, code.OpI64Ne), 2
	default: // of floats: neither is true of what is no number
		e.added, count = append(e.added, byte(c.op), code.OpI32Eqz), 2
	}
	if c.long {
		e.added, count = append(e.added, code.OpI64ExtendU), count+1
	}
	if floats := c.op > code.OpI64GeU; count > c.to-c.from && (floats || !c.not) {
		e.added = e.added[:from]
		return
	}
	e.steps[c.from].before = e.since(from)
	e.drop(c.from, c.to)
}

// inverse is the comparison of integers that is true where op is not, 0 if there
// is no such instruction.
func inverse(op uint16) byte {
	switch {
	case op > code.OpI32Eqz && op < code.OpI64Eqz:
		return inverses[op-code.OpI32Eqz-1]
	case op > code.OpI64Eqz && op <= code.OpI64GeU:
		return inverses[op-code.OpI64Eqz-1] + code.OpI64Eqz - code.OpI32Eqz
	}
	return 0
}

// inverses of eq, ne, lt_s, lt_u, gt_s, gt_u, le_s, le_u, ge_s, ge_u of i32.
var inverses = [...]byte{0x47, 0x46, 0x4e, 0x4f, 0x4c, 0x4d, 0x4a, 0x4b, 0x48, 0x49}
