package store

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
)

type file = vfs.File

// firstSegment is the number of the first segment. Not 0, so that no record
// has position 0.
const firstSegment = 1

const segmentSuffix = ".seg"

func segmentName(fsys FS, dir string, segment uint32) string {
	return fsys.PathJoin(dir, fmt.Sprintf("%010d%s", segment, segmentSuffix))
}

// segments lists the numbers of a log's segments; they must be dense, and begin
// with the first unless the log forgets.
func segments(fsys FS, dir string, forgets bool) ([]uint32, error) {
	names, err := fsys.List(dir)
	if err != nil {
		return nil, err
	}
	var found []uint32
	for _, name := range names {
		base, ok := strings.CutSuffix(name, segmentSuffix)
		if !ok {
			continue
		}
		n, err := strconv.ParseUint(base, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("%s is not the name of a segment", name)
		}
		found = append(found, uint32(n))
	}
	slices.Sort(found)
	first := uint32(firstSegment)
	if forgets && len(found) > 0 {
		first = found[0]
	}
	for i, n := range found {
		if want := first + uint32(i); n != want {
			return nil, fmt.Errorf("segment %d is missing: there is no %s", want, segmentName(fsys, dir, want))
		}
	}
	return found, nil
}

// recover finds the end of the log and opens its newest segment for writing.
func (l *Log) recover() error {
	found, err := segments(l.fs, l.dir, l.forgets)
	if err == nil {
		err = l.readMark()
	}
	if err != nil {
		return err
	}
	l.first = firstSegment
	if len(found) > 0 {
		l.first = found[0]
	}
	if len(found) == 0 {
		if err := l.checkMark(0); err != nil {
			return err
		}
		if l.readOnly {
			return nil
		}
		return l.create(firstSegment, 0)
	}
	last := found[len(found)-1]
	name := segmentName(l.fs, l.dir, last)
	if l.active, err = l.openNewest(name); err != nil {
		return err
	}
	if err := l.recoverSegment(last); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

func (l *Log) openNewest(name string) (file, error) {
	if l.readOnly {
		return l.fs.Open(name)
	}
	return l.fs.OpenReadWrite(name, diskWrites)
}

func (l *Log) recoverSegment(segment uint32) error {
	info, err := l.active.Stat()
	if err != nil {
		return err
	}
	var hb [segmentHeader]byte
	if _, err := l.active.ReadAt(hb[:], 0); notEnd(err) != nil {
		return err
	}
	if _, ok := decodeSegmentHeader(hb[:], segment); !ok {
		return l.recreate(segment, info.Size())
	}
	end, torn, err := segmentEnd(l.active, info.Size(), segment)
	if err != nil {
		return err
	}
	// Before anything is changed.
	if err := l.checkMark(position(segment, end)); err != nil {
		return err
	}
	if torn {
		l.torn = info.Size() - end
	}
	if l.readOnly {
		l.setEnd(position(segment, end))
		return nil
	}
	// A remnant must not be mistaken for a record later.
	if torn {
		if _, err := l.active.WriteAt(make([]byte, l.torn), end); err != nil {
			return err
		}
	}
	// What a process left may be in memory only; from here on it is promised.
	if err := l.active.Sync(); err != nil {
		return err
	}
	l.synced = end
	l.setEnd(position(segment, end))
	return nil
}

// recreate makes the newest segment again, whose header is not whole: a crash
// came while it was being made. Records follow only a synced header, so with
// more than a header's length in the file it is damage and no crash.
func (l *Log) recreate(segment uint32, size int64) error {
	if size > segmentHeader {
		return errors.New("its header is damaged")
	}
	var previousEnd int64
	if segment > firstSegment {
		var err error
		if previousEnd, err = l.wholeEnd(segment - 1); err != nil {
			return fmt.Errorf("make it again: %s: %w", segmentName(l.fs, l.dir, segment-1), err)
		}
	}
	before := Position(0)
	if segment > firstSegment {
		before = position(segment-1, previousEnd)
	}
	if err := l.checkMark(before); err != nil {
		return err
	}
	l.torn = size
	if l.readOnly {
		if segment > firstSegment {
			l.setEnd(position(segment-1, previousEnd))
		}
		return nil
	}
	if err := l.active.Close(); err != nil {
		return err
	}
	l.active = nil
	return l.create(segment, previousEnd)
}

// wholeEnd is the end of a segment that was sealed, so that nothing in it can
// be torn.
func (l *Log) wholeEnd(segment uint32) (int64, error) {
	f, err := l.readers.open(segment)
	if err != nil {
		return 0, err
	}
	defer l.readers.release(f)
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	end, torn, err := segmentEnd(f, info.Size(), segment)
	if err == nil && torn {
		err = fmt.Errorf("the record at %d is damaged", end)
	}
	return end, err
}

// roll seals the newest segment and begins the next.
func (l *Log) roll() error {
	end := l.End()
	if err := l.active.Sync(); err != nil {
		return err
	}
	if err := l.active.Close(); err != nil {
		return err
	}
	l.active = nil
	return l.create(end.segment()+1, end.offset())
}

// create makes a segment with its header, durably.
func (l *Log) create(segment uint32, previousEnd int64) error {
	name := segmentName(l.fs, l.dir, segment)
	f, err := l.fs.OpenReadWrite(name, diskWrites)
	if err != nil {
		return err
	}
	l.active = f
	if _, err := f.WriteAt(encodeSegmentHeader(segment, previousEnd), 0); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := syncDir(l.fs, l.dir); err != nil {
		return err
	}
	l.synced = segmentHeader
	l.setEnd(position(segment, segmentHeader))
	return nil
}

// sealedEnd is where the records of a sealed segment end: the next one knows.
func (l *Log) sealedEnd(segment uint32) (int64, error) {
	f, err := l.readers.open(segment + 1)
	if err != nil {
		return 0, err
	}
	defer l.readers.release(f)
	var hb [segmentHeader]byte
	if _, err := f.ReadAt(hb[:], 0); err != nil {
		return 0, err
	}
	end, ok := decodeSegmentHeader(hb[:], segment+1)
	if !ok {
		return 0, fmt.Errorf("%s: its header is damaged", segmentName(l.fs, l.dir, segment+1))
	}
	return end, nil
}
