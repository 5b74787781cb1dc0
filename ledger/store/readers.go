package store

import (
	"errors"
	"slices"
	"sync"
)

// maxReaders bounds the segments kept open for reading. Readers follow the end
// of the log or walk it in order, so a few serve all.
const maxReaders = 4

// readers keeps the files of recently read segments open.
type readers struct {
	fs  FS
	dir string

	mu   sync.Mutex
	kept []*reader // least recently used first
}

// reader is an open segment; it is closed when it is neither kept nor used.
type reader struct {
	file
	segment uint32
	uses    int
	kept    bool
}

// open returns the file of a segment. It must be released.
func (r *readers) open(segment uint32) (*reader, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, f := range r.kept {
		if f.segment == segment {
			r.kept = append(slices.Delete(r.kept, i, i+1), f)
			f.uses++
			return f, nil
		}
	}
	opened, err := r.fs.Open(segmentName(r.fs, r.dir, segment))
	if err != nil {
		return nil, err
	}
	f := &reader{file: opened, segment: segment, uses: 1, kept: true}
	r.kept = append(r.kept, f)
	if len(r.kept) > maxReaders {
		r.drop()
	}
	return f, nil
}

// drop forgets the least recently used file and closes it if nobody reads it.
func (r *readers) drop() error {
	f := r.kept[0]
	r.kept = slices.Delete(r.kept, 0, 1)
	f.kept = false
	if f.uses > 0 {
		return nil
	}
	return f.Close()
}

// release ends a use. Nothing was written through the file, so that an error
// of closing it says nothing about data.
func (r *readers) release(f *reader) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f.uses--
	if f.uses == 0 && !f.kept {
		_ = f.Close()
	}
}

func (r *readers) close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	var err error
	for len(r.kept) > 0 {
		err = errors.Join(err, r.drop())
	}
	return err
}
