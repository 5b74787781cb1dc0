package wasm

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/weft-network/weft/wasm/abi"
	"github.com/weft-network/weft/wasm/warmup"
)

// warmUp runs the calls that the module declares, and the export cc_warmup, on
// a state that begins empty and is thrown away. What they answer does not
// matter, an error of the chaincode neither; what they leave in memory does.
func (inst *instance) warmUp(ctx context.Context, budget *Budget) error {
	state := &scratch{values: make(map[string][]byte)}
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

// warmUpCall is the same for every package and on every peer.
func warmUpCall(budget *Budget) *Call {
	return &Call{
		TxID: "warm-up", Channel: "warm-up", Chaincode: "warm-up", MSPID: warmup.CreatorMSP,
		Nanos: startClock, Creator: warmup.Creator(), Budget: budget,
	}
}

// maxScratchBytes bounds what all warm-up calls together may write. They touch
// code, not data, so this is plenty.
const maxScratchBytes = 16 << 20

// scratch is a state for warm-up calls. Each sees what those before it wrote;
// within a call what was written is seen at once, which no chaincode should
// count on.
type scratch struct {
	values  map[string][]byte
	written int
}

func (s *scratch) Get(key string) ([]byte, error) { return s.values[key], nil }

func (s *scratch) Put(key string, value []byte) error {
	if s.written += len(key) + len(value); s.written > maxScratchBytes {
		return &Exhausted{What: "writes of all warm-up calls", Limit: maxScratchBytes, Unit: "bytes"}
	}
	s.values[key] = value
	return nil
}

func (s *scratch) Delete(key string) error {
	delete(s.values, key)
	return nil
}

func (s *scratch) Range(start, end string) (Iterator, error) {
	keys := slices.DeleteFunc(slices.Sorted(maps.Keys(s.values)), func(key string) bool {
		return key < start || end != "" && key >= end
	})
	return &scratchRange{s, keys}, nil
}

type scratchRange struct {
	state *scratch
	keys  []string
}

func (r *scratchRange) Next() (string, []byte, bool, error) {
	if len(r.keys) == 0 {
		return "", nil, false, nil
	}
	key := r.keys[0]
	r.keys = r.keys[1:]
	return key, r.state.values[key], true, nil
}

func (*scratchRange) Close() error { return nil }
