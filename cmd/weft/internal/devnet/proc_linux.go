package devnet

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
)

var errEnded = errors.New("the process has ended")

// startOf says when a process started: the boot's id and the clock ticks since
// then. A zombie has ended.
func startOf(pid int) (string, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return "", err
	}
	// The name in parentheses may hold anything, so fields count from its end:
	// the first is the state (field 3 of proc(5)), the twentieth the start time.
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 20 {
		return "", fmt.Errorf("/proc/%d/stat has %d fields", pid, len(fields))
	}
	if state := string(fields[0]); state == "Z" || state == "X" {
		return "", errEnded
	}
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "", err
	}
	return strings.TrimSpace(string(boot)) + "/" + string(fields[19]), nil
}

// attributes of a node's process. Attached: it is killed when the thread that
// started it ends, so it cannot outlive weft even if that is killed; in a group
// of its own, so that a terminal's Ctrl-C reaches weft alone, which stops the
// nodes in order. Otherwise it has a session of its own and outlives both.
func attributes(attached bool) *syscall.SysProcAttr {
	if attached {
		return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	}
	return &syscall.SysProcAttr{Setsid: true}
}
