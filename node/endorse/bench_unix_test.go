//go:build unix

package endorse_test

import (
	"syscall"
	"time"
)

// processTime is what the process has taken of the processors so far: it means
// something on a busy machine, too.
func processTime() time.Duration {
	var r syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &r) != nil {
		return 0
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}
