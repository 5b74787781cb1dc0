package endorse

import (
	"github.com/weft-network/weft/ledger/sim"
	"github.com/weft-network/weft/wasm"
)

// NewStub gives a module its own namespace of a simulation, as an endorsement
// would: for rehearsing chaincode without a network.
func NewStub(s *sim.Simulator, namespace string) wasm.Stub {
	return &stub{sim: s, namespace: namespace}
}
