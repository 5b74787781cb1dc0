package wasmtest

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"

	"github.com/weft-network/weft/wasm/abi"
)

// The memory of a puppet.
const (
	PuppetPages = 4
	// ScriptData is where the data of a script lies.
	ScriptData = argsAt + 8
	// ScriptFree is free for a script: so many bytes from 0 on.
	ScriptFree = 1024

	resultsAt = ScriptFree
	argsAt    = 64 << 10
	argsCap   = (PuppetPages - 1) * page
)

// Functions of a puppet that are its own and no host's. Their arguments are
// i32, as the result is.
const (
	Grow     = "memory.grow" // by pages
	Size     = "memory.size"
	Peek     = "i32.load"  // at an address
	Poke     = "i32.store" // address, value
	GetVar   = "global.get"
	SetVar   = "global.set" // value
	Fail     = "unreachable"
	Quit     = "return"      // ends the script without a response of its own
	Spin     = "loop"        // for ever
	Count    = "count"       // how often a 32-bit value is in memory, aligned, below the arguments
	FillPage = "memory.fill" // address, value, length
)

// puppetParams is how many arguments a step has room for, of 8 bytes each;
// more than any host function takes.
const (
	puppetParams = 12
	stepBytes    = 8 + 8*puppetParams
)

// Puppet is a chaincode that does what it is told: its arguments are data and a
// script of calls of any function of the ABI or of WASI, with any arguments. It
// answers what the calls answered, by status 200.
func Puppet() []byte {
	m := NewModule()
	p := &puppet{m: m, functions: map[string]uint32{}}
	for _, name := range hostNames() {
		from, signature := hostFunction(name)
		p.functions[name] = m.Import(from, name, signature)
	}
	p.variable = m.Global('i', true, I32(0))
	return m.Finish(PuppetPages, "iiiii", p.invoke())
}

func hostNames() []string {
	return slices.Concat(slices.Sorted(maps.Keys(abi.Guest())), slices.Sorted(maps.Keys(abi.Preview1())))
}

func ownNames() []string {
	return []string{Grow, Size, Peek, Poke, GetVar, SetVar, Fail, Quit, Spin, Count, FillPage}
}

func hostFunction(name string) (module string, s abi.Signature) {
	if s, ok := abi.Guest()[name]; ok {
		return abi.Module, s
	}
	return abi.WASI, abi.Preview1()[name]
}

// PuppetFunctions are the names of the host functions that a puppet can call.
func PuppetFunctions() []string { return hostNames() }

// HostParams is how many arguments a host function takes.
func HostParams(name string) int {
	_, s := hostFunction(name)
	params, _ := Split(s)
	return len(params)
}

type puppet struct {
	m         *Module
	functions map[string]uint32
	variable  uint32
}

// locals of cc_invoke, besides the flags
const (
	at     = 1 // the step
	end    = 2 // of the script
	out    = 3 // where the next result goes
	again  = 4 // how often the step is still to be done
	answer = 5 // of the step
)

func (p *puppet) invoke() Code {
	fetch := Seq(I32(int32(abi.FieldArgs)), I32(argsAt), I32(argsCap), Call(p.functions["ctx_get"]), Drop,
		// After the count and the data comes the script.
		I32(argsAt), Load32(4), I32(ScriptData+4), I32Add, LocalTee(at),
		LocalGet(at), I32(4), I32Sub, Load32(0), I32Add, LocalSet(end),
		I32(resultsAt), LocalSet(out))
	turn := Loop(0,
		LocalGet(at), LocalGet(end), I32LtU,
		If(0,
			LocalGet(at), Load32(4), LocalSet(again),
			Loop(0, p.dispatch(), LocalGet(again), I32(1), I32Sub, LocalTee(again), BrIf(0)),
			LocalGet(out), LocalGet(answer), Store32(0),
			LocalGet(out), I32(4), I32Add, LocalSet(out),
			LocalGet(at), I32(stepBytes), I32Add, LocalSet(at),
			Br(1)))
	respond := Seq(I32(200), I32(0), I32(0), I32(resultsAt), LocalGet(out), I32(resultsAt), I32Sub,
		Call(p.functions["response_set"]), Drop, I32(0))
	return Seq(fetch, turn, respond)
}

