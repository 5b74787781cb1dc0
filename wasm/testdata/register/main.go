// Command register is chaincode as Fabric's beginners write it: an asset per
// key, as JSON. What calls on the Fabric shim cost is measured with it.
package main

import (
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/hyperledger/fabric-chaincode-go/v2/shim"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
)

type asset struct {
	ID             string `json:"ID"`
	Color          string `json:"Color"`
	Size           int    `json:"Size"`
	Owner          string `json:"Owner"`
	AppraisedValue int    `json:"AppraisedValue"`
}

type register struct{}

func (register) Init(shim.ChaincodeStubInterface) *peer.Response { return shim.Success(nil) }

func (register) Invoke(stub shim.ChaincodeStubInterface) *peer.Response {
	name, args := stub.GetFunctionAndParameters()
	var err error
	var payload []byte
	switch {
	case name == "Create" && len(args) == 5:
		err = create(stub, args)
	case name == "Read" && len(args) == 1:
		payload, err = read(stub, args[0])
	default:
		err = fmt.Errorf("there is no function %s of %d arguments", name, len(args))
	}
	if err != nil {
		return shim.Error(err.Error())
	}
	return shim.Success(payload)
}

func create(stub shim.ChaincodeStubInterface, args []string) error {
	old, err := stub.GetState(args[0])
	if err != nil {
		return err
	}
	if old != nil {
		return fmt.Errorf("the asset %s already exists", args[0])
	}
	size, err := strconv.Atoi(args[2])
	if err != nil {
		return err
	}
	value, err := strconv.Atoi(args[4])
	if err != nil {
		return err
	}
	b, err := json.Marshal(asset{args[0], args[1], size, args[3], value})
	if err != nil {
		return err
	}
	return stub.PutState(args[0], b)
}

func read(stub shim.ChaincodeStubInterface, id string) ([]byte, error) {
	b, err := stub.GetState(id)
	if err != nil {
		return nil, err
	}
	if b == nil {
		return nil, fmt.Errorf("the asset %s does not exist", id)
	}
	var a asset
	if err := json.Unmarshal(b, &a); err != nil {
		return nil, err
	}
	return json.Marshal(a)
}

func main() {
	if err := shim.Start(register{}); err != nil {
		panic(err)
	}
}
