package code

import (
	"errors"
	"fmt"
)

// Instruction is one instruction of a body.
type Instruction struct {
	Op uint16
	// Raw is the instruction as it stands in the module.
	Raw []byte
	// Index is the label, function, type, local or global that it names.
	Index uint32
	// Constant is the number that i32.const or i64.const leaves.
	Constant int64
	// Align and Offset are those of a load or a store.
	Align, Offset uint32
	// Labels are those of br_table, the default last. The next instruction
	// reuses them.
	Labels []uint32
	// Block is the type of a block, loop or if: a value type or Void.
	Block byte
	// Dead says that control cannot come here: an unconditional branch stands
	// before it in the same block.
	Dead bool
	// Closes is the opcode of the block that end or else closes; OpBlock for
	// the body itself.
	Closes byte
	// Targeted says of an end that something branches to the block's end; it
	// is always true of an if, since its condition does.
	Targeted bool
}

// frame is an open block.
type frame struct {
	op       byte
	dead     bool // from its beginning
	ended    bool // by an unconditional branch
	targeted bool
	elsed    bool
}

// Body reads the instructions of one function. It refuses blocks that do not
// close, and labels, locals, globals, functions and types that do not exist.
type Body struct {
	r      reader
	module *Module
	frames []frame
	labels []uint32
	// Locals is the number of parameters and local variables.
	Locals uint32
	// Groups are the declared local variables as they stand in the module,
	// without their count, which is Declared.
	Groups   []byte
	Declared uint32
	start    int
}

// Open begins to read the i-th body of the module. The Body may be reused.
func (b *Body) Open(m *Module, i int) error {
	b.r = reader{b: m.Bodies[i]}
	b.module = m
	b.frames = append(b.frames[:0], frame{op: OpBlock})
	r := &b.r
	b.Declared = r.u32()
	from := r.at
	sum := uint64(len(m.Types[m.Functions[i]].Params))
	for n := b.Declared; n > 0 && r.err == nil; n-- {
		sum += uint64(r.u32())
		r.valueType()
	}
	if r.err != nil {
		return r.err
	}
	if sum > maxLocals {
		return fmt.Errorf("%d local variables", sum)
	}
	b.Groups = r.b[from:r.at]
	b.Locals = uint32(sum)
	return nil
}

// maxLocals is what any engine refuses, far above what check takes; below it
// sums of locals fit in an u32.
const maxLocals = 50_000

// Depth is the number of open blocks; 0 is the body's own level.
func (b *Body) Depth() int { return len(b.frames) - 1 }

// Err is what stopped Next.
func (b *Body) Err() error {
	if b.r.err == nil {
		return nil
	}
	return fmt.Errorf("byte %d: %w", b.start, b.r.err)
}

// Next reads one instruction and says whether there was one. The last one is
// the end of the body. Afterwards Err is to be asked.
func (b *Body) Next(in *Instruction) bool {
	r := &b.r
	b.start = r.at
	if len(b.frames) == 0 {
		if r.more() {
			r.fail(errors.New("instructions after the end of the function"))
		}
		return false
	}
	op := r.byte()
	if r.err != nil {
		return false
	}
	top := &b.frames[len(b.frames)-1]
	in.Op = uint16(op)
	in.Dead = top.dead || top.ended
	switch kinds[op] {
	case plain:
		b.plain(in, top)
	case block:
		b.open(in, op)
	case label:
		in.Index = b.label(in.Dead)
		top.ended = top.ended || op == OpBr
	case labels:
		b.table(in)
		top.ended = true
	case function:
		in.Index = b.index(uint32(len(b.module.Imports)+len(b.module.Functions)), "function")
	case indirect:
		in.Index = b.index(uint32(len(b.module.Types)), "type")
		b.tables(r.u32())
	case local:
		in.Index = b.index(b.Locals, "local variable")
	case global:
		in.Index = b.index(uint32(len(b.module.Globals)), "global")
	case access:
		b.access(in, op)
	case oneMemory:
		b.memory(r.byte())
	case i32:
		in.Constant = r.signed(32)
	case i64:
		in.Constant = r.signed(64)
	case f32:
		r.take(4)
	case f64:
		r.take(8)
	case prefixed:
		b.prefixed(in)
	case refused:
		r.fail(refuse(fmt.Sprintf("instruction %#x", op), feature(op)))
	}
	in.Raw = r.b[b.start:r.at]
	return r.err == nil
}

