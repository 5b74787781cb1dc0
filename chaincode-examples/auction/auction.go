package main

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/hyperledger/fabric-chaincode-go/v2/pkg/cid"
	"github.com/hyperledger/fabric-chaincode-go/v2/shim"
)

const (
	keyFee    = "fee"
	keyPrefix = "auction:"
	typeBid   = "bid"
)

type auction struct {
	ID      string    `json:"id"`
	Item    string    `json:"item"`
	Seller  string    `json:"seller"`
	Reserve uint64    `json:"reserve"`
	Ends    time.Time `json:"ends"`
	// Closed, Winner, Price and Fee are there when it is over, Paid later.
	Closed bool   `json:"closed,omitempty"`
	Winner string `json:"winner,omitempty"`
	Price  uint64 `json:"price,omitempty"`
	Fee    uint64 `json:"fee,omitempty"`
	Paid   bool   `json:"paid,omitempty"`
}

func get(stub shim.ChaincodeStubInterface, id string) (*auction, error) {
	raw, err := stub.GetState(keyPrefix + id)
	if err != nil {
		return nil, err
	}
	if raw == nil {
		return nil, fmt.Errorf("there is no auction %s", id)
	}
	a := &auction{}
	return a, json.Unmarshal(raw, a)
}

// put keeps the auction, and tells of it under the name of what happened.
func (a *auction) put(stub shim.ChaincodeStubInterface, event string) error {
	raw, err := json.Marshal(a)
	if err != nil {
		return err
	}
	if err := stub.SetEvent(event, raw); err != nil {
		return err
	}
	return stub.PutState(keyPrefix+a.ID, raw)
}

// now is the time of the proposal, the same on every peer.
func now(stub shim.ChaincodeStubInterface) (time.Time, error) {
	t, err := stub.GetTxTimestamp()
	if err != nil {
		return time.Time{}, err
	}
	return t.AsTime(), nil
}

// caller names who calls, as the token chaincode names accounts.
func caller(stub shim.ChaincodeStubInterface) (string, error) {
	client, err := cid.New(stub) // once: it parses a certificate
	if err != nil {
		return "", err
	}
	cert, err := client.GetX509Certificate()
	if err != nil {
		return "", err
	}
	msp, err := client.GetMSPID()
	return msp + "/" + cert.Subject.CommonName, err
}

// mustSell answers an auction of the caller's that is not closed.
func mustSell(stub shim.ChaincodeStubInterface, id string) (*auction, error) {
	a, err := get(stub, id)
	if err != nil {
		return nil, err
	}
	who, err := caller(stub)
	if err != nil {
		return nil, err
	}
	if a.Closed {
		return nil, fmt.Errorf("auction %s is closed", id)
	}
	if a.Seller != who {
		return nil, fmt.Errorf("auction %s is %s's, not %s's", id, a.Seller, who)
	}
	return a, nil
}

func parseAmount(text string) (uint64, error) {
	n, err := strconv.ParseUint(text, 10, 53) // what JSON keeps exactly
	if err != nil {
		return 0, fmt.Errorf("%q is no amount: give a whole number", text)
	}
	return n, nil
}
