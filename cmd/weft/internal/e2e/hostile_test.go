package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/weft-network/weft/cmd/weft/internal/client"
	"github.com/weft-network/weft/wasm/wasmtest"
)

// leader is the orderer that leads channel1.
func (n *network) leader(t *testing.T) string {
	t.Helper()
	for _, node := range n.Orderers() {
		for _, c := range must(node.Status(t.Context()))(t).Channels {
			if c.ID == channel1 && c.Leader {
				return node.Name
			}
		}
	}
	return ""
}

// puppetCall has the puppet play a script.
func puppetCall(chaincode string, s *wasmtest.Script) client.Request {
	args := s.Args()
	return client.Request{Chaincode: chaincode, Function: string(args[0]), Args: args[1:]}
}

// A chaincode that loops, traps, grows and floods its host is ended, call by
// call, while others are served, by peers and orderers that go on as before.
func TestHostileChaincodeHarmsOnlyItself(t *testing.T) {
	n := shared(t)
	const name = "hostile"
	file := filepath.Join(t.TempDir(), name+".wasm")
	check(t, os.WriteFile(file, wasmtest.Puppet(), 0o600))
	succeeds(t, weft, "--dir", n.Dir, "chaincode", "deploy", "--channel", channel1, "--name", name, file)
	leader := n.leader(t)

	attacks := map[string]*wasmtest.Script{
		"EXHAUSTED: fuel": wasmtest.NewScript([]byte("x")).Call(wasmtest.Spin),
		"EXHAUSTED":       wasmtest.NewScript([]byte("x")).Repeat(1<<31, "random_get", 0, 1000),
		"unreachable":     wasmtest.NewScript([]byte("x")).Call(wasmtest.Fail),
		"outside of":      wasmtest.NewScript([]byte("x")).Call("log", 0, 0xffffffff, 0xffffffff),
	}
	var stop atomic.Bool
	var group sync.WaitGroup
	for want, script := range attacks {
		s := n.session(t)
		group.Go(func() {
			for first := true; first || !stop.Load(); first = false {
				_, err := s.Evaluate(t.Context(), puppetCall(name, script))
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("a hostile call ended with %v, not with %q", err, want)
					return
				}
			}
		})
	}
	s := n.session(t)
	for _, id := range names(t, 10) {
		if res := must(s.Submit(t.Context(), client.NewRequest("asset", "Create", id, "Eve", "5")))(t); !res.Valid() {
			t.Errorf("%s beside hostile calls: %s", id, res.Code)
		}
	}
	stop.Store(true)
	group.Wait()
	if now := n.leader(t); now != leader {
		t.Errorf("%s led channel1 before the hostile calls, and %q after them", leader, now)
	}
}
