// Command asset-go is a register of assets: who owns what, and what it is
// worth.
//
// An asset lies under its id, as "VALUE OWNER". A second, composite key,
// owner~id, lets one list the assets of an owner without reading all.
//
// Move is the smallest transfer: two reads, two writes, and nothing else. What
// a call costs is measured with it.
package main

import (
	"errors"
	"math"
	"strconv"
	"strings"

	"github.com/weft-network/weft/wasm/guest"
)

func main() { guest.Register(invoke) }

type function struct {
	name, usage string
	args        int
	run         func(tx *guest.Tx, args []string) ([]byte, error)
}

var functions = []function{
	{"Create", "Create ID OWNER VALUE", 3, create},
	{"Read", "Read ID", 1, read},
	{"Update", "Update ID VALUE", 2, update},
	{"Transfer", "Transfer ID NEWOWNER", 2, transfer},
	{"Delete", "Delete ID", 1, remove},
	{"Move", "Move FROM TO AMOUNT", 3, move},
	{"List", "List START END", 2, list},
	{"Owned", "Owned OWNER", 1, owned},
	{"WhoAmI", "WhoAmI", 0, whoAmI},
}

func invoke(tx *guest.Tx) ([]byte, error) {
	args := tx.Strings()
	for i := range functions {
		f := &functions[i]
		if len(args) == 0 || args[0] != f.name {
			continue
		}
		if len(args) != f.args+1 {
			return nil, errors.New("usage: " + f.usage)
		}
		return f.run(tx, args[1:])
	}
	return nil, errors.New("there is no such function; there are Create, Read, Update, Transfer, Delete, Move, List, Owned and WhoAmI")
}

func create(tx *guest.Tx, args []string) ([]byte, error) {
	if err := checkName(args[0]); err != nil {
		return nil, err
	}
	if err := checkName(args[1]); err != nil {
		return nil, err
	}
	value, err := parseValue(args[2])
	if err != nil {
		return nil, err
	}
	a := &asset{args[0], args[1], value}
	old, err := tx.Get(a.id)
	if err != nil {
		return nil, err
	}
	if old != nil {
		return nil, errors.New("asset " + a.id + " exists already")
	}
	if err := errors.Join(a.put(tx), a.index(tx)); err != nil {
		return nil, err
	}
	return a.announce(tx, "Create")
}

func read(tx *guest.Tx, args []string) ([]byte, error) {
	a, err := load(tx, args[0])
	if err != nil {
		return nil, err
	}
	return a.appendJSON(nil), nil
}

func update(tx *guest.Tx, args []string) ([]byte, error) {
	a, err := load(tx, args[0])
	if err != nil {
		return nil, err
	}
	if a.value, err = parseValue(args[1]); err != nil {
		return nil, err
	}
	if err := a.put(tx); err != nil {
		return nil, err
	}
	return a.announce(tx, "Update")
}

func transfer(tx *guest.Tx, args []string) ([]byte, error) {
	a, err := load(tx, args[0])
	if err != nil {
		return nil, err
	}
	if err := checkName(args[1]); err != nil {
		return nil, err
	}
	if err := a.unindex(tx); err != nil {
		return nil, err
	}
	a.owner = args[1]
	if err := errors.Join(a.put(tx), a.index(tx)); err != nil {
		return nil, err
	}
	return a.announce(tx, "Transfer")
}

func remove(tx *guest.Tx, args []string) ([]byte, error) {
	a, err := load(tx, args[0])
	if err != nil {
		return nil, err
	}
	if err := errors.Join(tx.Delete(a.id), a.unindex(tx)); err != nil {
		return nil, err
	}
	_, err = a.announce(tx, "Delete")
	return nil, err
}

func move(tx *guest.Tx, args []string) ([]byte, error) {
	if args[0] == args[1] {
		return nil, errors.New("an asset cannot move value to itself")
	}
	from, err := load(tx, args[0])
	if err != nil {
		return nil, err
	}
	to, err := load(tx, args[1])
	if err != nil {
		return nil, err
	}
	amount, err := parseValue(args[2])
	if err != nil {
		return nil, err
	}
	if from.value < amount {
		return nil, errors.New("asset " + from.id + " is worth " + strconv.FormatInt(from.value, 10) + ", less than " + strconv.FormatInt(amount, 10))
	}
	if to.value > math.MaxInt64-amount { // Go's own arithmetic wraps around silently
		return nil, errors.New("asset " + to.id + " would be worth more than a value can be")
	}
	from.value -= amount
	to.value += amount
	return nil, errors.Join(from.put(tx), to.put(tx))
}

func list(tx *guest.Tx, args []string) ([]byte, error) {
	json := []byte("[")
	err := tx.Range(args[0], args[1], func(key string, value []byte) error {
		a, err := parse(key, value)
		if err == nil {
			json = a.appendItem(json)
		}
		return err
	})
	return append(json, ']'), err
}

func owned(tx *guest.Tx, args []string) ([]byte, error) {
	if err := checkName(args[0]); err != nil {
		return nil, err
	}
	json := []byte("[")
	err := tx.RangeComposite([]string{ownerKey, args[0]}, func(key string, _ []byte) error {
		parts := strings.Split(strings.Trim(key, "\x00"), "\x00")
		a, err := load(tx, parts[len(parts)-1])
		if err == nil {
			json = a.appendItem(json)
		}
		return err
	})
	return append(json, ']'), err
}

func whoAmI(tx *guest.Tx, _ []string) ([]byte, error) {
	msp, err := tx.CreatorMSPID()
	return []byte(`{"msp":"` + msp + `","channel":"` + tx.Channel() + `","tx":"` + tx.ID() +
		`","seconds":` + strconv.FormatInt(tx.Time().Unix(), 10) + `}`), err
}
