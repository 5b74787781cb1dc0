package endorse

import (
	"errors"
	"fmt"

	"github.com/weft-network/weft/ledger/sim"
	"github.com/weft-network/weft/wasm"
)

// Stub is what an endorsement gives a chaincode of its own namespace.
type Stub interface {
	wasm.Stub
	wasm.Pager
	wasm.KeyMetadata
	wasm.Historian
}

// NewStub gives a module its own namespace of a simulation and of the past, as
// an endorsement would: for rehearsing chaincode without a network. It calls no
// other chaincode.
func NewStub(s *sim.Simulator, past Past, namespace, txID string) Stub {
	return &stub{sim: s, past: past, namespace: namespace, txID: txID}
}

// Target answers which chaincode a call of another means, and the channel, empty
// for the caller's own.
func Target(call wasm.NestedCall) (name, channel string) { return target(call) }

// NotDeployed is what a chaincode is told when it calls one that its channel
// does not have.
func NotDeployed(channel, name string) error {
	return &wasm.GuestError{Text: fmt.Sprintf("execute failed: invalid invocation: [channel %s] failed to get chaincode container info for %s: chaincode %s not found", channel, name, name)}
}

// CalleeEnded is what a chaincode is told when one that it called broke off with
// err. Other errors, of limits or of the peer, end the caller too and are
// answered as they are.
func CalleeEnded(err error) error {
	var trap *wasm.Trap
	if errors.As(err, &trap) {
		return &wasm.GuestError{Text: "execute failed: " + terminated(err).Error()}
	}
	return err
}
