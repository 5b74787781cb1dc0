package wasm

import (
	"fmt"
	"time"
)

// Trap says that the chaincode broke off: it trapped, ended itself, called
// abort, or left the rules of the ABI. The text is the same on every peer.
type Trap struct {
	Reason   string
	In       string // what the chaincode was doing
	FuelUsed uint64
}

func (e *Trap) Error() string { return "chaincode broke off" + in(e.In) + ": " + e.Reason }

func in(where string) string {
	if where == "" {
		return ""
	}
	return " in " + where
}

// whatFuel is Exhausted.What for the budget.
const whatFuel = "fuel"

// Exhausted says that a call asked for more than a limit allows. The text is
// the same on every peer.
type Exhausted struct {
	What     string // that there is a limit of: fuel, memory, …
	Limit    int64
	Unit     string
	In       string // what the chaincode was doing
	FuelUsed uint64
}

func (e *Exhausted) Error() string {
	if e.What == whatFuel {
		return fmt.Sprintf("EXHAUSTED: fuel %d used%s", e.Limit, in(e.In))
	}
	return fmt.Sprintf("EXHAUSTED: more than the limit of %d %s of %s%s", e.Limit, e.Unit, e.What, in(e.In))
}

// Timeout says that a call ran longer than Limits.CallTime.
type Timeout struct{ After time.Duration }

func (e *Timeout) Error() string {
	return fmt.Sprintf("chaincode ran longer than %v and was ended", e.After)
}
