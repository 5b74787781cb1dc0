package devnet

import (
	"errors"
	"fmt"
	"syscall"

	"golang.org/x/sys/unix"
)

var errEnded = errors.New("the process has ended")

const zombie = 5 // SZOMB of sys/proc.h

// startOf says when a process started. A zombie has ended.
func startOf(pid int) (string, error) {
	info, err := unix.SysctlKinfoProc("kern.proc.pid", pid)
	if err != nil {
		return "", err
	}
	if info.Proc.P_stat == zombie {
		return "", errEnded
	}
	at := info.Proc.P_starttime
	return fmt.Sprintf("%d.%06d", at.Sec, at.Usec), nil
}

// attributes of a node's process. This system cannot tie a process's life to
// its parent's: nodes of a weft that was killed are stopped by "weft down".
func attributes(attached bool) *syscall.SysProcAttr {
	if attached {
		return &syscall.SysProcAttr{Setpgid: true}
	}
	return &syscall.SysProcAttr{Setsid: true}
}
