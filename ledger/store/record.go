package store

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"
)

// A record in a segment: a header of recordHeader bytes, all little endian,
//
//	length   uint32  of the payload, at least 1
//	payload  uint32  its CRC-32C
//	synced   uint32  how much of this segment was known durable when the
//	                 record was written
//	header   uint32  CRC-32C of segment number, offset, and the fields above
//
// and the payload. Zeros are no record, so a file may end in zeros. The place
// is part of the checksum: a record that a payload contains is not taken for one.
const recordHeader = 16

// MaxRecordBytes bounds one record: Fabric's largest message is 100 MiB, and a
// block stays below it.
const MaxRecordBytes = 128 << 20

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// header is a decoded record header.
type header struct {
	length, payloadCRC, synced uint32
}

// end is the offset after a record that begins at offset.
func (h header) end(offset int64) int64 { return offset + recordHeader + int64(h.length) }

func headerCRC(segment uint32, offset int64, fields []byte) uint32 {
	var place [12]byte
	binary.LittleEndian.PutUint32(place[:], segment)
	binary.LittleEndian.PutUint64(place[4:], uint64(offset))
	return crc32.Update(crc32.Checksum(place[:], castagnoli), castagnoli, fields)
}

// appendRecord appends the record of payload for that place to buf.
func appendRecord(buf []byte, segment uint32, offset, synced int64, payload []byte) []byte {
	at := len(buf)
	buf = binary.LittleEndian.AppendUint32(buf, uint32(len(payload)))
	buf = binary.LittleEndian.AppendUint32(buf, crc32.Checksum(payload, castagnoli))
	buf = binary.LittleEndian.AppendUint32(buf, uint32(synced))
	buf = binary.LittleEndian.AppendUint32(buf, headerCRC(segment, offset, buf[at:]))
	return append(buf, payload...)
}

// decodeHeader decodes the header at b for that place; false when it is none.
func decodeHeader(b []byte, segment uint32, offset int64) (header, bool) {
	if len(b) < recordHeader {
		return header{}, false
	}
	h := header{
		length:     binary.LittleEndian.Uint32(b),
		payloadCRC: binary.LittleEndian.Uint32(b[4:]),
		synced:     binary.LittleEndian.Uint32(b[8:]),
	}
	if h.length == 0 || h.length > MaxRecordBytes {
		return header{}, false
	}
	return h, binary.LittleEndian.Uint32(b[12:]) == headerCRC(segment, offset, b[:12])
}

// decodeRecord decodes the header of the record at the start of b, for that
// place; false unless its whole payload follows.
func decodeRecord(b []byte, segment uint32, offset int64) (header, bool) {
	h, ok := decodeHeader(b, segment, offset)
	if !ok || recordHeader+int64(h.length) > int64(len(b)) {
		return h, false
	}
	payload := b[recordHeader : recordHeader+h.length]
	return h, crc32.Checksum(payload, castagnoli) == h.payloadCRC
}

// segmentEnd walks the records of a segment of size bytes and returns where
// they end, and whether anything but zeros follows. Whatever follows was torn
// by a crash, and may be cut; unless a later record tells that the end was
// durable once: then the disk lost what it had, and that is an error.
func segmentEnd(r io.ReaderAt, size int64, segment uint32) (end int64, torn bool, err error) {
	end, err = goodEnd(r, size, segment)
	if err != nil || end >= size {
		return end, false, err
	}
	tail := make([]byte, size-end)
	if _, err := r.ReadAt(tail, end); err != nil && !errors.Is(err, io.EOF) {
		return 0, false, err
	}
	for i := range tail {
		if len(tail)-i < recordHeader {
			break
		}
		h, ok := decodeRecord(tail[i:], segment, end+int64(i))
		if ok && int64(h.synced) > end {
			return 0, false, fmt.Errorf("the record at %d is damaged, though the one at %d was written after it was synced", end, end+int64(i))
		}
	}
	return end, !allZero(tail), nil
}

// goodEnd is the offset after the last of the whole records from the first on.
func goodEnd(r io.ReaderAt, size int64, segment uint32) (int64, error) {
	end := int64(segmentHeader)
	in := bufio.NewReaderSize(io.NewSectionReader(r, end, max(0, size-end)), 1<<20)
	var hb [recordHeader]byte
	var payload []byte
	for {
		if _, err := io.ReadFull(in, hb[:]); err != nil {
			return end, notEnd(err)
		}
		h, ok := decodeHeader(hb[:], segment, end)
		if !ok || h.end(end) > size {
			return end, nil
		}
		payload = slices.Grow(payload[:0], int(h.length))[:h.length]
		if _, err := io.ReadFull(in, payload); err != nil {
			return end, notEnd(err)
		}
		if crc32.Checksum(payload, castagnoli) != h.payloadCRC {
			return end, nil
		}
		end = h.end(end)
	}
}

// notEnd is err, unless it is the end of the file.
func notEnd(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil
	}
	return err
}

func allZero(b []byte) bool {
	for _, x := range b {
		if x != 0 {
			return false
		}
	}
	return true
}

// The header of a segment: magic, its number, the end of the records in the
// segment before it, and a CRC-32C of all that.
const (
	segmentHeader = 24
	segmentMagic  = "WEFTLOG1"
)

func encodeSegmentHeader(segment uint32, previousEnd int64) []byte {
	b := append(make([]byte, 0, segmentHeader), segmentMagic...)
	b = binary.LittleEndian.AppendUint32(b, segment)
	b = binary.LittleEndian.AppendUint64(b, uint64(previousEnd))
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

func decodeSegmentHeader(b []byte, segment uint32) (previousEnd int64, ok bool) {
	if len(b) < segmentHeader || string(b[:8]) != segmentMagic {
		return 0, false
	}
	ok = binary.LittleEndian.Uint32(b[20:]) == crc32.Checksum(b[:20], castagnoli) &&
		binary.LittleEndian.Uint32(b[8:]) == segment
	return int64(binary.LittleEndian.Uint64(b[12:])), ok
}
