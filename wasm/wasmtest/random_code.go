package wasmtest

// maxNesting keeps blocks within each other readable.
const maxNesting = 6

// statements leave the stack as it was.
func (g *generator) statements(n int) Code {
	var code Code
	for range n {
		if g.left--; g.left < 0 {
			break
		}
		code = append(code, g.statement()...)
	}
	return code
}

func (g *generator) statement() Code {
	if len(g.labels) < maxNesting {
		switch g.rng.IntN(9) {
		case 0:
			return g.nest(0, func() Code { return Block(0, g.statements(4), g.leave()) })
		case 1:
			return g.loop()
		case 2:
			return Seq(g.expression('i', 3), g.nest(0, func() Code { return If(0, g.statements(3), g.leave()) }))
		case 3:
			return Seq(g.expression('i', 3), g.nest(0, func() Code {
				return IfElse(0, Seq(g.statements(3), g.leave()), Seq(g.statements(3), g.leave()))
			}))
		}
	}
	switch g.rng.IntN(12) {
	case 0, 1:
		if g.locals != "" {
			i := g.rng.IntN(len(g.locals))
			return Seq(g.expression(g.locals[i], 4), LocalSet(uint32(i)))
		}
	case 2, 3:
		if i := g.rng.IntN(len(g.globals)); g.globals[i].mutable {
			return Seq(g.expression(g.globals[i].value, 4), GlobalSet(uint32(i)))
		}
	case 4, 5:
		list := stores()
		s := list[g.rng.IntN(len(list))]
		return Seq(g.address(), g.expression(s.value, 3), Access(s.op, uint32(g.rng.IntN(64))))
	case 6:
		return Seq(g.address(), g.expression('i', 2), g.length(), MemoryFill)
	case 7:
		return Seq(g.address(), g.address(), g.length(), MemoryCopy)
	case 8:
		return g.call(0)
	case 9:
		return g.conditional()
	case 10:
		return Nop
	}
	return Seq(g.expression(g.letter(), 4), Drop)
}

// nest makes the inside of a block with one label more.
func (g *generator) nest(result byte, inside func() Code) Code {
	g.labels = append(g.labels, label{result})
	code := inside()
	g.labels = g.labels[:len(g.labels)-1]
	return code
}

// loop turns as long as a condition holds and there are steps.
func (g *generator) loop() Code {
	return g.nest(0, func() Code {
		var again Code
		if !g.oneIn(4) {
			again = Seq(g.expression('i', 3), BrIf(0))
		}
		return Loop(0, g.spend(), g.statements(4), again, g.leave())
	})
}

// leave sometimes ends a stretch for good, with dead code after it.
func (g *generator) leave() Code {
	if !g.oneIn(4) {
		return nil
	}
	return Seq(g.jump(), g.dead())
}

// jump is an instruction after which nothing is reached.
func (g *generator) jump() Code {
	depth := g.rng.IntN(len(g.labels))
	target := g.labels[len(g.labels)-1-depth]
	var value Code
	if target.result != 0 {
		value = g.expression(target.result, 2)
	}
	switch g.rng.IntN(6) {
	case 0:
		if g.result == "" {
			return Return
		}
		return Seq(g.expression(g.result[0], 2), Return)
	case 1:
		if g.oneIn(4) {
			return Unreachable
		}
	case 2, 3:
		return Seq(value, g.expression('i', 2), g.branchTable(target.result))
	}
	return Seq(value, Br(uint32(depth)))
}

// branchTable has only labels that take the same along.
func (g *generator) branchTable(result byte) Code {
	var alike []uint32
	for depth := range g.labels {
		if g.labels[len(g.labels)-1-depth].result == result {
			alike = append(alike, uint32(depth))
		}
	}
	depths := make([]uint32, 1+g.rng.IntN(5))
	for i := range depths {
		depths[i] = alike[g.rng.IntN(len(alike))]
	}
	return BrTable(depths...)
}

// conditional is a br_if that leaves nothing behind.
func (g *generator) conditional() Code {
	depth := g.rng.IntN(len(g.labels))
	target := g.labels[len(g.labels)-1-depth]
	if target.result == 0 {
		return Seq(g.expression('i', 3), BrIf(uint32(depth)))
	}
	return Seq(g.expression(target.result, 2), g.expression('i', 2), BrIf(uint32(depth)), Drop)
}

// dead code is typed against a stack that holds whatever is asked of it.
func (g *generator) dead() Code {
	switch g.rng.IntN(8) {
	case 0:
		return Seq(I32Add, Drop)
	case 1:
		return Seq(Drop, Drop, Nop)
	case 2:
		return Seq(Select, Drop)
	case 3:
		return Seq(MemoryGrow, If(0, Unreachable, I32Mul, Drop))
	case 4:
		return Seq(F64Add, Code{0xbd}, Drop) // operands from nowhere
	case 5:
		return Seq(Loop('i', Code{opUnreachable}), Drop, Block(0, Br(0), MemoryFill))
	case 6:
		return g.statements(2)
	}
	return nil
}

