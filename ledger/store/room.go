package store

import (
	"errors"
	"fmt"
)

// ErrDiskFull answers what was not begun because the disk has no room for it.
// Nothing was changed, and it succeeds once there is room.
var ErrDiskFull = errors.New("the disk is full")

// reserveBytes stays free on the disk: what was accepted has to get through the
// write-ahead log and flushes of the derived stores, which end the process when
// they cannot be written. It is a ledger's memory table and the beginning of a
// new file of the log.
const reserveBytes = 40 << 20

// Room tells whether a record of n bytes, and what will be derived from it, fit
// on the disk: ErrDiskFull when not. On a file system that cannot tell, all do.
func (l *Log) Room(n int) error {
	usage, err := l.fs.GetDiskUsage(l.dir)
	if err != nil {
		return nil // the write itself will tell
	}
	if need := uint64(reserveBytes + 2*n); usage.AvailBytes < need {
		return fmt.Errorf("%w: %s has %d bytes left and %d are needed; free some, and it goes on",
			ErrDiskFull, l.dir, usage.AvailBytes, need)
	}
	return nil
}
