// Package snapshot keeps the memory of a started guest as an image, and puts
// the memory of an instance back to that image between two calls.
//
// Instances share the image: each maps it privately, so a page is copied when
// it is first written and not before. A reset finds the pages that are an
// instance's own and copies the image over them; they stay mapped, so after a
// few calls an instance takes no page faults at all. How these pages are found
// is the Form, the best that the system offers:
//
//	Scan     asks the kernel for them: ioctl PAGEMAP_SCAN, Linux 6.7 and later
//	Pagemap  reads /proc/self/pagemap, on any Linux where that is readable
//	Copy     does not look, and copies the whole image; works everywhere
//
// The three give the same memory. They differ by a factor of ten in time.
package snapshot

import (
	"fmt"
	"os"
)

// Form is a way to put memory back.
type Form int

// The forms, the most portable first.
const (
	Copy Form = iota
	Pagemap
	Scan
)

func (f Form) String() string {
	switch f {
	case Copy:
		return "full copy"
	case Pagemap:
		return "pagemap"
	case Scan:
		return "PAGEMAP_SCAN"
	}
	return fmt.Sprintf("form %d", int(f))
}

// wasmPage is a page of WebAssembly memory. All sizes of memory are multiples.
const wasmPage = 64 << 10

// System makes images and memories that are reset in one form. It is safe for
// concurrent use.
type System struct {
	form    Form
	page    int      // of the operating system, in bytes
	pagemap *os.File // nil with Copy
	// countsFaults says that the system counts the page faults of a thread.
	countsFaults bool
}

// Open finds the best form that works here, by trying: each candidate has to
// find a page that was written and to put it back.
func Open() (*System, error) {
	var last error
	for form := Scan; form >= Copy; form-- {
		s, err := OpenForm(form)
		if err == nil {
			return s, nil
		}
		last = err
	}
	return nil, last
}

// OpenForm is Open for one form; it fails where that does not work.
func OpenForm(form Form) (*System, error) {
	s := &System{form: form, page: os.Getpagesize()}
	if form != Copy {
		if wasmPage%s.page != 0 {
			return nil, fmt.Errorf("memory reset by %v: pages of %d bytes are larger than WebAssembly's", form, s.page)
		}
		var err error
		if s.pagemap, err = openPagemap(); err != nil {
			return nil, fmt.Errorf("memory reset by %v: %w", form, err)
		}
	}
	if err := s.probe(); err != nil {
		return nil, fmt.Errorf("memory reset by %v: %w", form, joinClose(err, s))
	}
	return s, nil
}

// Form returns the form in use.
func (s *System) Form() Form { return s.form }

// Close must come after the last reset.
func (s *System) Close() error {
	if s.pagemap == nil {
		return nil
	}
	return s.pagemap.Close()
}