// address is within the first page, or anywhere once in a while.
func (g *generator) address() Code {
	if g.oneIn(40) {
		return g.expression('i', 2)
	}
	return Seq(g.expression('i', 2), I32(0x7fff), I32And)
}

func (g *generator) length() Code {
	if g.oneIn(40) {
		return g.expression('i', 2)
	}
	return Seq(g.expression('i', 2), I32(0x3ff), I32And)
}

// call calls a function of the module or of the host, and leaves a value of the
// type, or nothing.
func (g *generator) call(result byte) Code {
	if result == 0 && g.oneIn(4) {
		return Seq(g.expression('I', 2), Call(g.see))
	}
	if result == 'i' && g.oneIn(4) {
		return Seq(g.expression('i', 2), g.expression('i', 2), Call(g.mix))
	}
	f := g.callees[g.rng.IntN(len(g.callees))]
	params, results := Split(f.signature)
	var code Code
	for i := range params {
		code = Seq(code, g.expression(params[i], 2))
	}
	if at, ok := g.place(f); ok && g.oneIn(2) {
		code = Seq(code, at, CallIndirect(g.m.Type(f.signature)))
	} else {
		code = Seq(code, Call(f.index))
	}
	switch resultOf(results) {
	case result:
		return code
	case 0:
		return Seq(code, g.constant(result))
	}
	if result == 0 {
		return Seq(code, Drop)
	}
	return Seq(code, Drop, g.constant(result))
}

// place is where in the table f lies, if it does; seldom any place.
func (g *generator) place(f function) (at Code, ok bool) {
	if g.oneIn(20) {
		return g.expression('i', 1), true
	}
	for at, there := range g.table {
		if there != nil && there.index == f.index {
			return I32(int32(at)), true
		}
	}
	return nil, false
}

// expression leaves one value of the type.
func (g *generator) expression(value byte, depth int) Code {
	if g.left--; g.left < 0 || depth == 0 {
		return g.leaf(value)
	}
	switch g.rng.IntN(16) {
	case 0, 1:
		return g.leaf(value)
	case 2, 3:
		return g.load(value)
	case 4:
		return Seq(g.expression(value, depth-1), g.expression(value, depth-1), g.expression('i', depth-1), Select)
	case 5:
		return g.call(value)
	case 6:
		if len(g.labels) < maxNesting {
			return g.nest(value, func() Code { return Block(value, g.statements(2), g.finish(value, depth)) })
		}
	case 7:
		if len(g.labels) < maxNesting {
			return Seq(g.expression('i', depth-1), g.nest(value, func() Code {
				return IfElse(value, Seq(g.statements(1), g.finish(value, depth)), g.finish(value, depth))
			}))
		}
	case 8:
		for i := range g.locals {
			if g.locals[i] == value {
				return Seq(g.expression(value, depth-1), LocalTee(uint32(i)))
			}
		}
	case 9:
		if value == 'i' {
			return g.memorySize(depth)
		}
	case 10:
		if depth := g.rng.IntN(len(g.labels)); g.labels[len(g.labels)-1-depth].result == value {
			return Seq(g.expression(value, 2), g.expression('i', 2), BrIf(uint32(depth)))
		}
	case 11:
		if len(g.labels) < maxNesting {
			return g.nest(0, func() Code { return Loop(value, g.spend(), g.statements(2), g.expression(value, depth-1)) })
		}
	}
	return g.numeric(value, depth)
}

// finish ends a block of a type: with a value, or by leaving.
func (g *generator) finish(value byte, depth int) Code {
	code := g.expression(value, depth-1)
	if g.oneIn(5) {
		return Seq(code, g.jump())
	}
	return code
}

func (g *generator) leaf(value byte) Code {
	if g.oneIn(2) {
		for _, i := range g.rng.Perm(len(g.locals)) {
			if g.locals[i] == value {
				return LocalGet(uint32(i))
			}
		}
	}
	if g.oneIn(2) {
		for _, i := range g.rng.Perm(len(g.globals)) {
			if i != steps && g.globals[i].value == value {
				return GlobalGet(uint32(i))
			}
		}
	}
	return g.constant(value)
}

func (g *generator) load(value byte) Code {
	list := loads()
	for {
		if l := list[g.rng.IntN(len(list))]; l.value == value {
			return Seq(g.address(), Access(l.op, uint32(g.rng.IntN(64))))
		}
	}
}

func (g *generator) memorySize(depth int) Code {
	if g.oneIn(2) {
		return MemorySize
	}
	if g.oneIn(8) {
		return Seq(g.expression('i', depth-1), MemoryGrow)
	}
	return Seq(I32(int32(g.rng.IntN(2))), MemoryGrow)
}

func (g *generator) numeric(value byte, depth int) Code {
	o := g.ops[value][g.rng.IntN(len(g.ops[value]))]
	for o.traps() && !g.oneIn(10) {
		o = g.ops[value][g.rng.IntN(len(g.ops[value]))]
	}
	params, _ := Split(o.signature)
	var code Code
	for i := range params {
		code = Seq(code, g.expression(params[i], depth-1))
	}
	code = Seq(code, o.code)
	if o.nan {
		code = Seq(code, Call(g.nan[value]))
	}
	return code
}
