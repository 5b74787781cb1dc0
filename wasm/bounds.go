package wasm

import (
	"errors"
	"fmt"
)

// bound is how far one limit may be set. The largest value is what a peer with
// some gigabytes of memory survives when every call takes it.
type bound struct {
	name             string
	value, low, high int64
}

func (l Limits) bounds() []bound {
	return []bound{
		{"fuel", int64(min(l.Fuel, 1<<62)), 1_000_000, 100_000_000_000}, // a hundred seconds and more
		{"callDepth", int64(l.CallDepth), 1, 64},
		{"memoryPages", int64(l.MemoryPages), 64, 32_768},   // Go's runtime alone starts with 40; 2 GiB
		{"argBytes", int64(l.ArgBytes), 1 << 10, 100 << 20}, // a message has 100 MiB at most
		{"responseBytes", int64(l.ResponseBytes), 1 << 10, 100 << 20},
		{"eventBytes", int64(l.EventBytes), 1 << 10, 100 << 20},
		{"writeBytes", int64(l.WriteBytes), 1 << 10, 1 << 30},
		{"logBytes", int64(l.LogBytes), 1, 16 << 20},
		{"writeKeys", int64(l.WriteKeys), 1, 10_000_000},
		{"iterators", int64(l.Iterators), 1, 4096},
		{"hostCalls", int64(l.HostCalls), 100, 100_000_000},
		{"scanRecords", int64(l.ScanRecords), 1, 100_000_000},
		{"concurrent", int64(l.Concurrent), 1, 4096},
	}
}

// Validate says which limits are set to what no peer should be set to. Zero,
// which stands for the default, is always right.
func (l Limits) Validate() error {
	var errs []error
	for _, b := range l.bounds() {
		if b.value != 0 && (b.value < b.low || b.value > b.high) {
			errs = append(errs, fmt.Errorf("%s is %d; it is %d to %d", b.name, b.value, b.low, b.high))
		}
	}
	return errors.Join(errs...)
}
