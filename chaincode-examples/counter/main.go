// Command counter keeps numbers by name. Two transactions that change the same
// number in one block conflict: only the first is valid.
package main

import (
	"fmt"
	"log"
	"strconv"

	"github.com/hyperledger/fabric-chaincode-go/v2/shim"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
)

func main() {
	if err := shim.Start(counter{}); err != nil {
		log.Fatal(err)
	}
}

type counter struct{}

func (counter) Init(stub shim.ChaincodeStubInterface) *peer.Response { return shim.Success(nil) }

func (counter) Invoke(stub shim.ChaincodeStubInterface) *peer.Response {
	name, args := stub.GetFunctionAndParameters()
	result, err := run(stub, name, args)
	if err != nil {
		return shim.Error(err.Error())
	}
	return shim.Success([]byte(strconv.FormatInt(result, 10)))
}

func run(stub shim.ChaincodeStubInterface, name string, args []string) (int64, error) {
	switch {
	case name == "get" && len(args) == 1:
		return get(stub, args[0])
	case name == "put" && len(args) == 2:
		number, err := parse(args[1])
		if err != nil {
			return 0, err
		}
		return number, stub.PutState(args[0], []byte(args[1])) // as it was written: 007 stays 007
	case name == "add" && len(args) == 2:
		number, err := parse(args[1])
		if err != nil {
			return 0, err
		}
		return add(stub, args[0], number)
	case name == "transfer" && len(args) == 3:
		number, err := parse(args[2])
		if err != nil {
			return 0, err
		}
		return transfer(stub, args[0], args[1], number)
	}
	return 0, fmt.Errorf("usage: get NAME | put NAME NUMBER | add NAME NUMBER | transfer FROM TO NUMBER; got %s with %d arguments", name, len(args))
}

func parse(text string) (int64, error) {
	number, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%q is no whole number", text)
	}
	return number, nil
}

// get answers zero for a name that was never used.
func get(stub shim.ChaincodeStubInterface, name string) (int64, error) {
	value, err := stub.GetState(name)
	if err != nil || value == nil {
		return 0, err
	}
	return parse(string(value))
}

func put(stub shim.ChaincodeStubInterface, name string, number int64) (int64, error) {
	return number, stub.PutState(name, []byte(strconv.FormatInt(number, 10)))
}

func add(stub shim.ChaincodeStubInterface, name string, number int64) (int64, error) {
	old, err := get(stub, name)
	if err != nil {
		return 0, err
	}
	return put(stub, name, old+number)
}

func transfer(stub shim.ChaincodeStubInterface, from, to string, number int64) (int64, error) {
	if from == to {
		return 0, fmt.Errorf("%s cannot transfer to itself", from)
	}
	left, err := get(stub, from)
	if err != nil {
		return 0, err
	}
	if number < 0 || left < number {
		return 0, fmt.Errorf("%s has %d, which does not allow to transfer %d", from, left, number)
	}
	if _, err := add(stub, to, number); err != nil {
		return 0, err
	}
	return put(stub, from, left-number)
}
