package shim

import (
	"encoding/binary"
	"errors"
	"unsafe"
)

// The functions of the host. Byte strings go as pointer and length; an answer
// below zero is a code, whose text error_read tells.

//go:wasmimport weft_v1 ctx_get
//go:noescape
func ctxGet(field uint32, ptr unsafe.Pointer, capacity uint32) int32

//go:wasmimport weft_v1 state_get
//go:noescape
func stateGet(collection, key string, ptr unsafe.Pointer, capacity uint32) int32

//go:wasmimport weft_v1 state_put
//go:noescape
func statePut(collection, key string, value unsafe.Pointer, length uint32) int32

//go:wasmimport weft_v1 state_del
//go:noescape
func stateDel(collection, key string, mode uint32) int32

//go:wasmimport weft_v1 range_open
//go:noescape
func rangeOpen(collection, start, end string, flags, page uint32, bookmark string) int32

//go:wasmimport weft_v1 iter_next
//go:noescape
func iterNext(handle int32, ptr unsafe.Pointer, capacity uint32) int32

//go:wasmimport weft_v1 iter_close
func iterClose(handle int32) int32

//go:wasmimport weft_v1 event_set
//go:noescape
func eventSet(name string, payload unsafe.Pointer, length uint32) int32

//go:wasmimport weft_v1 response_set
//go:noescape
func responseSet(status int32, message string, payload unsafe.Pointer, length uint32) int32

//go:wasmimport weft_v1 result_read
//go:noescape
func resultRead(offset uint32, ptr unsafe.Pointer, length uint32) int32

//go:wasmimport weft_v1 error_read
//go:noescape
func errorRead(ptr unsafe.Pointer, capacity uint32) int32

const codeNotFound = -1

// fields of ctx_get
const (
	fieldTxID = iota + 1
	fieldChannel
	fieldTimestamp
	fieldArgs
	fieldCreator
	fieldTransient
	fieldBinding
	fieldDecorations
	fieldSignedProposal
	fieldMSPID
)

// firstBuffer is the size of the first try; what is longer takes a second call.
const firstBuffer = 1024

func dataOf(b []byte) unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(b)) }

// rest answers the output of length n, of which buf holds all if it fits.
func rest(buf []byte, n int32) []byte {
	if int(n) <= len(buf) {
		return buf[:n:n]
	}
	whole := make([]byte, n)
	resultRead(0, dataOf(whole), uint32(n))
	return whole
}

// lastError is the host's explanation of a negative answer.
func lastError() error {
	buf := make([]byte, firstBuffer)
	n := errorRead(dataOf(buf), uint32(len(buf)))
	if n < 0 {
		return errors.New("the host refused and gave no reason")
	}
	return errors.New(string(rest(buf, n)))
}

func check(code int32) error {
	if code < 0 {
		return lastError()
	}
	return nil
}

func ctxField(field uint32) ([]byte, error) {
	buf := make([]byte, firstBuffer)
	n := ctxGet(field, dataOf(buf), uint32(len(buf)))
	if n < 0 {
		return nil, lastError()
	}
	return rest(buf, n), nil
}

// decodeList splits a list of the host: a count, then each item's length and
// bytes, little endian. The items share b.
func decodeList(b []byte) ([][]byte, error) {
	count, b, err := cutLength(b)
	if err != nil {
		return nil, err
	}
	items := make([][]byte, 0, min(int(count), len(b)/4))
	for range count {
		var item []byte
		if item, b, err = cutBytes(b); err != nil {
			return nil, err
		}
		items = append(items, item)
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

func cutLength(b []byte) (uint32, []byte, error) {
	if len(b) < 4 {
		return 0, nil, errShort
	}
	return binary.LittleEndian.Uint32(b), b[4:], nil
}

func cutBytes(b []byte) (item, after []byte, err error) {
	n, b, err := cutLength(b)
	if err != nil || uint64(n) > uint64(len(b)) {
		return nil, nil, errShort
	}
	return b[:n:n], b[n:], nil
}
