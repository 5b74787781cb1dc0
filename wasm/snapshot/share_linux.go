package snapshot

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// share is a file in memory that many instances map.
type share int

const noShare share = -1

// shareBytes puts b into a file that cannot be changed any more, and returns a
// read-only mapping of it. Pages of zeros take no memory until they are read.
func shareBytes(b []byte, page int) ([]byte, share, error) {
	fd, err := unix.MemfdCreate("weft chaincode", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return nil, noShare, fmt.Errorf("memory image: %w", err)
	}
	if err := fill(fd, b, page); err != nil {
		_ = unix.Close(fd)
		return nil, noShare, fmt.Errorf("memory image of %d bytes: %w", len(b), err)
	}
	view, err := unix.Mmap(fd, 0, len(b), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		_ = unix.Close(fd)
		return nil, noShare, fmt.Errorf("map the memory image of %d bytes: %w", len(b), err)
	}
	return view, share(fd), nil
}

func fill(fd int, b []byte, page int) error {
	if err := unix.Ftruncate(fd, int64(len(b))); err != nil {
		return err
	}
	for at := 0; at < len(b); at += page {
		if p := b[at : at+page]; !zero(p) {
			if err := write(fd, p, int64(at)); err != nil {
				return err
			}
		}
	}
	_, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS,
		unix.F_SEAL_SEAL|unix.F_SEAL_SHRINK|unix.F_SEAL_GROW|unix.F_SEAL_WRITE)
	return err
}

func write(fd int, b []byte, at int64) error {
	for len(b) > 0 {
		n, err := unix.Pwrite(fd, b, at)
		if err != nil {
			return err
		}
		b, at = b[n:], at+int64(n)
	}
	return nil
}

// lay maps the image over the start of region, privately.
func (s share) lay(region []byte, size uint64) error {
	_, err := unix.MmapPtr(int(s), 0, unsafe.Pointer(unsafe.SliceData(region)), uintptr(size),
		unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_FIXED|unix.MAP_NORESERVE)
	return err
}

func (s share) close(view []byte) {
	_ = unix.Munmap(view)
	_ = unix.Close(int(s))
}
