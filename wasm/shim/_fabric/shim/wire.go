package shim

import (
	"encoding/binary"
	"errors"
	"unsafe"
)

// scratchBytes is what the host is offered for an answer. What is longer takes
// a second call.
const scratchBytes = 16 << 10

// spare is the buffer that answers are received in, so that none of that size
// is made for each. It is nil while a goroutine has it: receiving an answer may
// make room for it, and that may let another goroutine run.
var spare = make([]byte, scratchBytes)

func takeScratch() []byte {
	b := spare
	spare = nil
	if b == nil {
		b = make([]byte, scratchBytes)
	}
	return b
}

// received copies an answer of length n out of the scratch buffer, or fetches
// it if it did not fit, and gives the buffer back.
func received(scratch []byte, n int32) []byte {
	answer := make([]byte, n)
	if int(n) <= len(scratch) {
		copy(answer, scratch)
	} else {
		resultRead(0, dataOf(answer), uint32(n))
	}
	spare = scratch
	return answer
}

func dataOf(b []byte) unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(b)) }

// lastError is the host's explanation of a negative answer.
func lastError() error {
	scratch := takeScratch()
	n := errorRead(dataOf(scratch), uint32(len(scratch)))
	if n < 0 {
		spare = scratch
		return errors.New("the host refused and gave no reason")
	}
	return errors.New(textOf(received(scratch, n)))
}

func ctxField(field uint32) ([]byte, error) {
	scratch := takeScratch()
	n := ctxGet(field, dataOf(scratch), uint32(len(scratch)))
	if n < 0 {
		spare = scratch
		return nil, lastError()
	}
	return received(scratch, n), nil
}

// ctxText is ctxField for what is text.
func ctxText(field uint32) (string, error) {
	b, err := ctxField(field)
	return textOf(b), err
}

// textOf makes a string of bytes that nobody changes any more.
func textOf(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// encodeList makes a list of the host: a count, then each item's length and
// bytes, little endian.
func encodeList[T ~string | ~[]byte](items []T) []byte {
	size := 4
	for _, item := range items {
		size += 4 + len(item)
	}
	b := binary.LittleEndian.AppendUint32(make([]byte, 0, size), uint32(len(items)))
	for _, item := range items {
		b = binary.LittleEndian.AppendUint32(b, uint32(len(item)))
		b = append(b, item...)
	}
	return b
}

// decodeList splits a list. The items share b.
func decodeList(b []byte) ([][]byte, error) {
	count, b, err := cutNumber(b)
	if err != nil || uint64(count)*4 > uint64(len(b)) {
		return nil, errShort
	}
	items := make([][]byte, count)
	for i := range items {
		if items[i], b, err = cutBytes(b); err != nil {
			return nil, err
		}
	}
	return items, nil
}

func decodeMap(b []byte) (map[string][]byte, error) {
	items, err := decodeList(b)
	if err != nil || len(items) == 0 {
		return nil, err
	}
	m := make(map[string][]byte, len(items)/2)
	for i := 0; i+1 < len(items); i += 2 {
		m[string(items[i])] = items[i+1]
	}
	return m, nil
}

var errShort = errors.New("the host's answer ends too early")

func cutNumber(b []byte) (uint32, []byte, error) {
	if len(b) < 4 {
		return 0, nil, errShort
	}
	return binary.LittleEndian.Uint32(b), b[4:], nil
}

func cutBytes(b []byte) (item, after []byte, err error) {
	n, b, err := cutNumber(b)
	if err != nil || uint64(n) > uint64(len(b)) {
		return nil, nil, errShort
	}
	return b[:n:n], b[n:], nil
}

// cutTimestamp cuts seconds and nanoseconds off.
func cutTimestamp(b []byte) (seconds int64, nanos int32, after []byte, err error) {
	if len(b) < 12 {
		return 0, 0, nil, errShort
	}
	return int64(binary.LittleEndian.Uint64(b)), int32(binary.LittleEndian.Uint32(b[8:])), b[12:], nil
}