// plain handles instructions without operands, some of which end blocks.
func (b *Body) plain(in *Instruction, top *frame) {
	switch in.Op {
	case OpUnreachable, OpReturn:
		top.ended = true
	case OpElse:
		if top.op != OpIf || top.elsed {
			b.r.fail(errors.New("an else without if"))
			return
		}
		top.elsed, top.ended = true, false
		in.Closes = OpIf
	case OpEnd:
		in.Closes = top.op
		in.Targeted = top.targeted || top.op == OpIf
		b.frames = b.frames[:len(b.frames)-1]
	}
}

func (b *Body) open(in *Instruction, op byte) {
	t := b.r.byte()
	switch {
	case t == Void || t >= F64 && t <= I32:
	case t < Void || t >= 0x80: // not one of the negative numbers of a byte
		b.r.fail(refuse("a block whose type is in the type section", "multiple values"))
	default:
		b.r.fail(fmt.Errorf("block type %#x is not available to chaincode%s", t, typeFeature(t)))
	}
	in.Block = t
	b.frames = append(b.frames, frame{op: op, dead: in.Dead})
}

// index reads an index and refuses one that is not below the number of things.
func (b *Body) index(n uint32, what string) uint32 {
	i := b.r.u32()
	if i >= n && b.r.err == nil {
		b.r.fail(fmt.Errorf("there is no %s %d", what, i))
	}
	return i
}

func (b *Body) label(dead bool) uint32 {
	l := b.index(uint32(len(b.frames)), "block to branch to:")
	if b.r.err == nil && !dead {
		b.frames[len(b.frames)-1-int(l)].targeted = true
	}
	return l
}

func (b *Body) table(in *Instruction) {
	n := b.r.u32()
	if uint64(n) >= uint64(b.r.left()) {
		b.r.fail(errShort)
		return
	}
	b.labels = b.labels[:0]
	for range n + 1 {
		b.labels = append(b.labels, b.label(in.Dead))
		if b.r.err != nil {
			return
		}
	}
	in.Labels = b.labels
}

func (b *Body) tables(i uint32) {
	if b.r.err == nil && (i != 0 || b.module.Table == nil) {
		b.r.fail(fmt.Errorf("there is no table %d", i))
	}
}

// memory checks an instruction's index of the memory.
func (b *Body) memory(i byte) {
	switch {
	case b.r.err != nil:
	case i != 0:
		b.r.fail(refuse("a memory other than the first", "multiple memories"))
	case b.module.Memory == nil:
		b.r.fail(errors.New("there is no memory"))
	}
}

func (b *Body) access(in *Instruction, op byte) {
	align := b.r.u32()
	in.Align, in.Offset = align, b.r.u32()
	if b.r.err != nil {
		return
	}
	switch {
	case align >= 0x40:
		b.r.fail(refuse("a memory other than the first", "multiple memories"))
	case align > uint32(naturalAlign[op-0x28]):
		b.r.fail(fmt.Errorf("alignment of 2^%d is above the natural one", align))
	}
	b.memory(0)
}

func (b *Body) prefixed(in *Instruction) {
	op := b.r.u32()
	switch {
	case b.r.err != nil:
		return
	case op <= 7: // saturating conversions
	case op == OpMemoryCopy&0xff:
		b.memory(b.r.byte())
		b.memory(b.r.byte())
	case op == OpMemoryFill&0xff:
		b.memory(b.r.byte())
	default:
		b.r.fail(refuse(fmt.Sprintf("instruction 0xfc %d", op), bulkFeature(op)))
		return
	}
	in.Op = 0xfc00 | uint16(op)
}
