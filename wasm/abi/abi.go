// Package abi is the contract between the host and a chaincode guest, version
// weft_v1: the one place both sides obey.
//
// A guest is a core WebAssembly module. It exports memory, weft_abi, cc_init
// and cc_invoke, and imports functions of the modules Module (this contract)
// and WASI (a deterministic subset of preview 1) and of nothing else.
//
// Passing memory. Byte strings go as (pointer, length) pairs that the host
// reads before it returns; outputs as (pointer, capacity) of a guest buffer.
// The answer is the length n of the output. If n is above the capacity nothing
// is written and the host keeps the output for result_read. The host never
// calls the guest's allocator.
//
// Errors. An answer below zero is a Code; its text is fetched by error_read. A
// pointer outside the memory or a fault of the host ends the invocation and is
// never visible to the guest.
//
// The package is pure and imports nothing but the standard library.
package abi

// Names of the import modules.
const (
	Module = "weft_v1"
	WASI   = "wasi_snapshot_preview1"
)

// The version of this host. A guest is taken when its major version is equal
// and its minor version not above.
const (
	Major = 1
	Minor = 0
)

// Names of the guest's exports.
const (
	ExportMemory     = "memory"
	ExportInitialize = "_initialize"
	ExportVersion    = "weft_abi"
	ExportInit       = "cc_init"
	ExportInvoke     = "cc_invoke"
)

// FlagInit is the bit of cc_invoke's argument that says that the call is the
// chaincode's Init.
const FlagInit = 1

// FlagComposite is the bit of range_open's flags that lets an empty start key
// reach the composite keys.
const FlagComposite = 1

// BatchRecords is how many records of a range the host reads at once, and
// iter_next hands over at most. It is Fabric's, and not free to change: what
// was read of a range becomes part of the read set.
const BatchRecords = 100

// RecordState is the first byte of a record of iter_next that holds a key and
// its value.
const RecordState = 0

// Code is a negative answer of a host function.
type Code int32

const (
	NotFound    Code = -1
	InvalidArg  Code = -2
	Denied      Code = -3
	ReadOnly    Code = -4
	Unsupported Code = -5
	Limit       Code = -6
	BadHandle   Code = -7
	NotInTx     Code = -8
)

// Field is what ctx_get asks for.
type Field uint32

const (
	FieldTxID Field = iota + 1
	FieldChannel
	// FieldTimestamp is seconds (i64) and nanoseconds (i32), little endian.
	FieldTimestamp
	// FieldArgs is a list.
	FieldArgs
	FieldCreator
	// FieldTransient is a map.
	FieldTransient
	FieldBinding
	// FieldDecorations is a map.
	FieldDecorations
	// FieldSignedProposal is a marshalled protos.SignedProposal.
	FieldSignedProposal
	// FieldMSPID is the MSP id of the peer that runs the chaincode.
	FieldMSPID
	FieldChaincode
)
