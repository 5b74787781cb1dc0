package store

import (
	"errors"
	"fmt"
	"hash/crc32"
	"sync"

	"github.com/cockroachdb/pebble/v2"

	"github.com/weft-network/weft/ledger/internal/gate"
)

// DefaultSegmentBytes is where a segment ends: small enough to be checked at
// every start, large enough that a ledger has few files.
const DefaultSegmentBytes = 64 << 20

// Position is the place of a record in a Log. Later records have greater ones.
type Position uint64

func position(segment uint32, offset int64) Position {
	return Position(uint64(segment)<<32 | uint64(offset))
}

func (p Position) segment() uint32 { return uint32(p >> 32) }
func (p Position) offset() int64   { return int64(uint32(p)) }

// Log is an append-only sequence of records in segment files. One goroutine
// appends and syncs; any number read.
//
// A record is durable once a Sync after its Append returned. A crash may lose
// any part of what was appended since, so OpenLog cuts the newest segment after
// its last whole record. It refuses a log that lost what had been synced, as
// far as the records themselves tell, by damage before a record that was written
// after a sync, and as far as the mark does, which every sync leaves beside them.
// Sealed segments are never written again and are checked as they are read.
type Log struct {
	fs   FS
	dir  string
	lock *pebble.Lock
	gate gate.Gate

	segmentBytes int64
	readOnly     bool
	forgets      bool
	first        uint32 // segment; Forget and recover change it
	readers      readers
	torn         int64

	// Of the appending goroutine.
	active   file
	markFile file
	mark     Position
	synced   int64
	buf      []byte
	failed   error

	mu  sync.Mutex
	end Position
}

// OpenLog opens or creates the log in dir and cuts a torn tail.
func OpenLog(dir string, o Options) (*Log, error) {
	o = o.withDefaults()
	lock, err := claim(o, dir, kindLog, logFormat)
	if err != nil {
		return nil, fmt.Errorf("open log: %w", err)
	}
	l := &Log{fs: o.FS, dir: dir, lock: lock, segmentBytes: o.SegmentBytes, readOnly: o.ReadOnly, forgets: o.Forgets}
	l.readers = readers{fs: o.FS, dir: dir}
	if err := l.recover(); err != nil {
		return nil, errors.Join(fmt.Errorf("open log %s: %w", dir, err), l.closeFiles())
	}
	if !l.readOnly { // recover has synced it
		if err := l.setMark(l.End()); err != nil {
			return nil, errors.Join(fmt.Errorf("open log %s: %w", dir, err), l.closeFiles())
		}
	}
	return l, nil
}

// Append writes payload as the next record and returns its position. It is
// readable at once and durable after Sync. After an error the log takes no more.
func (l *Log) Append(payload []byte) (Position, error) {
	if len(payload) == 0 || len(payload) > MaxRecordBytes {
		return 0, fmt.Errorf("append to log: a record has 1 to %d bytes, not %d", MaxRecordBytes, len(payload))
	}
	if !l.gate.Enter() {
		return 0, ErrClosed
	}
	defer l.gate.Leave()
	if l.readOnly {
		return 0, fmt.Errorf("append to log %s: %w", l.dir, ErrReadOnly)
	}
	if l.failed != nil {
		return 0, l.failed
	}
	at, err := l.append(payload)
	if err != nil {
		l.failed = fmt.Errorf("append to log %s: %w", l.dir, err)
	}
	return at, l.failed
}

func (l *Log) append(payload []byte) (Position, error) {
	if l.End().offset() >= l.segmentBytes {
		if err := l.roll(); err != nil {
			return 0, err
		}
	}
	at := l.End()
	l.buf = appendRecord(l.buf[:0], at.segment(), at.offset(), l.synced, payload)
	if _, err := l.active.WriteAt(l.buf, at.offset()); err != nil {
		return 0, err
	}
	l.setEnd(position(at.segment(), at.offset()+int64(len(l.buf))))
	if cap(l.buf) > keepBuffer {
		l.buf = nil
	}
	return at, nil
}

// keepBuffer is the largest write buffer kept between records, so that one
// large block does not cost its memory for ever.
const keepBuffer = 4 << 20

