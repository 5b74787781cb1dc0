package guest

import (
	"unsafe"

	"github.com/weft-network/weft/wasm/abi"
)

// Error is a refusal of the host.
type Error struct {
	Code abi.Code
	Text string
}

func (e *Error) Error() string { return e.Text }

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

// output is received, or the error of a negative answer.
func output(scratch []byte, n int32) ([]byte, error) {
	if n < 0 {
		spare = scratch
		return nil, check(n)
	}
	return received(scratch, n), nil
}

// value is output, where there may be none.
func value(scratch []byte, n int32) ([]byte, error) {
	if n == int32(abi.NotFound) {
		spare = scratch
		return nil, nil
	}
	return output(scratch, n)
}

func dataOf(b []byte) unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(b)) }

// textOf makes a string of bytes that nobody changes any more.
func textOf(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

func check(code int32) error {
	if code >= 0 {
		return nil
	}
	e := &Error{Code: abi.Code(code), Text: "the host refused and gave no reason"}
	scratch := takeScratch()
	if n := errorRead(dataOf(scratch), uint32(len(scratch))); n >= 0 {
		e.Text = string(received(scratch, n))
	} else {
		spare = scratch
	}
	return e
}

func field(f abi.Field) []byte {
	scratch := takeScratch()
	b, err := output(scratch, ctxGet(uint32(f), dataOf(scratch), uint32(len(scratch))))
	if err != nil {
		panic(err) // not in a transaction: the caller kept a Tx
	}
	return b
}

// must is for answers of the host that break the contract.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
