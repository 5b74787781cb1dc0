package wasmtest

import (
	"fmt"
	"math/rand/v2"

	"github.com/weft-network/weft/wasm/abi"
)

// Names of what a random module imports. Both are for the host of the test to
// give: mix is any pure function, see takes note of a number.
const (
	RandomHost = "test"
	RandomMix  = "mix" // ii:i
	RandomSee  = "see" // I:
)

// RandomSteps is how many functions may be entered and loops turned, together,
// in one call of an export of a random module. Below what the interpreter of
// wazero takes as depth (2,000), or the engines would differ there.
const RandomSteps = 400

// Random makes a module from a seed: functions f0, f1 … of any signature and
// all state exported, so that a run can be compared with another. It is valid,
// ends by itself (RandomSteps), and may trap.
//
// With canonical, the module itself makes each NaN that an instruction gives
// canonical; otherwise the bits are the engine's. The two are alike in all else.
func Random(seed uint64, canonical bool) []byte {
	g := &generator{
		rng:       rand.New(rand.NewPCG(seed, 0x77656674)),
		m:         NewModule(),
		canonical: canonical,
		ops:       map[byte][]op{},
		nan:       map[byte]uint32{},
	}
	for _, o := range numericOps() {
		_, result := Split(o.signature)
		g.ops[result[0]] = append(g.ops[result[0]], o)
	}
	return g.module()
}

type function struct {
	index     uint32
	signature abi.Signature
}

// label is where a branch may go: result is what it takes along.
type label struct{ result byte }

type generator struct {
	rng       *rand.Rand
	m         *Module
	canonical bool
	ops       map[byte][]op
	nan       map[byte]uint32 // function that makes a value canonical, by type

	mix, see uint32
	callees  []function  // what bodies may call
	table    []*function // what lies in the table; nil is an empty place
	globals  []global

	// of the body that is being made
	locals string // with the parameters
	result string
	labels []label
	left   int // how much more it may hold
}

type global struct {
	value   byte
	mutable bool
}

// steps is the index of the global that bounds a call.
const steps = 0

const letters = "iIfF"

func (g *generator) module() []byte {
	m := g.m
	g.mix = m.Import(RandomHost, RandomMix, "ii:i")
	g.see = m.Import(RandomHost, RandomSee, "I:")
	for range g.rng.IntN(3) {
		m.NewType(g.signature()) // shifts the others
	}
	g.nan['f'] = m.Func("f:f", "", LocalGet(0), F32(0x7fc00000), LocalGet(0), LocalGet(0), F32Eq, g.unlessEqual())
	g.nan['F'] = m.Func("F:F", "", LocalGet(0), F64(0x7ff8<<48), LocalGet(0), LocalGet(0), F64Eq, g.unlessEqual())

	pages := uint32(1 + g.rng.IntN(2))
	var most uint32
	if g.oneIn(2) {
		most = pages + uint32(g.rng.IntN(3))
	}
	m.Memory(pages, most)
	m.Export(abi.ExportMemory, KindMemory, 0)
	g.makeGlobals()
	g.makeFunctions()
	for range g.rng.IntN(3) {
		content := make([]byte, g.rng.IntN(40))
		for i := range content {
			content[i] = byte(g.rng.Uint32())
		}
		m.Data(int32(g.rng.IntN(2048)), content)
	}
	if g.oneIn(3) {
		m.Custom("name", []byte{0, 2, 1, 'm'})
	}
	return m.Bytes()
}

// unlessEqual picks the value itself where it equals itself. The operands lie
// the other way round for that: value, canonical, condition.
func (g *generator) unlessEqual() Code {
	if g.canonical {
		return Select
	}
	return Seq(Drop, Drop) // the value as it is
}

func (g *generator) oneIn(n int) bool { return g.rng.IntN(n) == 0 }

func (g *generator) letter() byte { return letters[g.rng.IntN(len(letters))] }

func (g *generator) signature() abi.Signature {
	var s []byte
	for range g.rng.IntN(4) {
		s = append(s, g.letter())
	}
	s = append(s, ':')
	if !g.oneIn(4) {
		s = append(s, g.letter())
	}
	return abi.Signature(s)
}

func (g *generator) makeGlobals() {
	g.m.Global('i', true, I32(RandomSteps))
	g.m.Export("steps", KindGlobal, steps)
	g.globals = []global{{'i', false}} // not for bodies to write
	for i := range 1 + g.rng.IntN(6) {
		gl := global{g.letter(), !g.oneIn(4)}
		index := g.m.Global(gl.value, gl.mutable, g.constant(gl.value))
		g.globals = append(g.globals, gl)
		if gl.mutable && g.oneIn(2) {
			g.m.Export(fmt.Sprintf("g%d", i), KindGlobal, index)
		}
	}
}

