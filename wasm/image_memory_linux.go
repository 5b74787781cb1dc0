package wasm

import (
	"fmt"
	"io"
	"unsafe"

	"golang.org/x/sys/unix"
)

// shared is prepared memory that many instances begin over: each maps it
// privately, so pages are copied when they are written and not before.
type shared struct {
	fd   int
	size int
}

// share keeps a copy of b. Pages of zeros take no memory.
func share(b []byte) (*shared, error) {
	fd, err := unix.MemfdCreate("weft chaincode", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("memory image: %w", err)
	}
	s := &shared{fd: fd, size: len(b)}
	if err := s.fill(b); err != nil {
		s.close()
		return nil, fmt.Errorf("memory image: %w", err)
	}
	return s, nil
}

func (s *shared) fill(b []byte) error {
	if err := unix.Ftruncate(s.fd, int64(len(b))); err != nil {
		return err
	}
	for at := 0; at < len(b); at += pageBytes {
		page := b[at:min(at+pageBytes, len(b))]
		if zero(page) {
			continue
		}
		for done := 0; done < len(page); {
			n, err := unix.Pwrite(s.fd, page[done:], int64(at+done))
			if err != nil {
				return err
			}
			done += n
		}
	}
	return nil
}

func zero(b []byte) bool {
	for _, x := range b {
		if x != 0 {
			return false
		}
	}
	return true
}

// lay puts the image at the start of an instance's memory.
func (s *shared) lay(l *linear) error {
	var err error
	switch {
	case s.size == 0:
	case l.mapped:
		_, err = unix.MmapPtr(s.fd, 0, unsafe.Pointer(unsafe.SliceData(l.region)), uintptr(s.size),
			unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_FIXED|unix.MAP_NORESERVE)
	default:
		err = s.read(l.region[:s.size])
	}
	if err != nil {
		return fmt.Errorf("lay the memory image: %w", err)
	}
	return nil
}

func (s *shared) read(b []byte) error {
	for done := 0; done < len(b); {
		n, err := unix.Pread(s.fd, b[done:], int64(done))
		if err != nil {
			return err
		}
		if n == 0 {
			return io.ErrUnexpectedEOF
		}
		done += n
	}
	return nil
}

func (s *shared) close() { _ = unix.Close(s.fd) }
