package guest

import (
	"errors"
	"unsafe"

	"github.com/weft-network/weft/wasm/abi"
)

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

//go:wasmimport weft_v1 log
//go:noescape
func logLine(level uint32, text string)

var errNotFound = errors.New("there is no such key")

// firstBuffer is the size of the first try; what is longer takes a second call.
const firstBuffer = 4096

func dataOf(b []byte) unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(b)) }

// fetch gets an output of the host, of whatever length.
func fetch(call func(unsafe.Pointer, uint32) int32) ([]byte, error) {
	buf := make([]byte, firstBuffer)
	n := call(dataOf(buf), firstBuffer)
	if err := check(n); err != nil {
		return nil, err
	}
	return rest(buf, n), nil
}

func rest(buf []byte, n int32) []byte {
	if int(n) <= len(buf) {
		return buf[:n:n]
	}
	whole := make([]byte, n)
	resultRead(0, dataOf(whole), uint32(n))
	return whole
}

func check(code int32) error {
	if code >= 0 {
		return nil
	}
	if code == int32(abi.NotFound) {
		return errNotFound
	}
	buf := make([]byte, firstBuffer)
	n := errorRead(dataOf(buf), firstBuffer)
	if n < 0 {
		return errors.New("the host refused and gave no reason")
	}
	return errors.New(string(rest(buf, n)))
}

func field(f abi.Field) []byte {
	b, err := fetch(func(p unsafe.Pointer, n uint32) int32 { return ctxGet(uint32(f), p, n) })
	if err != nil {
		panic(err) // not in a transaction: the caller kept a Tx
	}
	return b
}
