// Package cctest runs a chaincode module against a ledger in memory, as an
// endorsing peer would and without a network: the same runtime with the same
// limits, the same simulator, and each call's writes committed before the next.
//
// A Suite is a file of calls and of what they must answer. Beside it lies a
// golden file, which the package writes and a person reviews: for each call
// what was read and written, in words. Both hold nothing that depends on the
// machine, the day or the compiler.
package cctest
