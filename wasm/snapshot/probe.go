package snapshot

import (
	"errors"
	"fmt"
)

// probe tries the form on a memory of a few pages: written pages of the image
// and above it must be found and put back.
func (s *System) probe() error {
	content := make([]byte, 2*wasmPage)
	content[0], content[wasmPage+1] = 1, 2
	image, err := s.Image(content)
	if err != nil {
		return err
	}
	defer image.Close()
	m, err := image.NewMemory(4 * wasmPage)
	if err != nil {
		return err
	}
	defer m.Free()
	if m.form != s.form {
		return errors.New("address space cannot be reserved")
	}
	engine := &plainEngine{memory: m, size: 2 * wasmPage}
	if err := m.Reset(engine); err != nil {
		return err
	}
	for range 2 { // fresh pages, and then those that are private already
		engine.Grow(1)
		m.region[0], m.region[wasmPage-1], m.region[2*wasmPage] = 7, 8, 9
		if err := m.Reset(engine); err != nil {
			return err
		}
		if err := m.Check(); err != nil {
			return fmt.Errorf("a written page was not found: %w", err)
		}
	}
	s.countsFaults = true
	return s.probeFaults(image)
}

// probeFaults tries whether writing to a page is seen in the count of faults.
func (s *System) probeFaults(image *Image) error {
	m, err := image.NewMemory(4 * wasmPage)
	if err != nil {
		return err
	}
	defer m.Free()
	for at := 0; at < 4*wasmPage; at += s.page {
		m.Watch()
		m.region[at]++
		if m.own.quiet() {
			s.countsFaults = false
		}
	}
	return nil
}

// plainEngine stands in for the engine.
type plainEngine struct {
	memory *Memory
	size   uint32
}

func (e *plainEngine) Size() uint32 { return e.size }

func (e *plainEngine) Grow(pages uint32) (uint32, bool) {
	before := e.size / wasmPage
	b := e.memory.Reallocate(uint64(before+pages) * wasmPage)
	if b == nil {
		return 0, false
	}
	e.size = uint32(len(b))
	return before, true
}

func joinClose(err error, s *System) error { return errors.Join(err, s.Close()) }
