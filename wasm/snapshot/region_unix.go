//go:build unix && !linux

package snapshot

import (
	"errors"

	"golang.org/x/sys/unix"
)

// reserve maps zeroed memory that costs nothing until it is touched.
func reserve(size uint64) ([]byte, func(), error) {
	region, err := unix.Mmap(-1, 0, int(size), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		return nil, nil, err
	}
	return region, func() { _ = unix.Munmap(region) }, nil
}

// drop has no equal here: MADV_DONTNEED of other systems keeps the contents.
func drop([]byte) error { return errors.ErrUnsupported }
