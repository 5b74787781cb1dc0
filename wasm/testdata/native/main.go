// Command native is chaincode on wasm/guest.
package main

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/weft-network/weft/wasm/guest"
)

// What calls leave behind, if they could.
var (
	hoard [][]byte
	count int
)

// grown is memory of which each page was written to.
func grown(size int) []byte {
	b := make([]byte, size)
	for i := 0; i < len(b); i += 4096 {
		b[i] = 1
	}
	return b
}

func main() { guest.Register(run) }

func run(tx *guest.Tx) ([]byte, error) {
	args := tx.Args()
	switch string(args[0]) {
	case "put":
		guest.Log("put " + string(args[1]))
		return nil, errors.Join(tx.Put(string(args[1]), args[2]), tx.Event("put", args[1]))
	case "get":
		return tx.Get(string(args[1]))
	case "list":
		var out []byte
		err := tx.Range("", "", func(key string, value []byte) error {
			out = fmt.Appendf(out, "%s=%s ", key, value)
			return nil
		})
		return out, err
	case "transfer":
		return nil, transfer(tx, string(args[1]), string(args[2]))
	case "code":
		return code(tx, string(args[1]))
	case "tour":
		return tour(tx)
	case "abort":
		guest.Abort(string(args[1]))
	case "grow":
		return fmt.Appendf(nil, "%d", len(grown(24<<20))), nil
	case "exhaust":
		for {
			hoard = append(hoard, grown(1<<20))
		}
	case "panic":
		hoard = append(hoard, grown(1<<20))
		panic("out of order")
	case "loop":
		for {
			count++
		}
	case "count":
		count++
		return strconv.AppendInt(nil, int64(count), 10), nil
	case "about":
		return fmt.Appendf(nil, "%s %s %s %v", tx.ID(), tx.Channel(), tx.MSPID(), tx.Time()), nil
	}
	return nil, fmt.Errorf("there is no function %s", args[0])
}

// transfer moves one from an account to another: two reads, two writes.
func transfer(tx *guest.Tx, from, to string) error {
	a, err := balance(tx, from)
	if err != nil {
		return err
	}
	b, err := balance(tx, to)
	if err != nil {
		return err
	}
	return errors.Join(tx.Put(from, strconv.AppendInt(nil, a-1, 10)), tx.Put(to, strconv.AppendInt(nil, b+1, 10)))
}

func balance(tx *guest.Tx, account string) (int64, error) {
	value, err := tx.Get(account)
	if err != nil || value == nil {
		return 0, err
	}
	return strconv.ParseInt(string(value), 10, 64)
}
