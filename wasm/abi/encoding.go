package abi

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
)

// Limits of a decoded list: no more items than the arguments of a call could
// sensibly have, and no more bytes than Fabric's message limit.
const (
	MaxListItems = 100_000
	MaxListBytes = 100 << 20
)

// AppendBytes appends the length of b (u32, little endian) and b.
func AppendBytes[T ~string | ~[]byte](dst []byte, b T) []byte {
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(b)))
	return append(dst, b...)
}

// AppendList appends a list: the count, then each item with its length.
func AppendList(dst []byte, items [][]byte) []byte {
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(items)))
	for _, item := range items {
		dst = AppendBytes(dst, item)
	}
	return dst
}

// AppendMap appends a map as a list of keys and values in turn, sorted by key.
func AppendMap(dst []byte, m map[string][]byte) []byte {
	dst = binary.LittleEndian.AppendUint32(dst, uint32(2*len(m)))
	for _, key := range slices.Sorted(maps.Keys(m)) {
		dst = AppendBytes(AppendBytes(dst, key), m[key])
	}
	return dst
}

// AppendTimestamp appends the encoding of FieldTimestamp.
func AppendTimestamp(dst []byte, seconds int64, nanos int32) []byte {
	dst = binary.LittleEndian.AppendUint64(dst, uint64(seconds))
	return binary.LittleEndian.AppendUint32(dst, uint32(nanos))
}

// AppendState appends a record of kind RecordState, as iter_next hands it over.
func AppendState(dst []byte, namespace, key string, value []byte) []byte {
	dst = append(dst, RecordState)
	return AppendBytes(AppendBytes(AppendBytes(dst, namespace), key), value)
}

// DecodeList is the inverse of AppendList. It takes exactly one list; the items
// are copies.
func DecodeList(b []byte) ([][]byte, error) {
	if len(b) > MaxListBytes {
		return nil, fmt.Errorf("list of %d bytes; at most %d are taken", len(b), MaxListBytes)
	}
	if len(b) < 4 {
		return nil, errors.New("list ends within its count")
	}
	count := binary.LittleEndian.Uint32(b)
	b = b[4:]
	// Each item takes four bytes at least, so a count beyond that is a lie and
	// never becomes an allocation.
	if count > MaxListItems || uint64(count)*4 > uint64(len(b)) {
		return nil, fmt.Errorf("list of %d items in %d bytes; at most %d items are taken", count, len(b), MaxListItems)
	}
	items := make([][]byte, 0, count)
	for i := range count {
		item, rest, err := cutBytes(b)
		if err != nil {
			return nil, fmt.Errorf("item %d of list: %w", i, err)
		}
		items, b = append(items, slices.Clone(item)), rest
	}
	if len(b) > 0 {
		return nil, fmt.Errorf("%d bytes after the end of the list", len(b))
	}
	return items, nil
}

// Record is one entry of a range.
type Record struct {
	Namespace, Key string
	Value          []byte
}

// DecodeRecords decodes the whole records of one iter_next.
func DecodeRecords(b []byte) ([]Record, error) {
	var records []Record
	for len(b) > 0 {
		if b[0] != RecordState {
			return nil, fmt.Errorf("record %d is of unknown kind %d", len(records), b[0])
		}
		b = b[1:]
		var field [3][]byte
		for i := range field {
			var err error
			if field[i], b, err = cutBytes(b); err != nil {
				return nil, fmt.Errorf("record %d: %w", len(records), err)
			}
		}
		records = append(records, Record{string(field[0]), string(field[1]), slices.Clone(field[2])})
	}
	return records, nil
}

func cutBytes(b []byte) (item, rest []byte, err error) {
	if len(b) < 4 {
		return nil, nil, errors.New("ends within a length")
	}
	n := uint64(binary.LittleEndian.Uint32(b))
	b = b[4:]
	if n > uint64(len(b)) {
		return nil, nil, fmt.Errorf("%d bytes announced, %d left", n, len(b))
	}
	return b[:n], b[n:], nil
}
