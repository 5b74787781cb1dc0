// Package wasmtest makes WebAssembly modules for tests: by hand, byte for byte
// where it matters, out of a handful of pieces (Module, Code); at random, valid
// and ending by themselves (Random); and with bad intent (hostile.go).
//
// It writes what it is told to, valid or not, so that tests can show what is
// refused. Misuse of the package itself, such as an import after a function,
// panics: it is for tests only.
package wasmtest
