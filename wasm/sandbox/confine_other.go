//go:build !unix

package sandbox

import (
	"os"
	"syscall"
)

// memoryLimited is false: this system has no limits that a process sets itself.
// The time that compiling may take is still bounded, by the parent.
const memoryLimited = false

func attributes() *syscall.SysProcAttr { return nil }

func keepFiles() {}

func confine(setting) error { return nil }

func insist(int) {}

func cpuSignals() []os.Signal { return []os.Signal{syscall.SIGTERM} }
