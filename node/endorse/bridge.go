package endorse

import (
	"errors"

	"github.com/weft-network/weft/ledger/chain"
	"github.com/weft-network/weft/ledger/state"
)

// stateOf is a snapshot as chaincode reads it.
func stateOf(s *chain.Snapshot) State {
	if st, ok := any(s).(State); ok {
		return st
	}
	return withoutPast{s}
}

type withoutPast struct{ *chain.Snapshot }

func (withoutPast) History(string, string) (state.History, error) {
	return nil, errors.New("the ledger keeps no history")
}
