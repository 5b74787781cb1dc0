// Command token is a fungible token: accounts with balances, transfers between
// them, and allowances that let others spend. It is plain Fabric chaincode.
//
// An account is a client of an organisation: the common name of the certificate
// and the MSP id. The organisation that sets the token up is its issuer, whose
// administrators alone may mint and burn.
package main

import (
	"encoding/json"
	"fmt"
	"log"

	"github.com/hyperledger/fabric-chaincode-go/v2/shim"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
)

func main() {
	if err := shim.Start(token{}); err != nil {
		log.Fatal(err)
	}
}

type token struct{}

// Init does nothing; Setup makes the token.
func (token) Init(shim.ChaincodeStubInterface) *peer.Response { return shim.Success(nil) }

// Invoke runs the function that the first argument names.
func (token) Invoke(stub shim.ChaincodeStubInterface) *peer.Response {
	name, args := stub.GetFunctionAndParameters()
	f, ok := functions[name]
	if !ok {
		return shim.Error("there is no function " + name)
	}
	if len(args) != len(f.params) {
		return shim.Error(fmt.Sprintf("usage: %s %v", name, f.params))
	}
	l, err := open(stub)
	if err != nil {
		return shim.Error(err.Error())
	}
	result, err := f.run(l, args)
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
	params []string
	run    func(l *ledger, args []string) (any, error)
}

var functions = map[string]function{
	"Setup":        {[]string{"NAME", "SYMBOL", "DECIMALS"}, setup},
	"Describe":     {nil, describe},
	"Account":      {nil, account},
	"BalanceOf":    {[]string{"ACCOUNT"}, balanceOf},
	"TotalSupply":  {nil, totalSupply},
	"Mint":         {[]string{"ACCOUNT", "AMOUNT"}, mint},
	"Burn":         {[]string{"ACCOUNT", "AMOUNT"}, burn},
	"Transfer":     {[]string{"TO", "AMOUNT"}, transfer},
	"Approve":      {[]string{"SPENDER", "AMOUNT"}, approve},
	"Allowance":    {[]string{"OWNER", "SPENDER"}, allowance},
	"TransferFrom": {[]string{"FROM", "TO", "AMOUNT"}, transferFrom},
	"Holders":      {nil, holders},
}
