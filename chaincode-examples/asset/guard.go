package main

import (
	"fmt"
	"sort"

	"github.com/hyperledger/fabric-chaincode-go/v2/pkg/statebased"
	"github.com/hyperledger/fabric-chaincode-go/v2/shim"
)

// guard gives an asset endorsers of its own: from the next block on it changes
// only with the endorsement of a peer of each of these organisations, whoever
// may endorse the rest. It takes those who guard it now to change that.
func guard(stub shim.ChaincodeStubInterface, args []string) (any, error) {
	a, err := mustGet(stub, args[0])
	if err != nil {
		return nil, err
	}
	key, _, err := a.keys(stub)
	if err != nil {
		return nil, err
	}
	before, err := stub.GetStateValidationParameter(key)
	if err != nil {
		return nil, err
	}
	old, err := statebased.NewStateEP(before)
	if err != nil {
		return nil, fmt.Errorf("endorsers of asset %s: %w", a.ID, err)
	}
	endorsers, err := statebased.NewStateEP(nil)
	if err != nil {
		return nil, err
	}
	if err := endorsers.AddOrgs(statebased.RoleTypePeer, args[1:]...); err != nil {
		return nil, err
	}
	policy, err := endorsers.Policy()
	if err != nil {
		return nil, err
	}
	released := append([]string{}, old.ListOrgs()...)
	sort.Strings(released) // the library has them in a map
	return released, stub.SetStateValidationParameter(key, policy)
}
