package main

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/hyperledger/fabric-chaincode-go/v2/shim"
)

// tokenChaincode is the name under which token is deployed on the channel.
const tokenChaincode = "token"

func open(stub shim.ChaincodeStubInterface, args []string) (any, error) {
	if args[0] == "" || args[1] == "" {
		return nil, fmt.Errorf("an auction needs an id and an item")
	}
	there, err := stub.GetState(keyPrefix + args[0])
	if err != nil {
		return nil, err
	}
	if there != nil {
		return nil, fmt.Errorf("auction %s exists already", args[0])
	}
	reserve, err := parseAmount(args[2])
	if err != nil {
		return nil, err
	}
	ends, err := time.Parse(time.RFC3339, args[3])
	if err != nil {
		return nil, fmt.Errorf("%q is no time such as 2026-01-31T12:00:00Z", args[3])
	}
	at, err := now(stub)
	if err != nil {
		return nil, err
	}
	if !ends.After(at) {
		return nil, fmt.Errorf("an auction ends after it is opened, at %s", at.Format(time.RFC3339))
	}
	seller, err := caller(stub)
	if err != nil {
		return nil, err
	}
	a := &auction{ID: args[0], Item: args[1], Seller: seller, Reserve: reserve, Ends: ends.UTC()}
	return a, a.put(stub, "Open")
}

func bid(stub shim.ChaincodeStubInterface, args []string) (any, error) {
	a, err := get(stub, args[0])
	if err != nil {
		return nil, err
	}
	amount, err := parseAmount(args[1])
	if err != nil {
		return nil, err
	}
	at, err := now(stub)
	if err != nil {
		return nil, err
	}
	who, err := caller(stub)
	if err != nil {
		return nil, err
	}
	switch {
	case a.Closed || !at.Before(a.Ends):
		return nil, fmt.Errorf("auction %s takes no more bids", a.ID)
	case who == a.Seller:
		return nil, fmt.Errorf("%s sells this and may not bid", who)
	case amount < a.Reserve:
		return nil, fmt.Errorf("a bid is %d at least", a.Reserve)
	case amount == 0:
		return nil, fmt.Errorf("a bid is more than nothing")
	}
	// The highest bid is not read: bids made at the same time do not conflict.
	key, err := stub.CreateCompositeKey(typeBid, []string{a.ID, fmt.Sprintf("%016d", amount), who})
	if err != nil {
		return nil, err
	}
	value, err := json.Marshal(at)
	if err != nil {
		return nil, err
	}
	payload := fmt.Appendf(nil, `{"id":%q,"amount":%d}`, a.ID, amount)
	if err := stub.SetEvent("Bid", payload); err != nil {
		return nil, err
	}
	return amount, stub.PutState(key, value)
}

type offer struct {
	Amount uint64    `json:"amount"`
	Bidder string    `json:"bidder"`
	At     time.Time `json:"at"`
	key    string
}

// bids answers all bids, the lowest first.
func bids(stub shim.ChaincodeStubInterface, id string) ([]offer, error) {
	it, err := stub.GetStateByPartialCompositeKey(typeBid, []string{id})
	if err != nil {
		return nil, err
	}
	defer it.Close()
	offers := []offer{}
	for it.HasNext() {
		kv, err := it.Next()
		if err != nil {
			return nil, err
		}
		_, parts, err := stub.SplitCompositeKey(kv.Key)
		if err != nil {
			return nil, err
		}
		o := offer{Bidder: parts[2], key: kv.Key}
		if o.Amount, err = strconv.ParseUint(parts[1], 10, 64); err != nil {
			return nil, err
		}
		if err := json.Unmarshal(kv.Value, &o.At); err != nil {
			return nil, err
		}
		offers = append(offers, o)
	}
	return offers, nil
}

func bidsOf(stub shim.ChaincodeStubInterface, args []string) (any, error) {
	if _, err := get(stub, args[0]); err != nil {
		return nil, err
	}
	return bids(stub, args[0])
}

// closeAuction finds the winner: of equal bids the earlier, of none nobody.
func closeAuction(stub shim.ChaincodeStubInterface, args []string) (any, error) {
	a, err := mustSell(stub, args[0])
	if err != nil {
		return nil, err
	}
	at, err := now(stub)
	if err != nil {
		return nil, err
	}
	if at.Before(a.Ends) {
		return nil, fmt.Errorf("auction %s ends at %s", a.ID, a.Ends.Format(time.RFC3339))
	}
	offers, err := bids(stub, a.ID)
	if err != nil {
		return nil, err
	}
	var best offer
	for _, o := range offers {
		if o.Amount > best.Amount || o.Amount == best.Amount && o.At.Before(best.At) {
			best = o
		}
	}
	a.Winner, a.Price = best.Bidder, best.Amount
	if a.Fee, err = fee(stub, a.Price); err != nil {
		return nil, err
	}
	a.Closed = true
	return a, a.put(stub, "Close")
}

func fee(stub shim.ChaincodeStubInterface, price uint64) (uint64, error) {
	raw, err := stub.GetState(keyFee)
	if err != nil || raw == nil {
		return 0, err
	}
	percent, err := strconv.ParseUint(string(raw), 10, 64)
	return price * percent / 100, err
}

// pay has the winner pay the seller by the chaincode token, whose rules for
// transfers hold: what it reads and writes becomes part of this transaction.
func pay(stub shim.ChaincodeStubInterface, args []string) (any, error) {
	a, err := get(stub, args[0])
	if err != nil {
		return nil, err
	}
	who, err := caller(stub)
	if err != nil {
		return nil, err
	}
	if !a.Closed || a.Winner != who || a.Paid {
		return nil, fmt.Errorf("%s has nothing to pay for auction %s", who, a.ID)
	}
	paid := stub.InvokeChaincode(tokenChaincode, [][]byte{[]byte("Transfer"), []byte(a.Seller), strconv.AppendUint(nil, a.Price, 10)}, "")
	if paid.GetStatus() != shim.OK {
		return nil, fmt.Errorf("the token says: %s", paid.GetMessage())
	}
	a.Paid = true
	return a, a.put(stub, "Pay")
}

// cancel removes an auction with its bids.
func cancel(stub shim.ChaincodeStubInterface, args []string) (any, error) {
	a, err := mustSell(stub, args[0])
	if err != nil {
		return nil, err
	}
	offers, err := bids(stub, a.ID)
	if err != nil {
		return nil, err
	}
	for _, o := range offers {
		if err := stub.DelState(o.key); err != nil {
			return nil, err
		}
	}
	if err := stub.SetEvent("Cancel", []byte(a.ID)); err != nil {
		return nil, err
	}
	return len(offers), stub.DelState(keyPrefix + a.ID)
}

// list answers the auctions from one id to before another; an empty end has no
// bound.
func list(stub shim.ChaincodeStubInterface, args []string) (any, error) {
	end := keyPrefix + args[1]
	if args[1] == "" {
		end = keyPrefix[:len(keyPrefix)-1] + ";" // ; comes after :
	}
	it, err := stub.GetStateByRange(keyPrefix+args[0], end)
	if err != nil {
		return nil, err
	}
	defer it.Close()
	auctions := []*auction{}
	for it.HasNext() {
		kv, err := it.Next()
		if err != nil {
			return nil, err
		}
		a := &auction{}
		if err := json.Unmarshal(kv.Value, a); err != nil {
			return nil, fmt.Errorf("%s: %w", kv.Key, err)
		}
		auctions = append(auctions, a)
	}
	return auctions, nil
}
