package demo

import (
	"fmt"

	"github.com/weft-network/weft/cmd/weft/internal/client"
)

// The chaincodes, by the names under which they are committed.
const (
	asset   = "asset"
	counter = "counter"
)

// newAsset is an id that no asset has.
func (s *Scenario) newAsset() string {
	s.ids++
	return fmt.Sprintf("asset%d", s.ids)
}

func createAsset(id string) client.Request {
	return client.NewRequest(asset, "Create", id, "Ada", "1000")
}

func readAsset(id string) client.Request { return client.NewRequest(asset, "Read", id) }

func increment(name string) client.Request { return client.NewRequest(counter, "add", name, "1") }

func readCounter(name string) client.Request { return client.NewRequest(counter, "get", name) }

// callOf is a request as a call of one peer.
func callOf(channel string, r client.Request) client.Call {
	return client.Call{Channel: channel, Chaincode: r.Chaincode, Args: append([][]byte{[]byte(r.Function)}, r.Args...)}
}
