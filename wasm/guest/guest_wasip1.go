package guest

import (
	"strings"
	_ "unsafe" // for linkname

	"github.com/weft-network/weft/wasm/abi"
)

// Statuses of a response.
const (
	StatusOK    = 200
	StatusError = 500
)

var registered func(tx *Tx) ([]byte, error)

// Register sets what runs for each transaction. What it returns is the payload
// of the response; an error makes the response one that is not endorsed.
func Register(f func(tx *Tx) ([]byte, error)) { registered = f }

//go:linkname mainMain main.main
func mainMain()

//go:wasmexport weft_abi
func weftABI() int32 { return abi.Major<<16 | abi.Minor }

//go:wasmexport cc_init
func ccInit() int32 {
	mainMain()
	if registered == nil {
		return 1
	}
	return 0
}

//go:wasmexport cc_invoke
func ccInvoke(flags int32) int32 {
	payload, err := registered(&Tx{flags: flags})
	if err != nil {
		return responseSet(StatusError, strings.ToValidUTF8(err.Error(), "�"), nil, 0)
	}
	return responseSet(StatusOK, "", dataOf(payload), uint32(len(payload)))
}

// Log writes a line to the chaincode log of this peer.
func Log(text string) { logLine(1, text) }

// Abort ends the call at once. Nothing that it wrote counts, and the caller is
// told the text.
func Abort(text string) {
	abortCall(text)
	panic("unreachable")
}
