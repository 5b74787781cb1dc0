// Package abi is the contract between the host and a chaincode guest, version
// weft_v1: the one place both sides obey. docs/chaincode-abi.md tells it to
// those who write a guest in another language.
//
// A guest is a core WebAssembly module. It exports memory and the functions of
// Exports, may export those of OptionalExports, and imports functions of the
// modules Module (this contract, Guest) and WASI (a deterministic subset of
// preview 1, Preview1) and of nothing else.
//
// Passing memory. Byte strings go as (pointer, length) pairs that the host
// reads before it returns; outputs as (pointer, capacity) of a guest buffer.
// The answer is the length n of the output. If n is above the capacity nothing
// is written and the host keeps the output for result_read. The host never
// calls the guest's allocator.
//
// Errors. An answer below zero is a Code; its text is fetched by error_read. A
// pointer outside the memory, a limit of the whole call, or a fault of the host
// ends the invocation and is never visible to the guest.
//
// Versions. The name of the import module carries the major version. A minor
// version only adds functions, fields, flags and codes: what a guest imports is
// what it needs, and weft_abi says so in one number.
//
// The package is pure and imports nothing but the standard library, and of that
// little: it becomes part of every Go guest.
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

// ExportWarmup is a function that a guest may do without. It runs once at
// install after cc_init, on an empty state that is thrown away with all it
// answers. What it leaves warm in memory is warm in every call.
const ExportWarmup = "cc_warmup"

// Bits of cc_invoke's argument.
const (
	// FlagInit says that the call is the chaincode's Init.
	FlagInit = 1
	// FlagReadOnly says that writes will be answered ReadOnly.
	FlagReadOnly = 2
)

// FlagComposite is the bit of range_open's flags that lets keys begin with
// U+0000, as composite keys do, and an empty start key reach them.
const FlagComposite = 1

// Modes of state_del.
const (
	DeleteKey = 0
	// PurgeKey deletes a key of private data and what is left of its history.
	PurgeKey = 1
)

// BatchRecords is how many records of a range the host reads at once, and
// iter_next hands over at most. It is Fabric's, and not free to change: what
// was read of a range becomes part of the read set.
const BatchRecords = 100

// Kinds of records of iter_next: their first byte.
const (
	// RecordState holds namespace, key and value, of public or private state.
	RecordState = 0
	// RecordHistory holds a Modification.
	RecordHistory = 1
)

// ValidationParameter is the name of the key metadata that holds a key's own
// endorsement policy.
const ValidationParameter = "VALIDATION_PARAMETER"

// Code is a negative answer of a host function.
type Code int32

const (
	// NotFound: there is no such key, hash or metadata.
	NotFound Code = -1
	// InvalidArg: an argument breaks the rules, or the request was refused for
	// what it asks.
	InvalidArg Code = -2
	// Denied: the client or the peer may not do this.
	Denied Code = -3
	// ReadOnly: the call may not write.
	ReadOnly Code = -4
	// Unsupported: this peer cannot do it. The text begins with UNSUPPORTED and
	// the function's name.
	Unsupported Code = -5
	// Limit: too much at once; less would be served.
	Limit Code = -6
	// BadHandle: the iterator is closed or never was.
	BadHandle Code = -7
	// NotInTx: not while the chaincode is being started.
	NotInTx Code = -8
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
