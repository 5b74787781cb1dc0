package state

import (
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/weft-network/weft/ledger"
)

// Modification is one write of a public key by one valid transaction, be it
// overwritten later in the same block.
type Modification struct {
	Version ledger.Version // the block, and the transaction's index in it
	TxID    string
	// Timestamp is what the client wrote into the transaction; nobody checked it.
	Timestamp *timestamppb.Timestamp
	Value     []byte // nil for a delete
	Delete    bool
}

// History walks the modifications of a key, the newest first. It is used by one
// goroutine and must be closed; Next after the oldest returns false and Err
// tells whether that was the end.
type History interface {
	Next() bool
	Modification() Modification
	Err() error
	Close() error
}
