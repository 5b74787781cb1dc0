package snapshot

import "golang.org/x/sys/unix"

// reserve maps zeroed memory that costs nothing until it is touched. Large
// pages are not wanted: a guest that touches one byte would pay for clearing
// 2 MiB, and a reset for the same again. They would be wrong besides being
// slow: a reset skips the search for own pages when the call took no page
// fault, and one fault may make a large page the memory's own beyond what the
// last search looked at.
func reserve(size uint64) ([]byte, func(), error) {
	region, err := unix.Mmap(-1, 0, int(size), unix.PROT_READ|unix.PROT_WRITE,
		unix.MAP_PRIVATE|unix.MAP_ANON|unix.MAP_NORESERVE)
	if err != nil {
		return nil, nil, err
	}
	_ = unix.Madvise(region, unix.MADV_NOHUGEPAGE) // a kernel without them refuses
	return region, func() { _ = unix.Munmap(region) }, nil
}

// drop gives the pages of b back: an image shows through again, other memory
// is zero.
func drop(b []byte) error { return unix.Madvise(b, unix.MADV_DONTNEED) }
