package meter

import "github.com/weft-network/weft/wasm/internal/code"

// opened is a block of the guest that is open.
type opened struct {
	level int  // of the emitted block that branches to it go to
	loop  bool // with a test at its head
	dead  bool // cannot be reached
	// owed is what is pending wherever control comes to the block's label;
	// known, that the first way there has decided it.
	owed  int64
	known bool
}

// to is the block that a label of the guest's means.
func (f *function) to(label uint32) *opened {
	return &f.blocks[len(f.blocks)-1-int(label)]
}

// label is the emitted label of a block: more are open than the guest knows.
func (f *function) label(b *opened) uint32 { return uint32(f.level - b.level) }

// open emits the beginning of a block.
func (f *function) open(op, result byte) {
	f.out = append(f.out, op, result)
	f.level++
}

// begin emits the beginning of one of the guest's blocks.
func (f *function) begin(in *code.Instruction) {
	b := opened{dead: in.Dead, known: f.strict}
	switch {
	case in.Dead || in.Op == code.OpBlock:
		f.open(byte(in.Op), in.Block)
		b.level = f.level
	case in.Op == code.OpIf:
		if f.strict {
			f.chargeTo(0)
		}
		f.open(code.OpIf, in.Block)
		// Without an else, the condition leads to the label, too.
		b.level, b.owed, b.known = f.level, f.pending, true
	default:
		b.level, b.loop, b.known = f.openLoop(in.Block), true, true
	}
	f.blocks = append(f.blocks, b)
}

// openLoop emits the beginning of a loop and the test at its head:
//
//	loop                 ;; where fuel is bought
//	  fuel < 0 ? refill
//	  loop               ;; the guest's, the level that is answered
//	    fuel >= 0
//	    if
//	      …
//	    else
//	      br 2
//	    end
//	  end
//	end
//
// If refill were called in the guest's loop itself, the compiler would keep all
// that lives around the call in memory on every turn; a loop of a few
// instructions took twice as long.
func (f *function) openLoop(result byte) (level int) {
	f.chargeTo(0)
	f.open(code.OpLoop, result)
	f.test()
	f.open(code.OpLoop, result)
	level = f.level
	f.op1(code.OpLocalGet, uint32(f.budget))
	f.out = append(f.out, code.OpI64Const, 0, code.OpI64GeS)
	f.open(code.OpIf, result)
	return level
}

func (f *function) closeLoop() {
	f.out = append(f.out, code.OpElse, code.OpBr, 2, code.OpEnd, code.OpEnd)
	f.level -= 2
}

// alternative emits an else.
func (f *function) alternative(in *code.Instruction) {
	b := f.to(0)
	if !in.Dead {
		f.settle(b)
	}
	f.pending = b.owed
	f.out = append(f.out, code.OpElse)
}

// end emits the end of one of the guest's blocks.
func (f *function) end(in *code.Instruction) {
	b := f.to(0)
	switch {
	case b.loop:
		f.closeLoop() // control only comes from above: labels lead to the head
		if in.Dead {
			f.pending = 0
		}
	case in.Dead:
		f.pending = b.owed
	case b.known:
		f.settle(b)
	}
	f.blocks = f.blocks[:len(f.blocks)-1]
	f.out = append(f.out, code.OpEnd)
	f.level--
}

// branch emits a branch or return.
func (f *function) branch(in *code.Instruction) {
	switch in.Op {
	case code.OpReturn:
		b := &f.blocks[0]
		if !in.Dead {
			f.settle(b)
		}
		f.op1(code.OpBr, f.label(b))
	case code.OpBrTable:
		if !in.Dead {
			f.settleAll(in.Labels)
		}
		f.op1(code.OpBrTable, uint32(len(in.Labels)-1))
		for _, l := range in.Labels {
			f.out = code.AppendU32(f.out, f.label(f.to(l)))
		}
	default:
		b := f.to(in.Index)
		if !in.Dead {
			f.settle(b)
		}
		f.op1(byte(in.Op), f.label(b))
	}
}

// settle charges so that as much is pending as the block's label expects. The
// first way to a label charges nothing.
func (f *function) settle(b *opened) {
	if !b.known {
		b.owed, b.known = f.pending, true
	}
	f.chargeTo(b.owed)
}

// settleAll does so for several labels, which must agree. If they do not, the
// function is rewritten in the strict way, where they do.
func (f *function) settleAll(labels []uint32) {
	owed, known := f.pending, false
	for _, l := range labels {
		b := f.to(l)
		if b.known && known && owed != b.owed {
			f.conflict = true
			return
		}
		if b.known {
			owed, known = b.owed, true
		}
	}
	f.chargeTo(owed)
	for _, l := range labels {
		f.settle(f.to(l))
	}
}
