package wasm

import (
	"fmt"
	"time"
)

// Trap says that the chaincode broke off: it trapped, ended itself, called
// abort, or left the rules of the ABI. The text is the same on every peer.
type Trap struct{ Reason string }

func (e *Trap) Error() string { return "chaincode broke off: " + e.Reason }

// Exhausted says that a call asked for more than a limit allows.
type Exhausted struct {
	What  string
	Limit int64
	Unit  string
}

func (e *Exhausted) Error() string {
	return fmt.Sprintf("chaincode exceeded the limit of %d %s of %s", e.Limit, e.Unit, e.What)
}

// Timeout says that a call ran longer than Limits.CallTime.
type Timeout struct{ After time.Duration }

func (e *Timeout) Error() string {
	return fmt.Sprintf("chaincode ran longer than %v and was ended", e.After)
}
