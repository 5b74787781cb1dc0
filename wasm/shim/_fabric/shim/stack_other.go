//go:build !go1.24 || go1.27

package shim

// roomyStacks does nothing: whether this version of the runtime has what it
// takes is not known. Stacks grow while they are used.
func roomyStacks() {}
