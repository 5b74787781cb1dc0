// Package shim is the part of the shim about composite keys, on its own.
package shim

// ChaincodeStub stands for the one whose methods are here.
type ChaincodeStub struct{}

func textOf(b []byte) string { return string(b) }
