//go:build unix

package wasm_test

import (
	"syscall"
	"testing"
	"time"
)

// measureProcess reports, besides the time that passed, the processor's time and
// the page faults of the process. Both mean something on a busy machine, too.
func measureProcess(b *testing.B) (stop func()) {
	var before syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &before); err != nil {
		b.Fatal(err)
	}
	return func() {
		var after syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &after); err != nil {
			b.Fatal(err)
		}
		spent := func(r *syscall.Rusage) time.Duration {
			return time.Duration(r.Utime.Nano() + r.Stime.Nano())
		}
		b.ReportMetric(float64(spent(&after)-spent(&before))/float64(b.N), "cpu-ns/op")
		b.ReportMetric(float64(after.Minflt-before.Minflt)/float64(b.N), "faults/op")
	}
}
