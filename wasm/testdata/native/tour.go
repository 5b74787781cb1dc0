package main

import (
	"errors"
	"fmt"

	"github.com/weft-network/weft/wasm/abi"
	"github.com/weft-network/weft/wasm/guest"
)

// code tells the code of a refusal.
func code(tx *guest.Tx, key string) ([]byte, error) {
	_, err := tx.Get(key)
	var refused *guest.Error
	if !errors.As(err, &refused) {
		return nil, fmt.Errorf("got %w", err)
	}
	return fmt.Appendf(nil, "%d %s", refused.Code, refused.Text), nil
}

// tour calls all of the guest's API, a line each.
func tour(tx *guest.Tx) ([]byte, error) {
	var out []byte
	say := func(name string, results ...any) { out = fmt.Appendln(out, append([]any{name}, results...)...) }
	walk := func(name string) func(key string, value []byte) error {
		return func(key string, value []byte) error {
			say(name, fmt.Sprintf("%q", key), string(value))
			return nil
		}
	}
	say("tx", tx.Init(), tx.ReadOnly(), tx.Chaincode(), string(tx.Creator()), string(tx.Binding()), len(tx.SignedProposal()), tx.Transient(), tx.Decorations())
	many, err := tx.GetMany("a", "absent")
	say("many", many, err, tx.Delete("b"), tx.SetPolicy("", "a", []byte("ep")))
	policy, err := tx.Policy("", "a")
	say("policy", string(policy), err)
	say("put private", tx.PutPrivate("c", "k", []byte("v")))
	value, err := tx.GetPrivate("c", "k")
	say("get private", string(value), err)
	hash, err := tx.HashPrivate("c", "k")
	say("hash", string(hash), err)
	many, err = tx.GetManyPrivate("c", "k")
	say("many private", many, err)
	say("range private", tx.RangePrivate("c", "a", "z", walk("private")), tx.DeletePrivate("c", "k"), tx.PurgePrivate("c", "k"))
	say("composite", tx.RangeComposite([]string{"type"}, walk("part")))
	next, err := tx.Page("", "", 1, "", walk("page"))
	say("page", next, err)
	say("query", tx.Query("", "{}", walk("found")))
	next, err = tx.QueryPage("{}", 1, "", walk("found"))
	say("query page", next, err)
	say("history", tx.History("a", func(m abi.Modification) error {
		say("version", m.TxID, m.Seconds, m.Nanos, m.Delete, string(m.Value))
		return nil
	}))
	stop := errors.New("enough")
	say("stopped", tx.Range("", "", func(string, []byte) error { return stop }) == stop)
	status, payload, message, err := tx.Call("other", [][]byte{[]byte("f")}, "")
	say("call", status, string(payload), message, err)
	_, _, _, err = tx.Call("", nil, "")
	say("call of nobody", err)
	return out, nil
}
