package wasmtest

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strconv"

	"github.com/weft-network/weft/wasm/abi"
)

const page = 64 << 10

// EndlessLoop never returns.
func EndlessLoop() []byte { return Chaincode(1, "", endless, Unreachable) }

var endless = Loop(0, Br(0))

// EndlessStart never gets as far as its exports: its start function loops.
func EndlessStart() []byte {
	m := NewModule()
	m.Start(m.Func(":", "", endless))
	return m.Finish(1, "", I32(0))
}

// EndlessInit loops in cc_init, or in an optional export of the ABI that the
// runtime runs at install.
func EndlessInit(export string) []byte {
	m := NewModule()
	m.Memory(1, 0)
	m.Export(abi.ExportMemory, KindMemory, 0)
	bodies := map[string]Code{abi.ExportVersion: I32(abi.Major<<16 | abi.Minor), abi.ExportInit: I32(0)}
	if signature, ok := abi.OptionalExports()[export]; ok {
		m.Export(export, KindFunction, m.Func(signature, "", Seq(endless, Unreachable)))
	}
	for _, name := range []string{abi.ExportVersion, abi.ExportInit} {
		body := bodies[name]
		if name == export {
			body = Seq(endless, Unreachable)
		}
		m.Export(name, KindFunction, m.Func(":i", "", body))
	}
	m.Export(abi.ExportInvoke, KindFunction, m.Func("i:i", "", I32(0)))
	return m.Bytes()
}

// ExponentialCalls makes 2^levels calls without a single loop.
func ExponentialCalls(levels int) []byte {
	m := NewModule()
	last := m.Func(":", "", Nop)
	for range levels {
		last = m.Func(":", "", Call(last), Call(last))
	}
	return m.Finish(1, "", Call(last), I32(0))
}

// FillBomb fills bytes of memory again and again, without a loop.
func FillBomb(fills int, bytes int32) []byte {
	return bulkBomb(fills, bytes, Seq(I32(0), I32(7), I32(bytes), MemoryFill))
}

// CopyBomb is FillBomb with memory.copy onto itself.
func CopyBomb(copies int, bytes int32) []byte {
	return bulkBomb(copies, bytes, Seq(I32(0), I32(0), I32(bytes), MemoryCopy))
}

// bulkBomb does one thing many times: a thousand in one function, since check
// takes little more.
func bulkBomb(times int, bytes int32, one Code) []byte {
	const inOne = 1000
	m := NewModule()
	var calls Code
	for ; times > 0; times -= inOne {
		calls = append(calls, Call(m.Func(":", "", Repeat(min(times, inOne), one)))...)
	}
	return m.Finish(uint32(bytes+page-1)/page, "", calls, I32(0))
}

// GrowBomb grows its memory page by page and touches each, until it is told
// that there is no more; then it tries to grow by −1 (65,535 pages and more),
// and answers how large its memory is and what each failure answered: three
// little-endian i32.
func GrowBomb() []byte {
	m := NewModule()
	respond := m.Host("response_set")
	const size, failed = 1, 2
	return m.Finish(1, "ii",
		Loop(0,
			I32(1), MemoryGrow, LocalTee(size), I32(-1), I32Ne,
			If(0,
				LocalGet(size), I32(page), I32Mul, I32(1), Store8(0),
				Br(1),
			),
		),
		I32(-1), MemoryGrow, LocalSet(failed),
		I32(0), MemorySize, Store32(0),
		I32(0), LocalGet(size), Store32(4),
		I32(0), LocalGet(failed), Store32(8),
		I32(200), I32(0), I32(0), I32(0), I32(12), Call(respond), Drop,
		I32(0))
}

// Recursion calls itself without end. Each frame has as many locals, which
// stay alive over the call.
func Recursion(locals int) []byte {
	m := NewModule()
	m.Import(abi.Module, "error_read", abi.Guest()["error_read"])
	f := m.Declare("I:I")
	names := make([]byte, locals)
	var before, after Code
	for i := range locals {
		names[i] = 'I'
		before = Seq(before, LocalGet(0), I64(int64(i)), I64Add, LocalSet(uint32(i+1)))
		after = Seq(after, LocalGet(uint32(i+1)), I64Add)
	}
	m.Define(f, string(names), before, LocalGet(0), I64(1), I64Add, Call(f), after)
	return m.Finish(1, "", I64(0), Call(f), Drop, I32(0))
}

// MutualRecursion is Recursion through a table.
func MutualRecursion() []byte {
	m := NewModule()
	m.Table(2, 0)
	f, g := m.Declare("i:i"), m.Declare("i:i")
	call := Seq(LocalGet(0), I32(1), I32Add, LocalGet(0), I32(1), I32And, CallIndirect(m.Type("i:i")), I32(1), I32Add)
	m.Define(f, "", call)
	m.Define(g, "", call)
	m.Elements(0, f, g)
	return m.Finish(1, "", I32(0), Call(f), Drop, I32(0))
}

