package wasm

import (
	"context"
	"fmt"

	"github.com/weft-network/weft/wasm/abi"
	"github.com/weft-network/weft/wasm/warmup"
)

// warmUp runs the calls that the module declares, and the export cc_warmup, on
// a state that begins empty and is thrown away. What they answer does not
// matter, an error of the chaincode neither; what they leave in memory does.
func (inst *instance) warmUp(ctx context.Context, budget *Budget) error {
	state := newScratch()
	for i, vector := range inst.module.warmup {
		call := warmUpCall(budget)
		call.Args = vector
		response, err := inst.serve(ctx, call, state)
		if err != nil {
			return fmt.Errorf("warm-up call %d: %w", i+1, err)
		}
		if response.Status >= 400 {
			inst.module.log.Warn("a warm-up call was answered with an error", "call", i+1,
				"in", inst.inv.where(), "status", response.Status, "message", response.Message)
		}
	}
	answer, err := inst.runOn(ctx, warmUpCall(budget), state, budget, abi.ExportWarmup)
	if err == nil && answer != 0 {
		err = fmt.Errorf("it answered %d", int32(answer))
	}
	if err != nil {
		return fmt.Errorf("warm-up by %s: %w", abi.ExportWarmup, err)
	}
	return nil
}

// warmUpID stands where a transaction id, a channel and a chaincode's name do.
const warmUpID = "warm-up"

// warmUpCall is the same for every package and on every peer.
func warmUpCall(budget *Budget) *Call {
	return &Call{
		TxID: warmUpID, Channel: warmUpID, Chaincode: warmUpID, MSPID: warmup.CreatorMSP,
		Nanos: startClock, Creator: warmup.Creator(), Budget: budget,
	}
}
