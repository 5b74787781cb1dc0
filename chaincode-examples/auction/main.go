// Command auction sells things to who bids most before a time. It is plain
// Fabric chaincode.
//
// An auction lies under a plain key, "auction:" and its id, so that ids can be
// listed by range; its bids lie under composite keys that sort by amount, so
// that the highest is the last of them. The clock is the timestamp of the
// proposal.
package main

import (
	"encoding/json"
	"fmt"
	"log"

	"github.com/hyperledger/fabric-chaincode-go/v2/shim"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
)

func main() {
	if err := shim.Start(house{}); err != nil {
		log.Fatal(err)
	}
}

// house is the auction house. Its Init sets the fee.
type house struct{}

// Init takes the fee in percent that the house keeps: weft tx submit --init.
func (house) Init(stub shim.ChaincodeStubInterface) *peer.Response {
	args := stub.GetStringArgs()
	if len(args) == 0 {
		return shim.Success(nil)
	}
	if fee, err := parseAmount(args[0]); err != nil || fee > 100 {
		return shim.Error(fmt.Sprintf("%q is no fee: give 0 to 100", args[0]))
	}
	if err := stub.PutState(keyFee, []byte(args[0])); err != nil {
		return shim.Error(err.Error())
	}
	return shim.Success(nil)
}

// Invoke runs the function that the first argument names.
func (house) Invoke(stub shim.ChaincodeStubInterface) *peer.Response {
	name, args := stub.GetFunctionAndParameters()
	f, ok := functions[name]
	if !ok {
		return shim.Error("there is no function " + name)
	}
	if len(args) != len(f.params) {
		return shim.Error(fmt.Sprintf("usage: %s %v", name, f.params))
	}
	result, err := f.run(stub, args)
	if err != nil {
		return shim.Error(err.Error())
	}
	payload, err := json.Marshal(result)
	if err != nil {
		return shim.Error(err.Error())
	}
	return shim.Success(payload)
}

type function struct {
	params []string
	run    func(stub shim.ChaincodeStubInterface, args []string) (any, error)
}

var functions = map[string]function{
	"Open":   {[]string{"ID", "ITEM", "RESERVE", "ENDS"}, open},
	"Get":    {[]string{"ID"}, func(stub shim.ChaincodeStubInterface, args []string) (any, error) { return get(stub, args[0]) }},
	"Bid":    {[]string{"ID", "AMOUNT"}, bid},
	"Bids":   {[]string{"ID"}, bidsOf},
	"Close":  {[]string{"ID"}, closeAuction},
	"Pay":    {[]string{"ID"}, pay},
	"Cancel": {[]string{"ID"}, cancel},
	"List":   {[]string{"FROM", "TO"}, list},
}
