package main

import (
	"bytes"
	"errors"
	"strconv"
	"strings"

	"github.com/weft-network/weft/wasm/guest"
)

// ownerKey is the object type of the keys owner~id.
const ownerKey = "owner"

const maxName = 64

type asset struct {
	id, owner string
	value     int64
}

// checkName refuses ids and owners that would need escaping, in keys or in JSON.
func checkName(name string) error {
	good := len(name) > 0 && len(name) <= maxName
	for i := range len(name) {
		c := name[i]
		good = good && (c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || strings.IndexByte(" ._-@", c) >= 0)
	}
	if !good {
		return errors.New("an id or owner is 1 to 64 letters, digits, spaces or . _ - @")
	}
	return nil
}

func parseValue(text string) (int64, error) {
	value, err := strconv.ParseUint(text, 10, 63)
	if err != nil {
		return 0, errors.New("a value is a whole number from 0 to 9223372036854775807")
	}
	return int64(value), nil
}

// parse reads "VALUE OWNER".
func parse(id string, stored []byte) (asset, error) {
	number, owner, ok := bytes.Cut(stored, []byte{' '})
	value, err := parseValue(string(number))
	if !ok || err != nil {
		return asset{}, errors.New("what is stored as asset " + id + " is none")
	}
	return asset{id, string(owner), value}, nil
}

// load reads an asset that must exist.
func load(tx *guest.Tx, id string) (asset, error) {
	if err := checkName(id); err != nil {
		return asset{}, err
	}
	value, err := tx.Get(id)
	if err != nil {
		return asset{}, err
	}
	if value == nil {
		return asset{}, errors.New("there is no asset " + id)
	}
	return parse(id, value)
}

func (a *asset) put(tx *guest.Tx) error {
	var room [2 * maxName]byte
	stored := append(strconv.AppendInt(room[:0], a.value, 10), ' ')
	return tx.Put(a.id, append(stored, a.owner...))
}

func (a *asset) index(tx *guest.Tx) error {
	key, err := guest.Key(ownerKey, a.owner, a.id)
	if err != nil {
		return err
	}
	// An empty value would delete the key when the block is committed.
	return tx.Put(key, []byte{0})
}

func (a *asset) unindex(tx *guest.Tx) error {
	key, err := guest.Key(ownerKey, a.owner, a.id)
	if err != nil {
		return err
	}
	return tx.Delete(key)
}

func (a *asset) appendJSON(json []byte) []byte {
	json = append(json, `{"id":"`+a.id+`","owner":"`+a.owner+`","value":`...)
	return append(strconv.AppendInt(json, a.value, 10), '}')
}

// appendItem appends to a JSON array that is not closed yet.
func (a *asset) appendItem(json []byte) []byte {
	if len(json) > 1 {
		json = append(json, ',')
	}
	return a.appendJSON(json)
}

// announce sets the event, and answers its payload.
func (a *asset) announce(tx *guest.Tx, event string) ([]byte, error) {
	json := a.appendJSON(nil)
	return json, tx.Event(event, json)
}
