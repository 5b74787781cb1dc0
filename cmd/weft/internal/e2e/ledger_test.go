package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/weft-network/weft/cmd/weft/internal/client"
	"github.com/weft-network/weft/cmd/weft/internal/devnet"
	"github.com/weft-network/weft/ledger/audit"
)

// Two racing transfers: the loser is told which key, which versions, and who won.
func TestALostRaceIsExplained(t *testing.T) {
	n := shared(t)
	s := n.session(t)
	id := names(t, 1)[0]
	if r := must(s.Submit(t.Context(), client.NewRequest("asset", "Create", id, "Ada", "1")))(t); !r.Valid() {
		t.Fatal(r.Code)
	}
	n.level(t)
	first := must(s.Endorse(t.Context(), client.NewRequest("asset", "Transfer", id, "Bob")))(t)
	second := must(s.Endorse(t.Context(), client.NewRequest("asset", "Transfer", id, "Eve")))(t)
	for _, p := range []*client.Pending{first, second} {
		sent := must(p.Submit(t.Context()))(t)
		must(sent.Status(t.Context()))(t)
	}
	n.level(t)
	explain := func(tx string, flags ...string) []string {
		return append([]string{"--dir", n.Dir, "tx", "explain", "--channel", channel1, tx}, flags...)
	}
	text := succeeds(t, weft, explain(second.TxID)...)
	for _, want := range []string{second.TxID, "11 MVCC_READ_CONFLICT", id, "read   version of block", "found  version of block", "won    transaction " + first.TxID, `"Transfer" of asset, by User1`} {
		if !strings.Contains(text, want) {
			t.Errorf("there is no %q in\n%s", want, text)
		}
	}
	var e audit.Explanation
	check(t, json.Unmarshal([]byte(succeeds(t, weft, explain(second.TxID, "-o", "json", "--peer", "peer0.org2")...)), &e))
	if e.Conflict == nil || e.Conflict.Winner == nil || e.Conflict.Winner.TxID != first.TxID {
		t.Errorf("another peer says %+v", e)
	}
	if text := succeeds(t, weft, explain(first.TxID)...); !strings.Contains(text, "0 VALID") {
		t.Errorf("the winner is explained by\n%s", text)
	}
	refused(t, []string{"no such transaction ID"}, weft, explain(strings.Repeat("0", 64))...)
	refused(t, []string{"ENDORSEMENT_POLICY_FAILURE", "signed by Org1MSP, missing Org2MSP"}, weft, n.call("submit", "asset", "--endorsing-orgs", "Org1", "Create", id+"-alone", "Eve", "1")...)
}

// The tools work on what real nodes leave, and refuse what is in use.
func TestLedgersOfStoppedNodesAreVerifiedRolledBackAndRebuilt(t *testing.T) {
	n := shared(t)
	tool := func(verb string, node *devnet.Node, flags ...string) []string {
		return append([]string{"--dir", n.Dir, "ledger", verb, "--peer", node.Name, "--channel", channel1}, flags...)
	}
	p, o := n.node(t, "peer1.org2"), n.node(t, "orderer3")
	refused(t, []string{"is in use by another process", p.Name + " is running", "down"}, weft, tool("verify", p)...)
	refused(t, []string{"is in use by another process"}, weft, tool("rollback", p, "--to", "1", "--yes")...)
	refused(t, []string{"is in use by another process"}, weft, tool("rebuild", o)...)
	n.down(t, stopNode, p, o)
	for _, node := range []*devnet.Node{p, o} {
		if text := succeeds(t, weft, tool("verify", node)...); strings.Contains(text, "not completed") || !strings.Contains(text, "hash chain") {
			t.Errorf("%s:\n%s", node.Name, text)
		}
		var s audit.Stats
		check(t, json.Unmarshal([]byte(succeeds(t, weft, tool("stats", node, "-o", "json")...)), &s))
		file := filepath.Join(t.TempDir(), "blocks.jsonl")
		succeeds(t, weft, tool("export", node, "--file", file)...)
		if lines := strings.Count(string(must(os.ReadFile(file))(t)), "\n"); uint64(lines) != s.Height || lines == 0 {
			t.Errorf("%s: %d lines of %d blocks", node.Name, lines, s.Height)
		}
		refused(t, []string{"exists already"}, weft, tool("export", node, "--file", file)...)
		succeeds(t, weft, tool("rebuild", node)...)
	}
	var before, after struct{ Height uint64 }
	check(t, json.Unmarshal([]byte(succeeds(t, weft, tool("stats", p, "-o", "json")...)), &before))
	to := fmt.Sprint(before.Height / 2)
	if text := succeeds(t, weft, tool("rollback", p, "--to", to, "--dry-run")...); !strings.Contains(text, "These go from this peer") {
		t.Errorf("it shows\n%s", text)
	}
	refused(t, []string{"nothing was changed"}, weft, tool("rollback", p, "--to", to)...)
	check(t, json.Unmarshal([]byte(succeeds(t, weft, tool("stats", p, "-o", "json")...)), &after))
	if after != before {
		t.Errorf("height %d became %d without a yes", before.Height, after.Height)
	}
	succeeds(t, weft, tool("rollback", p, "--to", to, "--yes")...)
	check(t, json.Unmarshal([]byte(succeeds(t, weft, tool("verify", p, "-o", "json")...)), &after))
	if after.Height != before.Height/2 {
		t.Errorf("height %d after a rollback to %s", after.Height, to)
	}
	refused(t, []string{"Raft log"}, weft, tool("rollback", o, "--to", to, "--yes")...)
	check(t, p.Start(t.Context()))
	check(t, o.Start(t.Context()))
	n.level(t) // it fetched what it gave up
}
