package abi

import (
	"encoding/binary"
	"errors"
	"maps"
	"slices"
	"strconv"
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
func AppendList[T ~string | ~[]byte](dst []byte, items []T) []byte {
	size := 4
	for _, item := range items {
		size += 4 + len(item)
	}
	dst = binary.LittleEndian.AppendUint32(slices.Grow(dst, size), uint32(len(items)))
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

// AppendOptional appends an item of state_get_multi's list: a byte that says
// whether there is a value, and the value. nil is none.
func AppendOptional(dst []byte, value []byte) []byte {
	dst = binary.LittleEndian.AppendUint32(dst, uint32(1+len(value)))
	if value == nil {
		return append(dst, 0)
	}
	return append(append(dst, 1), value...)
}

// AppendTimestamp appends the encoding of FieldTimestamp.
func AppendTimestamp(dst []byte, seconds int64, nanos int32) []byte {
	dst = binary.LittleEndian.AppendUint64(dst, uint64(seconds))
	return binary.LittleEndian.AppendUint32(dst, uint32(nanos))
}

const timestampBytes = 12

// CutTimestamp reads a timestamp and answers what follows it.
func CutTimestamp(b []byte) (seconds int64, nanos int32, rest []byte, err error) {
	if len(b) < timestampBytes {
		return 0, 0, nil, errors.New("ends within a timestamp")
	}
	return int64(binary.LittleEndian.Uint64(b)), int32(binary.LittleEndian.Uint32(b[8:])), b[timestampBytes:], nil
}

// AppendPage appends iter_meta's answer: how many records a page has, and the
// bookmark of the next one.
func AppendPage(dst []byte, count uint32, bookmark string) []byte {
	return AppendBytes(binary.LittleEndian.AppendUint32(dst, count), bookmark)
}

// DecodePage is the inverse of AppendPage.
func DecodePage(b []byte) (count uint32, bookmark string, err error) {
	count, b, err = CutU32(b)
	if err != nil {
		return 0, "", err
	}
	mark, rest, err := CutBytes(b)
	if err != nil {
		return 0, "", err
	}
	if len(rest) > 0 {
		return 0, "", errors.New(strconv.Itoa(len(rest)) + " bytes after the bookmark")
	}
	return count, string(mark), nil
}

// DecodeList is the inverse of AppendList. It takes exactly one list. The items
// share b and cannot be appended to.
func DecodeList(b []byte) ([][]byte, error) {
	if len(b) > MaxListBytes {
		return nil, errors.New("list of " + strconv.Itoa(len(b)) + " bytes; at most " + strconv.Itoa(MaxListBytes) + " are taken")
	}
	count, b, err := CutU32(b)
	if err != nil {
		return nil, errors.New("list ends within its count")
	}
	// Each item takes four bytes at least, so a count beyond that is a lie and
	// never becomes an allocation.
	if count > MaxListItems || uint64(count)*4 > uint64(len(b)) {
		return nil, errors.New("list of " + strconv.Itoa(int(count)) + " items in " + strconv.Itoa(len(b)) + " bytes; at most " +
			strconv.Itoa(MaxListItems) + " items are taken")
	}
	items := make([][]byte, count)
	for i := range items {
		if items[i], b, err = CutBytes(b); err != nil {
			return nil, errors.New("item " + strconv.Itoa(i) + " of list: " + err.Error())
		}
	}
	if len(b) > 0 {
		return nil, errors.New(strconv.Itoa(len(b)) + " bytes after the end of the list")
	}
	return items, nil
}

// CutU32 reads a number and answers what follows it.
func CutU32(b []byte) (v uint32, rest []byte, err error) {
	if len(b) < 4 {
		return 0, nil, errors.New("ends within a number")
	}
	return binary.LittleEndian.Uint32(b), b[4:], nil
}

// CutBytes reads bytes with their length and answers what follows them. The
// bytes share b and cannot be appended to.
func CutBytes(b []byte) (item, rest []byte, err error) {
	if len(b) < 4 {
		return nil, nil, errors.New("ends within a length")
	}
	n := uint64(binary.LittleEndian.Uint32(b))
	b = b[4:]
	if n > uint64(len(b)) {
		return nil, nil, errors.New(strconv.FormatUint(n, 10) + " bytes announced, " + strconv.Itoa(len(b)) + " left")
	}
	return b[:n:n], b[n:], nil
}
