//go:build unix && !linux

package sandbox

import (
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// memoryLimited is false where limits of memory are accepted and not kept, as on
// macOS.
const memoryLimited = false

// graceSeconds after the processor time is over a child that did not say so is
// killed.
const graceSeconds = 2

// attributes put the child into a process group of its own. It notices the end
// of this process by that of its input.
func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

func keepFiles() {}

// confine limits this process in processor time, and lowers its priority.
func confine(set setting) error {
	if err := unix.Setpriority(unix.PRIO_PROCESS, 0, set.nice); err != nil {
		return fmt.Errorf("priority: %w", err)
	}
	limit := &syscall.Rlimit{Cur: uint64(set.cpu), Max: uint64(set.cpu + graceSeconds)}
	if err := syscall.Setrlimit(syscall.RLIMIT_CPU, limit); err != nil {
		return fmt.Errorf("limit of processor time: %w", err)
	}
	return nil
}

func insist(int) {}

func cpuSignals() []os.Signal { return []os.Signal{unix.SIGXCPU} }
