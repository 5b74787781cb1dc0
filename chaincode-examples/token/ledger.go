package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"

	"github.com/hyperledger/fabric-chaincode-go/v2/pkg/cid"
	"github.com/hyperledger/fabric-chaincode-go/v2/shim"
)

// object types of the composite keys, and plain keys
const (
	typeBalance   = "balance"
	typeAllowance = "allowance"
	keyToken      = "token"
	keySupply     = "supply"
)

// description is the token itself.
type description struct {
	Name     string `json:"name"`
	Symbol   string `json:"symbol"`
	Decimals uint8  `json:"decimals"`
	Issuer   string `json:"issuer"` // MSP id
}

// ledger is the state as one call sees it, and who makes the call. Reads do not
// see the call's own writes, so no function changes an amount twice.
type ledger struct {
	stub    shim.ChaincodeStubInterface
	caller  cid.ClientIdentity
	account string // of the caller
}

func open(stub shim.ChaincodeStubInterface) (*ledger, error) {
	caller, err := cid.New(stub)
	if err != nil {
		return nil, err
	}
	cert, err := caller.GetX509Certificate()
	if err != nil {
		return nil, err
	}
	msp, err := caller.GetMSPID()
	if err != nil {
		return nil, err
	}
	return &ledger{stub, caller, msp + "/" + cert.Subject.CommonName}, nil
}

func (l *ledger) description() (*description, error) {
	raw, err := l.stub.GetState(keyToken)
	if err != nil {
		return nil, err
	}
	if raw == nil {
		return nil, errors.New("the token is not set up")
	}
	d := &description{}
	return d, json.Unmarshal(raw, d)
}

// mayIssue refuses all but administrators of the issuer.
func (l *ledger) mayIssue() error {
	d, err := l.description()
	if err != nil {
		return err
	}
	msp, err := l.caller.GetMSPID()
	if err != nil {
		return err
	}
	admin, err := cid.HasOUValue(l.stub, "admin")
	if err != nil {
		return err
	}
	if msp != d.Issuer || !admin {
		return fmt.Errorf("%s may not do this; an administrator of %s may", l.account, d.Issuer)
	}
	return nil
}

// amount answers 0 for a key that is not there.
func (l *ledger) amount(key string) (uint64, error) {
	raw, err := l.stub.GetState(key)
	if err != nil || raw == nil {
		return 0, err
	}
	return strconv.ParseUint(string(raw), 10, 64)
}

// setAmount keeps no key for nothing.
func (l *ledger) setAmount(key string, n uint64) error {
	if n == 0 {
		return l.stub.DelState(key)
	}
	return l.stub.PutState(key, strconv.AppendUint(nil, n, 10))
}

// change adds to an amount, or takes from it.
func (l *ledger) change(key, what string, plus, minus uint64) error {
	n, err := l.amount(key)
	if err != nil {
		return err
	}
	if minus > n {
		return fmt.Errorf("%s is %d, which is less than %d", what, n, minus)
	}
	if n -= minus; plus > math.MaxUint64-n {
		return fmt.Errorf("%s would become too large", what)
	}
	return l.setAmount(key, n+plus)
}

func (l *ledger) balanceKey(account string) (string, error) {
	return l.stub.CreateCompositeKey(typeBalance, []string{account})
}

func (l *ledger) allowanceKey(owner, spender string) (string, error) {
	return l.stub.CreateCompositeKey(typeAllowance, []string{owner, spender})
}

func parseAmount(text string) (uint64, error) {
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil || n == 0 {
		return 0, fmt.Errorf("%q is no amount: give a whole number above zero", text)
	}
	return n, nil
}
