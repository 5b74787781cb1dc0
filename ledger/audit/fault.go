package audit

import (
	"fmt"
	"strings"
)

// Fault is the first thing that is wrong with a ledger.
type Fault struct {
	// Block and Tx are where it is, as far as it is at a block; Tx is -1 where
	// it is the whole block.
	Block *uint64 `json:"block,omitempty"`
	Tx    int     `json:"index"`
	TxID  string  `json:"transactionID,omitempty"`
	// Text is a sentence that says what is wrong, with path and offset where it
	// is a file.
	Text string `json:"text"`
}

// Error is the fault with its place, on one line.
func (f *Fault) Error() string {
	var b strings.Builder
	if f.Block != nil {
		fmt.Fprintf(&b, "block %d: ", *f.Block)
	}
	if f.Tx >= 0 && f.TxID != "" {
		fmt.Fprintf(&b, "transaction %d (%s): ", f.Tx, f.TxID)
	} else if f.Tx >= 0 {
		fmt.Fprintf(&b, "transaction %d: ", f.Tx)
	}
	return b.String() + f.Text
}

// none is the index of no transaction.
const none = -1

// checkFault is a fault with the check that found it.
type checkFault struct {
	check string
	*Fault
}

func (f checkFault) Unwrap() error { return f.Fault }

// at makes the fault of a block.
func at(check string, number uint64, format string, args ...any) error {
	return checkFault{check, &Fault{Block: &number, Tx: none, Text: fmt.Sprintf(format, args...)}}
}

// elsewhere makes a fault that is at no block.
func elsewhere(check, format string, args ...any) error {
	return checkFault{check, &Fault{Tx: none, Text: fmt.Sprintf(format, args...)}}
}
