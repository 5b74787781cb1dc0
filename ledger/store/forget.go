package store

import "fmt"

// Forget removes records before a position, the oldest ones, as far as they fill
// whole segments; the position is one that Append or Scan gave, or the end of the
// log. Nothing after it may depend on what was before it, once it is durable: a
// crash leaves any part of what was to be removed. It is called by the goroutine
// that appends, while nobody reads, on a log that was opened with
// Options.Forgets. An error leaves a log that can be used.
func (l *Log) Forget(before Position) error {
	if !l.gate.Enter() {
		return ErrClosed
	}
	defer l.gate.Leave()
	switch {
	case l.readOnly:
		return fmt.Errorf("forget records of log %s: %w", l.dir, ErrReadOnly)
	case !l.forgets:
		return fmt.Errorf("forget records of log %s: it was not opened for that", l.dir)
	case l.failed != nil:
		return l.failed
	}
	if err := l.forget(min(before.segment(), l.End().segment())); err != nil {
		return fmt.Errorf("forget records of log %s: %w", l.dir, err)
	}
	return nil
}

// forget removes the segments before one, each for good before the next, so that
// no crash leaves a hole.
func (l *Log) forget(before uint32) error {
	if l.first >= before {
		return nil
	}
	if err := l.readers.close(); err != nil {
		return err
	}
	for l.first < before {
		if err := l.fs.Remove(segmentName(l.fs, l.dir, l.first)); err != nil {
			return err
		}
		l.first++
		if err := syncDir(l.fs, l.dir); err != nil {
			return err
		}
	}
	return nil
}
