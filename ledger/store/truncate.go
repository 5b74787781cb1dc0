package store

import (
	"errors"
	"fmt"
	"io"
)

// truncateTemp is the name, after that of its segment, of a segment that is
// being cut. It is no segment's name: a crash leaves it as a stray file, which
// the next cut of that segment replaces.
const truncateTemp = ".cut"

// Truncate removes the record at a position, and all records after it; the
// position is one that Append or Scan gave, or the end of the log, where there
// is nothing to remove. It is called by the goroutine that appends, while nobody
// reads.
//
// A crash leaves a log that ends at some record between the old end and the new
// one. Whoever must have all or nothing notes the position first and calls
// Truncate again after a crash. After an error the log takes no more records.
func (l *Log) Truncate(at Position) error {
	if !l.gate.Enter() {
		return ErrClosed
	}
	defer l.gate.Leave()
	if l.readOnly {
		return fmt.Errorf("truncate log %s: %w", l.dir, ErrReadOnly)
	}
	if l.failed != nil {
		return l.failed
	}
	if end := l.End(); at >= end {
		if at > end {
			return fmt.Errorf("truncate log %s at segment %d, offset %d: the log ends before it", l.dir, at.segment(), at.offset())
		}
		return nil
	}
	if err := l.checkBoundary(at); err != nil {
		return fmt.Errorf("truncate log %s: %w", l.dir, err)
	}
	if err := l.truncate(at); err != nil {
		l.failed = fmt.Errorf("truncate log %s: %w", l.dir, err)
	}
	return l.failed
}

// checkBoundary makes sure that whole records end where the log is to end. The
// record that is there now may be damaged: it goes.
func (l *Log) checkBoundary(at Position) error {
	f, err := l.readers.open(at.segment())
	if err != nil {
		return err
	}
	defer l.readers.release(f)
	if end, err := goodEnd(f, at.offset(), at.segment()); err != nil || end != at.offset() {
		return errors.Join(err, fmt.Errorf("segment %d has no record that begins at %d", at.segment(), at.offset()))
	}
	return nil
}

func (l *Log) truncate(at Position) error {
	// A crash after this leaves a log that is longer than it has to be.
	if err := l.lowerMark(at); err != nil {
		return err
	}
	newest := l.End().segment()
	err := errors.Join(l.readers.close(), l.active.Close())
	l.active = nil
	if err != nil {
		return err
	}
	// The newest goes first, and for good before the next: a log with a hole
	// would not open. A sealed segment that is the newest now is a log that ends
	// with it.
	for segment := newest; segment > at.segment(); segment-- {
		if err := l.fs.Remove(segmentName(l.fs, l.dir, segment)); err != nil {
			return err
		}
		if err := syncDir(l.fs, l.dir); err != nil {
			return err
		}
	}
	if err := l.cut(at); err != nil {
		return err
	}
	if err := l.recover(); err != nil {
		return err
	}
	if l.End() != at {
		return fmt.Errorf("segment %d ends at %d, not at %d", at.segment(), l.End().offset(), at.offset())
	}
	return nil
}

// cut replaces a segment by its beginning. Zeros over its end, which would do
// for OpenLog, could be on the disk in part after a crash, and would then look
// like damage before records that were synced.
func (l *Log) cut(at Position) error {
	name := segmentName(l.fs, l.dir, at.segment())
	if err := l.copyBeginning(name, name+truncateTemp, at.offset()); err != nil {
		return err
	}
	if err := l.fs.Rename(name+truncateTemp, name); err != nil {
		return err
	}
	return syncDir(l.fs, l.dir)
}

// copyBeginning copies the first bytes of a file, durably.
func (l *Log) copyBeginning(from, to string, size int64) error {
	in, err := l.fs.Open(from)
	if err != nil {
		return err
	}
	defer in.Close() // only read
	out, err := l.fs.Create(to, diskWrites)
	if err != nil {
		return err
	}
	n, err := io.Copy(out, io.NewSectionReader(in, 0, size))
	if err == nil && n < size {
		err = fmt.Errorf("%s ends at %d", from, n)
	}
	return errors.Join(err, out.Sync(), out.Close())
}
