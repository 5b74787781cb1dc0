//go:build unix

package sandbox

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// inheritable has children get a file as Go's never do.
func inheritable(t *testing.T, f *os.File) {
	t.Helper()
	if _, err := unix.FcntlInt(f.Fd(), unix.F_SETFD, 0); err != nil {
		t.Fatal(err)
	}
}
