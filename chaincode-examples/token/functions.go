package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
)

func setup(l *ledger, args []string) (any, error) {
	there, err := l.stub.GetState(keyToken)
	if err != nil {
		return nil, err
	}
	if there != nil {
		return nil, errors.New("the token is set up already")
	}
	decimals, err := strconv.ParseUint(args[2], 10, 8)
	if err != nil || decimals > 18 {
		return nil, fmt.Errorf("%q decimals: give 0 to 18", args[2])
	}
	msp, err := l.caller.GetMSPID()
	if err != nil {
		return nil, err
	}
	d := description{Name: args[0], Symbol: args[1], Decimals: uint8(decimals), Issuer: msp}
	if d.Name == "" || d.Symbol == "" {
		return nil, errors.New("a token needs a name and a symbol")
	}
	raw, err := json.Marshal(d)
	if err != nil {
		return nil, err
	}
	return d, l.stub.PutState(keyToken, raw)
}

func describe(l *ledger, _ []string) (any, error) { return l.description() }

func account(l *ledger, _ []string) (any, error) { return l.account, nil }

func balanceOf(l *ledger, args []string) (any, error) {
	key, err := l.balanceKey(args[0])
	if err != nil {
		return nil, err
	}
	return l.amount(key)
}

func totalSupply(l *ledger, _ []string) (any, error) { return l.amount(keySupply) }

func mint(l *ledger, args []string) (any, error) { return nil, issue(l, args, true) }

func burn(l *ledger, args []string) (any, error) { return nil, issue(l, args, false) }

// issue changes a balance and the supply alike.
func issue(l *ledger, args []string, more bool) error {
	if err := l.mayIssue(); err != nil {
		return err
	}
	n, err := parseAmount(args[1])
	if err != nil {
		return err
	}
	key, err := l.balanceKey(args[0])
	if err != nil {
		return err
	}
	plus, minus := n, uint64(0)
	if !more {
		plus, minus = 0, n
	}
	if err := l.change(key, "the balance of "+args[0], plus, minus); err != nil {
		return err
	}
	if err := l.change(keySupply, "the supply", plus, minus); err != nil {
		return err
	}
	if more {
		return l.announce("", args[0], n)
	}
	return l.announce(args[0], "", n)
}

func transfer(l *ledger, args []string) (any, error) {
	n, err := parseAmount(args[1])
	if err != nil {
		return nil, err
	}
	return nil, l.move(l.account, args[0], n)
}

// move is the heart of both ways to transfer.
func (l *ledger) move(from, to string, n uint64) error {
	if to == "" || from == to {
		return fmt.Errorf("from %q to %q is no transfer", from, to)
	}
	source, err := l.balanceKey(from)
	if err != nil {
		return err
	}
	if err := l.change(source, "the balance of "+from, 0, n); err != nil {
		return err
	}
	target, err := l.balanceKey(to)
	if err != nil {
		return err
	}
	if err := l.change(target, "the balance of "+to, n, 0); err != nil {
		return err
	}
	return l.announce(from, to, n)
}

func (l *ledger) announce(from, to string, n uint64) error {
	payload, err := json.Marshal(struct {
		From   string `json:"from,omitempty"`
		To     string `json:"to,omitempty"`
		Amount uint64 `json:"amount"`
	}{from, to, n})
	if err != nil {
		return err
	}
	return l.stub.SetEvent("Transfer", payload)
}

func approve(l *ledger, args []string) (any, error) {
	n, err := strconv.ParseUint(args[1], 10, 64) // zero takes it back
	if err != nil {
		return nil, fmt.Errorf("%q is no amount: give a whole number", args[1])
	}
	key, err := l.allowanceKey(l.account, args[0])
	if err != nil {
		return nil, err
	}
	return nil, l.setAmount(key, n)
}

func allowance(l *ledger, args []string) (any, error) {
	key, err := l.allowanceKey(args[0], args[1])
	if err != nil {
		return nil, err
	}
	return l.amount(key)
}

func transferFrom(l *ledger, args []string) (any, error) {
	n, err := parseAmount(args[2])
	if err != nil {
		return nil, err
	}
	key, err := l.allowanceKey(args[0], l.account)
	if err != nil {
		return nil, err
	}
	if err := l.change(key, "what "+l.account+" may spend of "+args[0], 0, n); err != nil {
		return nil, err
	}
	return nil, l.move(args[0], args[1], n)
}

type holder struct {
	Account string `json:"account"`
	Balance uint64 `json:"balance"`
}

// holders lists all accounts that hold something.
func holders(l *ledger, _ []string) (any, error) {
	it, err := l.stub.GetStateByPartialCompositeKey(typeBalance, nil)
	if err != nil {
		return nil, err
	}
	defer it.Close()
	list := []holder{}
	for it.HasNext() {
		kv, err := it.Next()
		if err != nil {
			return nil, err
		}
		_, parts, err := l.stub.SplitCompositeKey(kv.Key)
		if err != nil {
			return nil, err
		}
		n, err := strconv.ParseUint(string(kv.Value), 10, 64)
		if err != nil {
			return nil, err
		}
		list = append(list, holder{parts[0], n})
	}
	return list, nil
}
