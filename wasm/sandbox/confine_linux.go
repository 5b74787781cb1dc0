package sandbox

import (
	"fmt"
	"math"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// memoryLimited tells that confine bounds memory.
const memoryLimited = !raceDetector

const (
	// graceSeconds after the processor time is over the child, if it did not
	// say so itself, is killed.
	graceSeconds = 2
	// oomFirst asks the system to end the child rather than a peer when memory
	// runs out.
	oomFirst = "1000"
)

// attributes put the child into a session of its own, out of reach of a terminal's
// signals, and end it with this process.
//
// The session is for the scheduler, which shares the processors among sessions
// first and regards the priority of threads only within one. In the peer's, a
// child would use up what the peer may have, however low its priority: on a busy
// machine each call then waits for its turn.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
}

// keepFiles has no file of this process handed on to children, not even those
// that it was itself started with. Kernels before 5.11 do not know how; what Go
// opens is not handed on there either.
func keepFiles() { _ = unix.CloseRange(3, math.MaxInt32, unix.CLOSE_RANGE_CLOEXEC) }

// limit is a resource limit of the system.
type limit struct {
	what      int
	soft, max int64
}

// confine limits this process. Address space is not what is limited: Go
// reserves much more of it than it uses.
func confine(set setting) error {
	if unix.Getpgrp() == os.Getpid() { // priority is of threads; a group has all of ours
		if err := unix.Setpriority(unix.PRIO_PGRP, 0, set.nice); err != nil {
			return fmt.Errorf("priority: %w", err)
		}
	}
	setSession(ofSession(set.nice))
	_ = os.WriteFile("/proc/self/oom_score_adj", []byte(oomFirst), 0o600) // a wish
	limits := []limit{{unix.RLIMIT_CORE, 0, 0}, {unix.RLIMIT_CPU, set.cpu, set.cpu + graceSeconds}}
	if memoryLimited {
		limits = append(limits, limit{unix.RLIMIT_DATA, set.memory, set.memory})
	}
	for _, l := range limits {
		if err := unix.Setrlimit(l.what, &unix.Rlimit{Cur: uint64(l.soft), Max: uint64(l.max)}); err != nil {
			return fmt.Errorf("resource limit %d: %w", l.what, err)
		}
	}
	return nil
}

// cpuSignals come when the processor time is over.
func cpuSignals() []os.Signal { return []os.Signal{unix.SIGXCPU} }
