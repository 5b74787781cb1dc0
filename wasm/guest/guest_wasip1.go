package guest

import (
	"encoding/binary"
	"errors"
	"strings"
	"time"
	"unsafe"

	"github.com/weft-network/weft/wasm/abi"
)

// Statuses of a response.
const (
	statusOK    = 200
	statusError = 500
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
	payload, err := registered(&Tx{init: flags&abi.FlagInit != 0})
	if err != nil {
		return responseSet(statusError, strings.ToValidUTF8(err.Error(), "�"), nil, 0)
	}
	return responseSet(statusOK, "", dataOf(payload), uint32(len(payload)))
}

// Tx is the transaction that runs.
type Tx struct{ init bool }

// Init says that the call is the chaincode's initialisation.
func (tx *Tx) Init() bool { return tx.init }

// ID of the transaction.
func (tx *Tx) ID() string { return string(field(abi.FieldTxID)) }

// Channel of the transaction.
func (tx *Tx) Channel() string { return string(field(abi.FieldChannel)) }

// MSPID of the peer that runs the chaincode.
func (tx *Tx) MSPID() string { return string(field(abi.FieldMSPID)) }

// Creator is the client's marshalled identity.
func (tx *Tx) Creator() []byte { return field(abi.FieldCreator) }

// Args of the call; the first is the function's name by custom.
func (tx *Tx) Args() [][]byte {
	args, err := abi.DecodeList(field(abi.FieldArgs))
	if err != nil {
		panic(err) // the host broke the contract
	}
	return args
}

// Time is the client's, the same on every peer.
func (tx *Tx) Time() time.Time {
	b := field(abi.FieldTimestamp)
	seconds, nanos := binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint32(b[8:])
	return time.Unix(int64(seconds), int64(int32(nanos))).UTC()
}

// Get answers nil without an error when there is no such key.
func (tx *Tx) Get(key string) ([]byte, error) {
	value, err := fetch(func(p unsafe.Pointer, n uint32) int32 { return stateGet("", key, p, n) })
	if errors.Is(err, errNotFound) {
		return nil, nil
	}
	return value, err
}

// Put writes a key. An empty value deletes it when the block is committed.
func (tx *Tx) Put(key string, value []byte) error {
	return check(statePut("", key, dataOf(value), uint32(len(value))))
}

// Delete deletes a key, which need not exist.
func (tx *Tx) Delete(key string) error { return check(stateDel("", key, 0)) }

// Event sets the transaction's one event; the last call wins.
func (tx *Tx) Event(name string, payload []byte) error {
	return check(eventSet(name, dataOf(payload), uint32(len(payload))))
}

// Range calls f for the keys from start up to, and without, end, until it
// answers an error, which Range then returns. An empty end is no end.
func (tx *Tx) Range(start, end string, f func(key string, value []byte) error) error {
	handle := rangeOpen("", start, end, 0, 0, "")
	if err := check(handle); err != nil {
		return err
	}
	defer iterClose(handle)
	for {
		b, err := fetch(func(p unsafe.Pointer, n uint32) int32 { return iterNext(handle, p, n) })
		if err != nil || len(b) == 0 {
			return err
		}
		records, err := abi.DecodeRecords(b)
		if err != nil {
			return err
		}
		for _, r := range records {
			if err := f(r.Key, r.Value); err != nil {
				return err
			}
		}
	}
}

// Log writes a line to the chaincode log of this peer.
func Log(text string) { logLine(1, text) }
