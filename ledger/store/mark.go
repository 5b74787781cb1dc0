package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
)

// markFile says up to where a log was synced: a position, little endian, and its
// CRC-32C. It is written after every sync and not synced itself: it costs a
// write to one page of memory, survives the death of the process, and after a
// power cut says something older, or nothing. It is a proof and no more: a log
// that ends before it lost what was durable, which must not pass as the tail
// that a crash tore.
const (
	markFile  = "SYNCED"
	markBytes = 12
)

// errLost is in the error for a log that ends before what was synced.
var errLost = errors.New("the disk lost what was synced")

// readMark reads the mark; 0 when there is none that can be read.
func (l *Log) readMark() error {
	f, err := l.fs.Open(l.fs.PathJoin(l.dir, markFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	b := make([]byte, markBytes)
	_, err = f.ReadAt(b, 0)
	if err := errors.Join(notEnd(err), f.Close()); err != nil {
		return err
	}
	if binary.LittleEndian.Uint32(b[8:]) == crc32.Checksum(b[:8], castagnoli) {
		l.mark = Position(binary.LittleEndian.Uint64(b))
	}
	return nil
}

// checkMark makes sure that a log that ends there has all that was synced.
func (l *Log) checkMark(end Position) error {
	if end >= l.mark {
		return nil
	}
	return fmt.Errorf("it ends at segment %d, offset %d, but the log was synced up to %s: %w. Put back what belongs there from a copy; "+
		"or, to go on without the lost records, remove %s and make again what derives from the log",
		end.segment(), end.offset(), l.Place(l.mark), errLost, l.fs.PathJoin(l.dir, markFile))
}

// setMark notes that the log is durable up to a position.
func (l *Log) setMark(p Position) error {
	if l.markFile == nil {
		f, err := l.fs.OpenReadWrite(l.fs.PathJoin(l.dir, markFile), diskWrites)
		if err != nil {
			return err
		}
		l.markFile = f
	}
	b := binary.LittleEndian.AppendUint64(make([]byte, 0, markBytes), uint64(p))
	b = binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
	_, err := l.markFile.WriteAt(b, 0)
	l.mark = p
	return err
}

// lowerMark notes durably that the log is about to end earlier.
func (l *Log) lowerMark(p Position) error {
	if err := l.setMark(p); err != nil {
		return err
	}
	return l.markFile.Sync()
}
