package cctest

import (
	"context"
	"fmt"

	"github.com/weft-network/weft/ledger/sim"
	"github.com/weft-network/weft/node/endorse"
	"github.com/weft-network/weft/wasm"
)

// stub is that of an endorsement, with the suite's other chaincodes to call.
type stub struct {
	endorse.Stub
	runner *runner
	sim    *sim.Simulator
	call   *wasm.Call
}

var _ wasm.Caller = (*stub)(nil)

func (r *runner) stub(s *sim.Simulator, call *wasm.Call) *stub {
	return &stub{endorse.NewStub(s, r.state, call.Chaincode, call.TxID), r, s, call}
}

// CallChaincode implements wasm.Caller. There is one channel, and every callee
// is part of the transaction.
func (s *stub) CallChaincode(ctx context.Context, nested wasm.NestedCall) (*wasm.Response, error) {
	name, channel := endorse.Target(nested)
	if channel != "" && channel != s.call.Channel {
		return nil, fmt.Errorf("call chaincode %s on channel %s: a test has one channel, %s", name, channel, s.call.Channel)
	}
	module := s.runner.others[name]
	if name == s.runner.suite.Chaincode {
		module = s.runner.module
	}
	if module == nil {
		return nil, endorse.NotDeployed(s.call.Channel, name)
	}
	call := *s.call
	call.Chaincode, call.Args, call.Init = name, nested.Args, false
	call.Budget, call.Depth, call.ReadOnly = nested.Budget, nested.Depth, nested.ReadOnly
	response, err := module.Invoke(ctx, &call, s.runner.stub(s.sim, &call))
	if err != nil {
		return nil, endorse.CalleeEnded(err)
	}
	response.EventName, response.EventPayload = "", nil // only the outermost chaincode's event counts
	return response, nil
}