// dispatch jumps to the step's function: one block within the other, the
// outermost being the end of them all.
func (p *puppet) dispatch() Code {
	names := slices.Concat(hostNames(), ownNames())
	depths := make([]uint32, len(names))
	for i := range depths {
		depths[i] = uint32(i)
	}
	code := Block(0, LocalGet(at), Load32(0), BrTable(depths...))
	for i, name := range names {
		leave := Br(uint32(len(names) - i - 1))
		code = Block(0, code, p.do(name), LocalSet(answer), leave)
	}
	return code
}

// param is an argument of the step.
func (p *puppet) param(i int, letter byte) Code {
	if letter == 'I' {
		return Seq(LocalGet(at), Access(0x29, uint32(8+8*i)))
	}
	return Seq(LocalGet(at), Load32(uint32(8+8*i)))
}

func (p *puppet) do(name string) Code {
	switch name {
	case Grow:
		return Seq(p.param(0, 'i'), MemoryGrow)
	case Size:
		return MemorySize
	case Peek:
		return Seq(p.param(0, 'i'), Load32(0))
	case Poke:
		return Seq(p.param(0, 'i'), p.param(1, 'i'), Store32(0), I32(0))
	case GetVar:
		return GlobalGet(p.variable)
	case SetVar:
		return Seq(p.param(0, 'i'), GlobalSet(p.variable), I32(0))
	case Fail:
		return Seq(Unreachable, I32(0))
	case Quit:
		return Seq(I32(0), Return)
	case Spin:
		return Seq(endless, I32(0))
	case Count:
		return p.count()
	case FillPage:
		return Seq(p.param(0, 'i'), p.param(1, 'i'), p.param(2, 'i'), MemoryFill, I32(0))
	}
	_, s := hostFunction(name)
	params, results := Split(s)
	var code Code
	for i := range params {
		code = Seq(code, p.param(i, params[i]))
	}
	code = Seq(code, Call(p.functions[name]))
	if results == "" {
		code = Seq(code, I32(0))
	}
	return code
}

// count looks at the words below the arguments and above the results; again
// serves as the pointer, so a count is not to be repeated.
func (p *puppet) count() Code {
	return Seq(I32(argsAt), LocalSet(again), I32(0), LocalSet(answer),
		Loop(0,
			LocalGet(again), I32(4), I32Sub, LocalTee(again), Load32(0), p.param(0, 'i'), I32Eq,
			LocalGet(answer), I32Add, LocalSet(answer),
			LocalGet(again), I32(2*resultsAt), I32Sub, BrIf(0)),
		I32(1), LocalSet(again), LocalGet(answer))
}

// Script is what a puppet is told to do.
type Script struct {
	data  []byte
	steps []byte
}

// NewScript begins a script whose data lies at ScriptData in the guest.
func NewScript(data []byte) *Script { return &Script{data: data} }

// Call adds a step. Missing arguments are zero.
func (s *Script) Call(name string, args ...uint64) *Script { return s.Repeat(1, name, args...) }

// Repeat adds a step that is done so many times, at least once; its answer is
// the last one.
func (s *Script) Repeat(times uint32, name string, args ...uint64) *Script {
	number := slices.Index(slices.Concat(hostNames(), ownNames()), name)
	if number < 0 || len(args) > puppetParams {
		panic(fmt.Sprintf("wasmtest: no step %s of %d arguments", name, len(args)))
	}
	step := binary.LittleEndian.AppendUint32(nil, uint32(number))
	step = binary.LittleEndian.AppendUint32(step, times)
	for _, arg := range args {
		step = binary.LittleEndian.AppendUint64(step, arg)
	}
	s.steps = append(s.steps, append(step, make([]byte, stepBytes-len(step))...)...)
	return s
}

// Args are the arguments of the call.
func (s *Script) Args() [][]byte { return [][]byte{s.data, s.steps} }

// Answers are what the steps answered, from the payload of the response.
func Answers(payload []byte) []int32 {
	answers := make([]int32, len(payload)/4)
	for i := range answers {
		answers[i] = int32(binary.LittleEndian.Uint32(payload[4*i:]))
	}
	return answers
}