// Sync makes everything appended so far durable. An error is final: after it
// nobody knows what the disk holds.
func (l *Log) Sync() error {
	if !l.gate.Enter() {
		return ErrClosed
	}
	defer l.gate.Leave()
	if l.failed == nil && !l.readOnly {
		if err := l.active.SyncData(); err != nil {
			l.failed = fmt.Errorf("sync log %s: %w", l.dir, err)
		} else {
			l.synced = l.End().offset()
			if err := l.setMark(l.End()); err != nil {
				l.failed = fmt.Errorf("sync log %s: %w", l.dir, err)
			}
		}
	}
	return l.failed
}

// Read returns the record at a position that Append or Scan gave.
func (l *Log) Read(at Position) ([]byte, error) {
	if !l.gate.Enter() {
		return nil, ErrClosed
	}
	defer l.gate.Leave()
	payload, _, err := l.read(at)
	return payload, err
}

// read returns the record at a position and the offset after it.
func (l *Log) read(at Position) ([]byte, int64, error) {
	payload, end, err := l.readRecord(at)
	if err != nil {
		return nil, 0, fmt.Errorf("read %s: %w", l.Place(at), err)
	}
	return payload, end, nil
}

// Place names the file and offset of a position, for people.
func (l *Log) Place(p Position) string {
	return fmt.Sprintf("%s at offset %d", segmentName(l.fs, l.dir, p.segment()), p.offset())
}

var errDamaged = errors.New("the record is damaged")

func (l *Log) readRecord(at Position) ([]byte, int64, error) {
	f, err := l.readers.open(at.segment())
	if err != nil {
		return nil, 0, err
	}
	defer l.readers.release(f)
	h, err := readHeader(f, at)
	if err != nil {
		return nil, 0, err
	}
	payload := make([]byte, h.length)
	if _, err := f.ReadAt(payload, at.offset()+recordHeader); notEnd(err) != nil {
		return nil, 0, err
	}
	if crc32.Checksum(payload, castagnoli) != h.payloadCRC {
		return nil, 0, errDamaged
	}
	return payload, h.end(at.offset()), nil
}

// recordEnd is the offset after the record at a position.
func (l *Log) recordEnd(at Position) (int64, error) {
	f, err := l.readers.open(at.segment())
	if err != nil {
		return 0, fmt.Errorf("read %s: %w", l.Place(at), err)
	}
	defer l.readers.release(f)
	h, err := readHeader(f, at)
	if err != nil {
		return 0, fmt.Errorf("read %s: %w", l.Place(at), err)
	}
	return h.end(at.offset()), nil
}

func readHeader(f file, at Position) (header, error) {
	var hb [recordHeader]byte
	if _, err := f.ReadAt(hb[:], at.offset()); err != nil {
		if notEnd(err) == nil {
			err = errDamaged // the file is too short
		}
		return header{}, err
	}
	h, ok := decodeHeader(hb[:], at.segment(), at.offset())
	if !ok {
		return header{}, errDamaged
	}
	return h, nil
}

// Scan calls f for the records from a position on, up to the end of the log as
// it was when Scan began, until f returns an error, which it returns. The
// position is that of a record, an end that End returned, or 0 for the first.
// The payload belongs to f.
func (l *Log) Scan(from Position, f func(at Position, payload []byte) error) error {
	if !l.gate.Enter() {
		return ErrClosed
	}
	defer l.gate.Leave()
	return l.walk(from, func(at Position) (int64, error) {
		payload, end, err := l.read(at)
		if err != nil {
			return 0, err
		}
		return end, f(at, payload)
	})
}

// Torn is how many bytes a crash had left after the last whole record when the
// log was opened. They were removed, unless it was opened for reading only.
func (l *Log) Torn() int64 { return l.torn }

// End is the position after the last record. It is where the next one goes,
// unless that begins a new segment.
func (l *Log) End() Position {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.end
}

func (l *Log) setEnd(p Position) {
	l.mu.Lock()
	l.end = p
	l.mu.Unlock()
}

// Close syncs and closes, after the calls under way. Closing twice is harmless.
func (l *Log) Close() error {
	if !l.gate.Close() {
		return nil
	}
	var err error
	if l.failed == nil && l.active != nil && !l.readOnly {
		if err = l.active.SyncData(); err == nil {
			err = l.setMark(l.End())
		}
	}
	return errors.Join(err, l.closeFiles())
}

func (l *Log) closeFiles() error {
	err := l.readers.close()
	if l.active != nil {
		err = errors.Join(err, l.active.Close())
	}
	if l.markFile != nil {
		err = errors.Join(err, l.markFile.Close())
	}
	return errors.Join(err, l.lock.Close())
}
