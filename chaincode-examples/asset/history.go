package main

import (
	"encoding/json"
	"fmt"

	"github.com/hyperledger/fabric-chaincode-go/v2/shim"
)

// change is what one transaction made of an asset.
type change struct {
	TxID  string `json:"tx"`
	Time  string `json:"time"`
	Asset *asset `json:"asset"` // null where it was deleted
}

// history answers what became of an asset, the newest first. Later transactions
// do not depend on what it reads: it is for queries.
func history(stub shim.ChaincodeStubInterface, args []string) (any, error) {
	key, err := stub.CreateCompositeKey(byID, args)
	if err != nil {
		return nil, err
	}
	it, err := stub.GetHistoryForKey(key)
	if err != nil {
		return nil, err
	}
	defer it.Close()
	changes := []*change{}
	for it.HasNext() {
		m, err := it.Next()
		if err != nil {
			return nil, err
		}
		c := &change{TxID: m.TxId, Time: m.Timestamp.AsTime().Format(timeFormat)}
		if !m.IsDelete {
			c.Asset = &asset{}
			if err := json.Unmarshal(m.Value, c.Asset); err != nil {
				return nil, fmt.Errorf("asset %s in transaction %s: %w", args[0], m.TxId, err)
			}
		}
		changes = append(changes, c)
	}
	return changes, nil
}
