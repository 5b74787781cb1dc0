// Command asset is a register of assets: who owns what, and what it is worth.
//
// Assets lie under the composite key asset~id. A second key, owner~id, lets one
// list the assets of an owner without reading all.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"log"

	"github.com/hyperledger/fabric-chaincode-go/v2/shim"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
)

func main() {
	if err := shim.Start(register{}); err != nil {
		log.Fatal(err)
	}
}

type register struct{}

// Init is called only if the chaincode's definition asks for it.
func (register) Init(stub shim.ChaincodeStubInterface) *peer.Response { return shim.Success(nil) }

// Invoke runs the function that the first argument names.
func (register) Invoke(stub shim.ChaincodeStubInterface) *peer.Response {
	name, args := stub.GetFunctionAndParameters()
	function, ok := functions[name]
	if !ok {
		return shim.Error("there is no function " + name)
	}
	if len(args) < function.least || len(args) > function.most {
		return shim.Error("usage: " + function.usage)
	}
	result, err := function.run(stub, args)
	if err != nil {
		return shim.Error(err.Error())
	}
	if result == nil {
		return shim.Success(nil)
	}
	payload, err := json.Marshal(result)
	if err != nil {
		return shim.Error(err.Error())
	}
	return shim.Success(payload)
}

type function struct {
	usage       string
	least, most int
	run         func(stub shim.ChaincodeStubInterface, args []string) (any, error)
}

var functions = map[string]function{
	"InitLedger": {"InitLedger", 0, 0, initLedger},
	"Create":     {"Create ID OWNER VALUE", 3, 3, create},
	"Read":       {"Read ID", 1, 1, read},
	"Update":     {"Update ID VALUE", 2, 2, update},
	"Transfer":   {"Transfer ID NEWOWNER", 2, 2, transfer},
	"Delete":     {"Delete ID", 1, 1, remove},
	"List":       {"List [OWNER]", 0, 1, list},
	"History":    {"History ID", 1, 1, history},
	"Guard":      {"Guard ID MSPID...", 2, 16, guard},
}

func initLedger(stub shim.ChaincodeStubInterface, _ []string) (any, error) {
	for i, owner := range []string{"Tomoko", "Brad", "Jin Soo"} {
		a := &asset{ID: fmt.Sprintf("asset%d", i+1), Owner: owner, Value: 100 * int64(i+3)}
		if err := a.put(stub); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

func create(stub shim.ChaincodeStubInterface, args []string) (any, error) {
	value, err := parseValue(args[2])
	if err != nil {
		return nil, err
	}
	a := &asset{ID: args[0], Owner: args[1], Value: value}
	if a.ID == "" || a.Owner == "" {
		return nil, errors.New("an asset needs an id and an owner")
	}
	old, err := get(stub, a.ID)
	if err != nil {
		return nil, err
	}
	if old != nil {
		return nil, fmt.Errorf("asset %s exists already", a.ID)
	}
	return a, errors.Join(a.put(stub), a.announce(stub, "Create"))
}

func read(stub shim.ChaincodeStubInterface, args []string) (any, error) {
	return mustGet(stub, args[0])
}

func update(stub shim.ChaincodeStubInterface, args []string) (any, error) {
	a, err := mustGet(stub, args[0])
	if err != nil {
		return nil, err
	}
	if a.Value, err = parseValue(args[1]); err != nil {
		return nil, err
	}
	return a, a.put(stub)
}

func transfer(stub shim.ChaincodeStubInterface, args []string) (any, error) {
	a, err := mustGet(stub, args[0])
	if err != nil {
		return nil, err
	}
	if args[1] == "" {
		return nil, errors.New("an asset needs an owner")
	}
	if err := a.dropOwner(stub); err != nil {
		return nil, err
	}
	a.Owner = args[1]
	return a, errors.Join(a.put(stub), a.announce(stub, "Transfer"))
}

func remove(stub shim.ChaincodeStubInterface, args []string) (any, error) {
	a, err := mustGet(stub, args[0])
	if err != nil {
		return nil, err
	}
	return nil, a.remove(stub)
}