func (g *generator) makeFunctions() {
	m := g.m
	for range 2 + g.rng.IntN(6) {
		s := g.signature()
		g.callees = append(g.callees, function{m.Declare(s), s})
	}
	g.makeTable()
	for _, f := range g.callees {
		m.Define(f.index, g.begin(f.signature), g.body())
	}
	for i, f := range g.callees {
		m.Export(fmt.Sprintf("f%d", i), KindFunction, g.entry(f))
	}
	if g.oneIn(4) {
		for _, f := range g.callees {
			if f.signature == ":" {
				m.Start(f.index)
				break
			}
		}
	}
}

func (g *generator) makeTable() {
	g.table = make([]*function, 1+g.rng.IntN(8))
	g.m.Table(uint32(len(g.table)), uint32(g.rng.IntN(2)*(len(g.table)+3)))
	for at := range g.table {
		if !g.oneIn(5) {
			g.table[at] = &g.callees[g.rng.IntN(len(g.callees))]
			g.m.Elements(int32(at), g.table[at].index)
		}
	}
}

// entry is a function that gives f the steps it may take.
func (g *generator) entry(f function) uint32 {
	params, _ := Split(f.signature)
	code := Seq(I32(RandomSteps), GlobalSet(steps))
	for i := range params {
		code = Seq(code, LocalGet(uint32(i)))
	}
	return g.m.Func(f.signature, "", code, Call(f.index))
}

// begin sets the generator on a new body and answers its locals.
func (g *generator) begin(s abi.Signature) string {
	params, results := Split(s)
	var locals []byte
	for range g.rng.IntN(6) {
		locals = append(locals, g.letter())
	}
	g.locals = params + string(locals)
	g.result = results
	g.labels = []label{{resultOf(results)}}
	g.left = 20 + g.rng.IntN(120)
	return string(locals)
}

func resultOf(results string) byte {
	if results == "" {
		return 0
	}
	return results[0]
}

func (g *generator) body() Code {
	code := Seq(g.spend(), g.statements(2+g.rng.IntN(6)))
	if g.result != "" {
		code = Seq(code, g.expression(g.result[0], 4))
	}
	return code
}

// spend returns when the steps are used up, and takes one otherwise.
func (g *generator) spend() Code {
	var answer Code
	if g.result != "" {
		answer = g.constant(g.result[0])
	}
	return Seq(GlobalGet(steps), I32Eqz, If(0, answer, Return),
		GlobalGet(steps), I32(1), I32Sub, GlobalSet(steps))
}

func (g *generator) constant(value byte) Code {
	switch value {
	case 'i':
		return I32(int32(g.interesting()))
	case 'I':
		return I64(int64(g.interesting()))
	case 'f':
		return F32(g.float32Bits())
	}
	return F64(g.float64Bits())
}

// interesting numbers lie at the borders.
func (g *generator) interesting() uint64 {
	switch g.rng.IntN(5) {
	case 0:
		return uint64(g.rng.IntN(8)) - 3
	case 1:
		return 1<<g.rng.IntN(64) - uint64(g.rng.IntN(2))
	case 2:
		return uint64(g.rng.IntN(70_000))
	}
	return g.rng.Uint64() >> g.rng.IntN(64)
}

// float32Bits answers no signalling NaN: what a mere copy of one gives, the
// host's floating point unit may have touched where the interpreter copies.
func (g *generator) float32Bits() uint32 {
	picks := []uint32{0, 1 << 31, 0x3f800000, 0x7f800000, 0xff800000, 0x7fc00000, 0xffc00001, 1, 0x4f000000, 0xcf000001, 0x5f000000}
	if g.oneIn(2) {
		return picks[g.rng.IntN(len(picks))]
	}
	bits := g.rng.Uint32()
	if bits&0x7f800000 == 0x7f800000 {
		bits |= 1 << 22
	}
	return bits
}

func (g *generator) float64Bits() uint64 {
	picks := []uint64{0, 1 << 63, 0x3ff0 << 48, 0x7ff0 << 48, 0xfff0 << 48, 0x7ff8 << 48, 0xfff8<<48 | 1, 1, 0x41e0 << 48, 0xc1e0 << 48, 0x43e0 << 48}
	if g.oneIn(2) {
		return picks[g.rng.IntN(len(picks))]
	}
	bits := g.rng.Uint64()
	if bits&(0x7ff<<52) == 0x7ff<<52 {
		bits |= 1 << 51
	}
	return bits
}
