// Package meter rewrites a chaincode so that it counts what it does itself:
// the engine neither meters nor bounds what it runs.
//
// The rewritten module pays fuel for every stretch of instructions, counts how
// deep its calls are, makes every NaN the same, jumps straight to where it went by
// way of a table, gives the places that it looks at in memory by few addresses,
// exports all of its mutable globals, and carries no initial data, so that an
// instance of it can be laid over memory that was prepared before.
// docs/metering.md says what each of these transformations does, and why.
//
// What the host owes a rewritten module:
//
//   - It serves the import [ImportRefill] of module [abi.Module], of type
//     ()→(). The guest calls it when its exported global [ExportFuel] (a
//     mutable i64) has fallen below zero. The host adds a slice to that global,
//     so that it is not negative when refill returns, or ends the call with a
//     panic. The global begins as 0, so that the first test asks. It may be
//     negative when a call returns, by less than what a function costs once.
//   - A host function that has a price subtracts it from the same global. Fuel
//     used is what was added minus what is left.
//   - It writes Segments into the memory of a fresh instance, in their order,
//     and then calls the export [ExportStart], if Start is set, before any
//     other function: instantiating runs nothing.
//   - It refuses to grow memory beyond MaxPages. The rewritten module declares
//     no maximum of its own, so that the engine never refuses by itself.
//   - After a trap, the exported global [ExportDepth] (a mutable i32) tells
//     whether the calls went too deep: it is above Options.DepthLimit then, and
//     never else. It stays raised; a reset sets it with the other globals.
//
// Rewrite is pure: the same bytes and options yield the same module on every
// machine. What it does is part of the execution profile, by the name Version:
// peers whose rewriters differ may count fuel differently, so that one runs out
// where the other goes on.
package meter

import "github.com/weft-network/weft/wasm/abi"

// Version names what this package makes of a module. Any change of the rewritten
// code that a guest or its fuel could show needs another one.
const Version = "meter 3: jumps 2, stretches 1, nan 1, depth 1, fuel 1"

// Names that a rewritten module uses. A guest that uses a name with the prefix
// Reserved itself is refused.
const (
	// Reserved begins the names of everything that is added.
	Reserved = "weft."
	// ImportModule and ImportRefill name the added import, the last one.
	ImportModule = abi.Module
	ImportRefill = "refill"
	// ExportFuel is the fuel that is left, a mutable i64.
	ExportFuel = Reserved + "fuel"
	// ExportDepth is the depth of calls in units of weight, a mutable i32.
	ExportDepth = Reserved + "depth"
	// ExportStart is the module's start function, ()→(), if it has one.
	ExportStart = Reserved + "start"
	// GlobalPrefix begins the export names of the guest's own mutable globals;
	// the global's index follows in decimal.
	GlobalPrefix = Reserved + "global."
)

// Options are limits that are written into the module.
type Options struct {
	// MemoryPages is the most memory an instance may have, in pages of 64 KiB,
	// 1 to 65,536.
	MemoryPages uint32
	// DepthLimit is the most weight that the active calls may have; 0 means
	// DefaultDepthLimit. docs/metering.md says what a function weighs.
	DepthLimit uint32
}

// DefaultDepthLimit bounds the engine's stack. A unit of weight is at most 10
// bytes of it, measured with frames of many shapes; the engine doubles its stack,
// from 10 KiB to 10 MiB here.
const DefaultDepthLimit = 1_000_000

// Module is a rewritten module and what was taken out of it.
type Module struct {
	// Code is the module to compile.
	Code []byte
	// Segments is the initial memory, to be written in this order.
	Segments []Segment
	// Globals are the export names of all mutable globals, those of fuel and
	// depth among them: with memory, the whole state of an instance.
	Globals []string
	// Start says that there is a function to be run first, ExportStart.
	Start bool
	// MinPages is the memory of a fresh instance; MaxPages is the lower one of
	// Options.MemoryPages and what the module declares as its maximum.
	MinPages, MaxPages uint32
}

// Segment is a piece of initial memory.
type Segment struct {
	Offset uint32
	Bytes  []byte
}
