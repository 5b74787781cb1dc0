package e2e

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/weft-network/weft/cmd/weft/internal/client"
	"github.com/weft-network/weft/wasm/wasmtest"
)

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
	before := n.pids(t)

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
	if after := n.pids(t); !maps.Equal(before, after) {
		t.Errorf("nodes that ran before the hostile calls are %v, and after them %v", before, after)
	}
	n.level(t)
}

// pids are the processes of the nodes.
func (n *network) pids(t *testing.T) map[string]int {
	t.Helper()
	m := map[string]int{}
	for _, node := range n.Nodes {
		m[node.Name] = must(node.PID())(t)
	}
	return m
}
