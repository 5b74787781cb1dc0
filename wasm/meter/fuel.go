package meter

import "github.com/weft-network/weft/wasm/internal/code"

// The schedule: what instructions cost, in units of fuel. One unit is some tenths
// of a nanosecond of a processor of today.
const (
	costInstruction = 1
	// costCall is for the call itself; a frame is made and left.
	costCall = 5
	// costGrow is for memory.grow, which goes through the host.
	costGrow = 50
	// costBulk is for memory.copy and memory.fill of nothing; each 8 bytes,
	// 1<<bulkShift, cost a unit more.
	costBulk  = 5
	bulkShift = 3
	// costNaN is for making a result canonical, on top of the instruction.
	costNaN = 6
	// costDepth is for counting the depth, in a function that calls.
	costDepth = 12
)

// untestedCost is what a function may cost at most to need no test when it is
// entered, provided that it calls nothing. A body of check.MaxBodyBytes can
// call such functions 65,000 times in a row, so that this bounds the work
// between two tests to some 4 million units.
const untestedCost = 64

// cost of an instruction, without what depends on a length.
func cost(op uint16) uint64 {
	switch op {
	case code.OpBlock, code.OpElse, code.OpEnd, code.OpNop:
		return 0
	case code.OpCall, code.OpCallIndirect:
		return costCall
	case code.OpMemoryGrow:
		return costGrow
	case code.OpMemoryCopy, code.OpMemoryFill:
		return costBulk
	}
	if floats(op) != 0 {
		return costInstruction + costNaN
	}
	return costInstruction
}

// The fuel is kept in a local variable, which compilers keep in a register. It
// is in its global wherever others may look: at calls, refill and the end.

// load takes the fuel from its global, store puts it there.
func (f *function) load() {
	f.op1(code.OpGlobalGet, f.fuel)
	f.op1(code.OpLocalSet, uint32(f.budget))
}

func (f *function) store() {
	f.op1(code.OpLocalGet, uint32(f.budget))
	f.op1(code.OpGlobalSet, f.fuel)
}

// subtract leaves the fuel less a cost on the stack. A cost below zero gives
// back what was charged on another way.
func (f *function) subtract(cost int64) {
	f.op1(code.OpLocalGet, uint32(f.budget))
	if cost == 0 {
		return
	}
	f.out = code.AppendSigned(append(f.out, code.OpI64Const), cost)
	f.out = append(f.out, code.OpI64Sub)
}

// chargeTo charges all that is pending but for what is owed from here on.
func (f *function) chargeTo(owed int64) {
	if f.pending != owed {
		f.subtract(f.pending - owed)
		f.op1(code.OpLocalSet, uint32(f.budget))
		f.pending = owed
	}
}

// chargeGlobal charges all that is pending, and stores.
func (f *function) chargeGlobal() {
	f.subtract(f.pending)
	f.op1(code.OpGlobalSet, f.fuel)
	f.pending = 0
}

// chargeLength charges all that is pending and for the length on top of the
// stack, and tests.
func (f *function) chargeLength() {
	length := f.local(&f.length, code.I32)
	f.op1(code.OpLocalTee, length)
	f.subtract(f.pending)
	f.op1(code.OpLocalGet, length)
	f.out = append(f.out, code.OpI64ExtendU, code.OpI64Const, bulkShift, code.OpI64ShrU, code.OpI64Sub)
	f.op1(code.OpLocalSet, uint32(f.budget))
	f.pending = 0
	f.test()
}

// test emits a call of refill where no fuel is left.
func (f *function) test() {
	f.op1(code.OpLocalGet, uint32(f.budget))
	f.out = append(f.out, code.OpI64Const, 0, code.OpI64LtS, code.OpIf, code.Void)
	f.store()
	f.op1(code.OpCall, f.imports) // refill is the last import
	f.load()
	f.out = append(f.out, code.OpEnd)
}

// op1 emits an instruction with an index.
func (f *function) op1(op byte, index uint32) {
	f.out = code.AppendU32(append(f.out, op), index)
}
