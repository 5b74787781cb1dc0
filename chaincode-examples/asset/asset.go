package main

import (
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/hyperledger/fabric-chaincode-go/v2/shim"
)

// object types of the composite keys
const (
	byID    = "asset"
	byOwner = "owner"
)

const timeFormat = "2006-01-02T15:04:05.000Z"

type asset struct {
	ID    string `json:"id"`
	Owner string `json:"owner"`
	Value int64  `json:"value"`
	// Changed is the time of the last transaction, the same on every peer.
	Changed string `json:"changed"`
}

func parseValue(text string) (int64, error) {
	value, err := strconv.ParseInt(text, 10, 64)
	if err != nil || value < 0 {
		return 0, fmt.Errorf("%q is no value: give a whole number that is not negative", text)
	}
	return value, nil
}

// get answers nil if there is no such asset.
func get(stub shim.ChaincodeStubInterface, id string) (*asset, error) {
	key, err := stub.CreateCompositeKey(byID, []string{id})
	if err != nil {
		return nil, err
	}
	value, err := stub.GetState(key)
	if err != nil || value == nil {
		return nil, err
	}
	a := &asset{}
	if err := json.Unmarshal(value, a); err != nil {
		return nil, fmt.Errorf("asset %s: %w", id, err)
	}
	return a, nil
}

func mustGet(stub shim.ChaincodeStubInterface, id string) (*asset, error) {
	a, err := get(stub, id)
	if err == nil && a == nil {
		err = fmt.Errorf("there is no asset %s", id)
	}
	return a, err
}

func (a *asset) keys(stub shim.ChaincodeStubInterface) (own, owner string, err error) {
	if own, err = stub.CreateCompositeKey(byID, []string{a.ID}); err != nil {
		return "", "", err
	}
	owner, err = stub.CreateCompositeKey(byOwner, []string{a.Owner, a.ID})
	return own, owner, err
}

func (a *asset) put(stub shim.ChaincodeStubInterface) error {
	now, err := stub.GetTxTimestamp()
	if err != nil {
		return err
	}
	a.Changed = now.AsTime().Format(timeFormat)
	value, err := json.Marshal(a)
	if err != nil {
		return err
	}
	own, owner, err := a.keys(stub)
	if err != nil {
		return err
	}
	if err := stub.PutState(own, value); err != nil {
		return err
	}
	// An empty value would delete the key when the block is committed.
	return stub.PutState(owner, []byte{0})
}

func (a *asset) dropOwner(stub shim.ChaincodeStubInterface) error {
	_, owner, err := a.keys(stub)
	if err != nil {
		return err
	}
	return stub.DelState(owner)
}

func (a *asset) remove(stub shim.ChaincodeStubInterface) error {
	own, owner, err := a.keys(stub)
	if err != nil {
		return err
	}
	if err := stub.DelState(own); err != nil {
		return err
	}
	return stub.DelState(owner)
}

func (a *asset) announce(stub shim.ChaincodeStubInterface, event string) error {
	payload, err := json.Marshal(a)
	if err != nil {
		return err
	}
	return stub.SetEvent(event, payload)
}

// list answers all assets, or those of one owner, in the order of their ids.
func list(stub shim.ChaincodeStubInterface, args []string) (any, error) {
	objectType := byID
	if len(args) > 0 {
		objectType = byOwner
	}
	it, err := stub.GetStateByPartialCompositeKey(objectType, args)
	if err != nil {
		return nil, err
	}
	defer it.Close()
	assets := []*asset{}
	for it.HasNext() {
		kv, err := it.Next()
		if err != nil {
			return nil, err
		}
		_, parts, err := stub.SplitCompositeKey(kv.Key)
		if err != nil {
			return nil, err
		}
		a, err := mustGet(stub, parts[len(parts)-1])
		if err != nil {
			return nil, err
		}
		assets = append(assets, a)
	}
	return assets, nil
}
