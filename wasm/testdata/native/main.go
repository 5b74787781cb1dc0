// Command native is chaincode on wasm/guest.
package main

import (
	"errors"
	"fmt"

	"github.com/weft-network/weft/wasm/guest"
)

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
	case "about":
		return fmt.Appendf(nil, "%s %s %s %v", tx.ID(), tx.Channel(), tx.MSPID(), tx.Time()), nil
	}
	return nil, fmt.Errorf("there is no function %s", args[0])
}
