package guest

import (
	"time"

	"github.com/weft-network/weft/wasm/abi"
)

// Tx is the transaction that runs. It is of no use after the call.
type Tx struct{ flags int32 }

// Init says that the call is the chaincode's initialisation.
func (tx *Tx) Init() bool { return tx.flags&abi.FlagInit != 0 }

// ReadOnly says that writes will be refused.
func (tx *Tx) ReadOnly() bool { return tx.flags&abi.FlagReadOnly != 0 }

// ID of the transaction.
func (tx *Tx) ID() string { return textOf(field(abi.FieldTxID)) }

// Channel of the transaction.
func (tx *Tx) Channel() string { return textOf(field(abi.FieldChannel)) }

// Chaincode is the name of the chaincode itself.
func (tx *Tx) Chaincode() string { return textOf(field(abi.FieldChaincode)) }

// MSPID of the peer that runs the chaincode.
func (tx *Tx) MSPID() string { return textOf(field(abi.FieldMSPID)) }

// Creator is the client's marshalled identity.
func (tx *Tx) Creator() []byte { return field(abi.FieldCreator) }

// SignedProposal is the client's marshalled signed proposal.
func (tx *Tx) SignedProposal() []byte { return field(abi.FieldSignedProposal) }

// Binding ties the client's nonce and identity together.
func (tx *Tx) Binding() []byte { return field(abi.FieldBinding) }

// Args of the call; the first is the function's name by custom.
func (tx *Tx) Args() [][]byte { return must(abi.DecodeList(field(abi.FieldArgs))) }

// Strings are the same, as strings; they cost less than converting each.
func (tx *Tx) Strings() []string {
	count, rest, err := abi.CutU32(field(abi.FieldArgs))
	args := make([]string, must(count, err))
	for i := range args {
		var arg []byte
		arg, rest, err = abi.CutBytes(rest)
		args[i] = textOf(must(arg, err))
	}
	return args
}

// Transient is what the client passed beside the arguments, which never gets
// into the ledger.
func (tx *Tx) Transient() map[string][]byte { return table(abi.FieldTransient) }

// Decorations are what peers added to the proposal.
func (tx *Tx) Decorations() map[string][]byte { return table(abi.FieldDecorations) }

func table(f abi.Field) map[string][]byte {
	items := must(abi.DecodeList(field(f)))
	m := make(map[string][]byte, len(items)/2)
	for i := 0; i+1 < len(items); i += 2 {
		m[string(items[i])] = items[i+1]
	}
	return m
}

// Time is the client's, the same on every peer.
func (tx *Tx) Time() time.Time {
	seconds, nanos, _, err := abi.CutTimestamp(field(abi.FieldTimestamp))
	if err != nil {
		panic(err) // the host broke the contract
	}
	return time.Unix(seconds, int64(nanos)).UTC()
}

// Event sets the transaction's one event; the last call wins.
func (tx *Tx) Event(name string, payload []byte) error {
	return check(eventSet(name, dataOf(payload), uint32(len(payload))))
}

// Call runs other chaincode in this transaction, and answers its status,
// payload and message. An empty channel is this one; chaincode of another may
// only read. The error says that it could not be run.
func (tx *Tx) Call(chaincode string, args [][]byte, channel string) (status int32, payload []byte, message string, err error) {
	list := abi.AppendList(nil, args)
	status = ccCall(chaincode, dataOf(list), uint32(len(list)), channel)
	if status < 0 {
		return 0, nil, "", check(status)
	}
	scratch := takeScratch()
	result, err := output(scratch, resultRead(0, dataOf(scratch), uint32(len(scratch))))
	if err != nil {
		return 0, nil, "", err
	}
	parts := must(abi.DecodeList(result))
	return status, parts[0], textOf(parts[1]), nil
}