// Bomb is a module that would cost a compiler, or whoever instantiates it, far
// more than its size.
type Bomb struct {
	Name string
	Code []byte
}

// Bombs are all refused by their bytes.
func Bombs() []Bomb {
	return []Bomb{
		{"50,000 loops in one body", Chaincode(1, "", Repeat(50_000, Loop(0)), I32(0))},
		{"40,000 loops in 120 KB", Chaincode(1, "", Repeat(40_000, Loop(0)), I32(0))},
		{"60,000 blocks opened and closed in turns", Chaincode(1, "", nested(30_000), I32(0))},
		{"50,000 nested blocks", Chaincode(1, "", nested(50_000), I32(0))},
		{"20,000 if/else", Chaincode(1, "", Repeat(20_000, Seq(LocalGet(0), IfElse(0, Nop, Nop))), I32(0))},
		{"a br_table of 60,000 labels", Chaincode(1, "", Block(0, LocalGet(0), BrTable(make([]uint32, 60_000)...)), I32(0))},
		{"a body of 1 MiB", Chaincode(1, "", Repeat(1<<20, Nop), I32(0))},
		{"a million functions", manyFunctions(1_000_000)},
		{"a million globals", manyGlobals(1_000_000)},
		{"a million types", manyTypes(1_000_000)},
		{"a type of 1,000 parameters", longType(1_000)},
		{"10,000 types of 100 parameters", manyLongTypes(10_000, 100)},
		{"2^32-1 locals", hugeLocals()},
		{"4,097 locals", Chaincode(1, string(bytes.Repeat([]byte{'i'}, 4_097)), I32(0))},
		{"a table of 2^27 entries", withTables(1, 1<<27)},
		{"100 tables of a million entries", withTables(100, 1_000_000)},
		{"a table of 2^32-1 entries", withTables(1, 1<<32-1)},
		{"a memory of 1 GiB", Chaincode(1<<30/page, "", I32(0))},
		{"two memories", twoMemories()},
		{"a million exports", manyExports(1_000_000)},
		{"a million data segments", manySegments(1_000_000)},
		{"more than 32 MiB", tooLarge(33 << 20)},
	}
}

func nested(depth int) Code {
	return Seq(Repeat(depth, Code{opBlock, 0x40}), Repeat(depth, Code{opEnd}))
}

func manyFunctions(n int) []byte {
	m := NewModule()
	m.functions.addMany(n, []byte{byte(m.Type(":"))})
	m.bodies = slices.Repeat([]Code{{0, opEnd}}, n)
	return m.Finish(1, "", I32(0))
}

func manyGlobals(n int) []byte {
	m := NewModule()
	m.globals.addMany(n, []byte{valueType('i'), 1, opI32Const, 0, opEnd})
	return m.Finish(1, "", I32(0))
}

func manyTypes(n int) []byte {
	m := NewModule()
	m.types.addMany(n, []byte{0x60, 0, 0})
	return m.Finish(1, "", I32(0))
}

func longType(params int) []byte {
	m := NewModule()
	m.NewType(abi.Signature(append(bytes.Repeat([]byte{'i'}, params), ':')))
	return m.Finish(1, "", I32(0))
}

func manyLongTypes(n, params int) []byte {
	m := NewModule()
	for range n {
		m.NewType(abi.Signature(append(bytes.Repeat([]byte{'I'}, params), ':')))
	}
	return m.Finish(1, "", I32(0))
}

// hugeLocals declares groups of locals whose sum passes 2^32.
func hugeLocals() []byte {
	m := NewModule()
	f := m.Declare(":")
	body := Code{2}
	for range 2 {
		body = append(binary.AppendUvarint(body, 1<<32-1), valueType('I'))
	}
	m.bodies[int(f)] = append(body, opEnd)
	return m.Finish(1, "", I32(0))
}

func withTables(n int, entries uint32) []byte {
	m := NewModule()
	for range n {
		m.Table(entries, 0)
	}
	return m.Finish(1, "", I32(0))
}

func twoMemories() []byte {
	m := NewModule()
	m.Memory(1, 0)
	return m.Finish(1, "", I32(0))
}

func manyExports(n int) []byte {
	m := NewModule()
	f := m.Func(":", "")
	for i := range n {
		m.Export(strconv.Itoa(i), KindFunction, f)
	}
	return m.Finish(1, "", I32(0))
}

func manySegments(n int) []byte {
	m := NewModule()
	m.data.addMany(n, []byte{0, opI32Const, 0, opEnd, 0})
	return m.Finish(1, "", I32(0))
}

func tooLarge(bytes int) []byte {
	m := NewModule()
	m.Custom("padding", make([]byte, bytes))
	return m.Finish(1, "", I32(0))
}
