//go:build go1.24 && !go1.27

package shim

import _ "unsafe" // for linkname

// stackBytes is room for JSON and reflection a good deal deep.
const stackBytes = 16 << 10

// startingStackSize is the runtime's own, which it adapts when it collects
// garbage: new goroutines begin with a stack of so many bytes.
//
//go:linkname startingStackSize runtime.startingStackSize
var startingStackSize uint32

// roomyStacks lets goroutines begin with the stack that they would grow to. A
// stack that grows is copied, which takes a transaction longer than most of
// what it is there for, and takes every transaction that long: it begins with
// the stacks of the snapshot.
func roomyStacks() { startingStackSize = stackBytes }
