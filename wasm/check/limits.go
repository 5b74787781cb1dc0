package check

import "github.com/weft-network/weft/wasm/internal/code"

// Limits of a module. They are above what unmodified Fabric chaincode compiles
// to (in brackets: on the contract API, 22.7 MB), and below what makes a
// compiler take minutes or gigabytes. Figures of compiling are for one
// processor and the metered module.
const (
	// MaxBytes bounds what is stored, gossiped and compiled [22.7 MB; 28 MB if
	// gRPC is linked in].
	MaxBytes = 32 << 20
	// MaxTypes are function types [22].
	MaxTypes = 20_000
	// MaxParams are the parameters of one function [8]: an engine moves each of
	// them at each call.
	MaxParams = 100
	// MaxTypeValues are parameters and results of all types.
	MaxTypeValues = 200_000
	// MaxImports is above the number of functions that the host offers.
	MaxImports = 200
	// MaxFunctions [17,467 with gRPC]; as many empty ones compile in 0.4 s.
	MaxFunctions = 20_000
	// MaxBodyBytes is the length of one function [107 KB].
	MaxBodyBytes = 128 << 10
	// MaxLocals are the parameters and local variables of one function [21; 49
	// in a JavaScript engine in C].
	MaxLocals = 4_096
	// MaxFrames are the parameters and local variables of all functions [71,506]:
	// a function of two bytes may have MaxLocals of them.
	MaxFrames = 1_000_000
	// MaxBranches are the places in one function that control can come from or
	// go to: block, loop, if, br, br_if, entries of br_table [5,805]. Compiling
	// takes time by their square: 3.7 s for one function of so many.
	MaxBranches = 8_192
	// MaxNesting is how deep the blocks of one function are nested [1,534].
	MaxNesting = 4_096
	// MaxLoops are the loops of one function [3; 16 in C]. Metering makes four
	// blocks of each; so many compile in 0.2 s, 4,096 were given up after 25 s.
	MaxLoops = 512
	// MaxBulk are memory.copy and memory.fill in one function [104]. Each is
	// tested for fuel; so many compile in 0.3 s.
	MaxBulk = 1_024
	// MaxMerges are local variables times branches of one function, a loop being
	// the four blocks that metering makes of it [122,000]: a compiler may keep a
	// copy of each variable at each. A function of twice as many took 3.3 s and
	// 200 MiB.
	MaxMerges = 500_000
	// MaxTables is one: more are the feature reference types.
	MaxTables = 1
	// MaxTableEntries are those of the table, and the functions that all element
	// segments name [21,563].
	MaxTableEntries = 100_000
	// MaxGlobals [8; 31 in AssemblyScript]. Each mutable one is exported, and
	// set at every call.
	MaxGlobals = 10_000
	// MaxExports [6].
	MaxExports = 1_000
	// MaxSegments are data segments [100,000: Go's linker emits at most that].
	MaxSegments = 100_000
	// MaxElements are element segments [1].
	MaxElements = 10_000
	// MaxNameBytes is the length of one name of an import, export or section.
	MaxNameBytes = 1_024
	// MaxCustoms are custom sections [3], which are dropped before compiling;
	// with debug information there are a dozen. MaxBytes bounds their size.
	MaxCustoms = 100
	// MaxPages is the whole address space; Module takes a lower limit.
	MaxPages = 65_536
)

// Most are the limits that reading a module keeps to.
func Most() code.Most {
	return code.Most{
		Types: MaxTypes, Params: MaxParams, TypeValues: MaxTypeValues,
		Imports: MaxImports, Functions: MaxFunctions, BodyBytes: MaxBodyBytes,
		TableEntries: MaxTableEntries, Globals: MaxGlobals, Exports: MaxExports,
		Segments: MaxSegments, Elements: MaxElements, NameBytes: MaxNameBytes,
		Customs: MaxCustoms, CustomBytes: MaxBytes,
	}
}
