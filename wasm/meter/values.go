package meter

import "github.com/weft-network/weft/wasm/internal/code"

// values follows, through stretches where control goes straight on, which numbers
// are others and a constant: most places in memory are given that way. A stretch
// ends where control may part or meet, at a call, and at an instruction that may
// trap for another reason than a place outside of memory. So what stands in it is
// done from its beginning to its end, or traps for that reason.
type values struct {
	*edits
	types    []byte
	stack    []operand // from the beginning of the stretch
	holds    []held    // by local variable
	stretch  int       // the number of the one at hand
	roots    int       // so far
	accesses []access  // of the stretch
	kept     []sum     // which local variables were set to in the stretch
	group    []*access // at hand
	used     int       // local variables that were added for the stretch
	most     int       // the same, of any stretch
}

// sum is a number above another one, its root, modulo 2^32. The instructions from
// from up to and with to compute it; the first gets a local variable.
type sum struct {
	root     int // 0 if nothing is known
	above    int64
	from, to int
	local    uint32
	begins   int64 // what the local variable is above the root
	kind     byte  // the type
	wide     bool  // the local variable is an i64
}

// plain says that nothing is added to the local variable.
func (s *sum) plain() bool { return s.above == s.begins }

// operand is a sum or a constant, or unknown.
type operand struct {
	sum
	constant bool
	value    int64
}

// held is what a local variable holds, if it is known in this stretch.
type held struct {
	stretch, root int
	above         int64
}

// access is a load or a store at the address.
type access struct {
	sum
	at  int   // instruction
	end int64 // behind the address
}

const (
	// reach is how far from what they are counted from addresses are looked at.
	reach = 1 << 16
	// maxAccesses and maxKept end a stretch, since these are compared with each
	// other.
	maxAccesses = 256
	maxKept     = 256
	// maxBases are the local variables that are added to a function. Every one
	// makes compiling dearer.
	maxBases = 4
)

func (v *values) open(e *edits, types []byte) {
	v.edits, v.types, v.most = e, types, 0
	v.holds = v.holds[:0]
	for range types {
		v.holds = append(v.holds, held{})
	}
	v.stretch, v.roots = 0, 0
	v.begin()
}

func (v *values) begin() {
	v.stretch++
	v.stack, v.accesses, v.kept, v.used = v.stack[:0], v.accesses[:0], v.kept[:0], 0
}

// step follows instruction n.
func (v *values) step(in *code.Instruction, n int) {
	count, leaves, straight := takes(in.Op)
	if in.Dead || !straight || len(v.accesses) == maxAccesses || len(v.kept) == maxKept {
		v.plan()
		v.begin()
	}
	if in.Dead || !straight {
		return
	}
	switch op := in.Op; {
	case op == code.OpLocalGet:
		v.push(operand{sum: v.get(in.Index, n)})
	case op == code.OpI32Const:
		v.push(operand{constant: true, value: in.Constant, sum: sum{kind: code.I32, to: n}})
	case op == code.OpI64Const:
		v.push(operand{constant: true, value: in.Constant, sum: sum{kind: code.I64, to: n}})
	case op == code.OpLocalSet, op == code.OpLocalTee:
		v.set(in.Index, v.pop())
	case op == code.OpI64ExtendU:
		v.convert(code.I32, code.I64, n)
	case op == code.OpI32Wrap:
		v.convert(code.I64, code.I32, n)
	case op == code.OpI32Add, op == code.OpI32Sub:
		v.add(code.I32, op == code.OpI32Sub, n)
	case op == code.OpI64Add, op == code.OpI64Sub:
		v.add(code.I64, op == code.OpI64Sub, n)
	default:
		if stores(op) {
			v.pop()
			count--
		}
		for range count {
			if o := v.pop(); loads(op) || stores(op) {
				v.access(in, &o.sum, n)
			}
		}
	}
	if leaves && !pushes(in.Op) {
		v.push(operand{})
	}
}

// pushes tells the instructions that step knows the results of.
func pushes(op uint16) bool {
	switch op {
	case code.OpLocalGet, code.OpI32Const, code.OpI64Const, code.OpI64ExtendU, code.OpI32Wrap,
		code.OpI32Add, code.OpI32Sub, code.OpI64Add, code.OpI64Sub:
		return true
	}
	return false
}

func (v *values) push(o operand) { v.stack = append(v.stack, o) }

// pop answers an unknown operand where the stack is from before the stretch.
func (v *values) pop() (o operand) {
	if last := len(v.stack) - 1; last >= 0 {
		o, v.stack = v.stack[last], v.stack[:last]
	}
	return o
}

func (v *values) get(local uint32, n int) sum {
	kind := v.types[local]
	if kind != code.I32 && kind != code.I64 {
		return sum{}
	}
	h := &v.holds[local]
	if h.stretch != v.stretch {
		*h = v.fresh()
	}
	return sum{root: h.root, above: h.above, begins: h.above, from: n, to: n, local: local, kind: kind, wide: kind == code.I64}
}

func (v *values) fresh() held {
	v.roots++
	return held{v.stretch, v.roots, 0}
}

func (v *values) set(local uint32, o operand) {
	if o.root == 0 || o.kind != v.types[local] {
		v.holds[local] = v.fresh()
		return
	}
	v.holds[local] = held{v.stretch, o.root, o.above}
	if o.to > o.from {
		v.kept = append(v.kept, o.sum)
	}
}

// convert follows a conversion that leaves the lower 32 bits as they are.
func (v *values) convert(from, to byte, n int) {
	o := v.pop()
	if o.root == 0 || o.kind != from || o.to != n-1 {
		v.push(operand{})
		return
	}
	o.kind, o.to = to, n
	v.push(operand{sum: o.sum})
}

// add follows an addition or subtraction.
func (v *values) add(kind byte, minus bool, n int) {
	c, o := v.pop(), v.pop()
	if !c.constant || o.root == 0 || c.kind != kind || o.kind != kind || c.to != n-1 || o.to != n-2 ||
		c.value < -reach || c.value > reach {
		v.push(operand{})
		return
	}
	if minus {
		c.value = -c.value
	}
	if o.above += c.value; o.above < -reach || o.above > reach {
		v.push(operand{})
		return
	}
	o.to = n
	v.push(operand{sum: o.sum})
}

func (v *values) access(in *code.Instruction, s *sum, n int) {
	if s.root == 0 || s.kind != code.I32 || in.Offset > reach {
		return
	}
	size := code.AccessBytes(in.Op)
	v.accesses = append(v.accesses, access{sum: *s, at: n, end: int64(in.Offset + size)})
}
