package node

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hyperledger/fabric-gateway/pkg/client"

	"github.com/weft-network/weft/wasm/build"
	"github.com/weft-network/weft/wasm/pack"
)

// calls are arguments that have the probe make calls of the stub.
func calls(list ...[]string) client.ProposalOption {
	var args []string
	for _, words := range list {
		raw, err := json.Marshal(words)
		if err != nil {
			panic(err)
		}
		args = append(args, string(raw))
	}
	return client.WithArguments(args...)
}

// What Fabric chaincode reads of a network's past and page by page is the same
// on every peer.
func TestHistoryAndPagesOverANetwork(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles chaincode; the full run has it")
	}
	n := newNetwork(t, 1, map[string]int{"Org1": 1, "Org2": 1})
	n.startAll()
	n.channel("channel1", "Org1", "Org2")
	n.ready("channel1", 2)
	code, err := build.Chaincode(t.Context(), filepath.Join("..", "wasm", "testdata", "probe"), "", build.Options{})
	if err != nil {
		t.Fatal(err)
	}
	raw, err := pack.Write("probe", code.Code)
	if err != nil {
		t.Fatal(err)
	}
	n.deployPackage("channel1", "probe", pack.ID("probe", raw), raw, "AND('Org1MSP.peer','Org2MSP.peer')",
		[]string{"Org1", "Org2"}, "peer0.Org1", "peer0.Org2")
	contract := n.client("peer0.Org1", "Org1", "User1").GetNetwork("channel1").GetContract("probe")

	var want []string // the history of a, the newest first
	submit := func(list ...[]string) (id, answer string) {
		t.Helper()
		p, err := contract.NewProposal("do", calls(list...))
		if err != nil {
			t.Fatal(err)
		}
		tx, err := p.Endorse()
		if err != nil {
			t.Fatalf("%v %v", err, details(err))
		}
		c, err := tx.Submit()
		if err != nil {
			t.Fatal(err)
		}
		if st, err := c.Status(); err != nil || !st.Successful {
			t.Fatalf("it became %v, %v", st, err)
		}
		return tx.TransactionID(), string(tx.Result())
	}
	for i, change := range [][]string{{"PutState", "a", "1"}, {"PutState", "a", "2"}, {"DelState", "a"}, {"PutState", "a", "3"}} {
		id, _ := submit(change, []string{"PutState", fmt.Sprint("k", i), "v"})
		value := "(deleted)"
		if len(change) == 3 {
			value = change[2]
		}
		want = append([]string{id + "=" + value}, want...)
	}
	n.level("channel1", 2)

	for _, org := range []string{"Org1", "Org2"} {
		reader := n.client("peer0."+org, org, "User1").GetNetwork("channel1").GetContract("probe")
		evaluate := func(list ...[]string) string {
			t.Helper()
			got, err := reader.Evaluate("do", calls(list...))
			if err != nil {
				t.Fatalf("%v %v", err, details(err))
			}
			return string(got)
		}
		got := evaluate([]string{"GetHistoryForKey", "a"})
		for _, w := range want {
			id, value, _ := strings.Cut(w, "=")
			_, after, found := strings.Cut(got, id+"@")
			if !found || !strings.Contains(strings.SplitN(after, " ", 2)[0], "="+value) {
				t.Errorf("%s: no %s in the rest of the history %s", org, w, got)
			}
			got = after
		}
		const page = "GetStateByRangeWithPagination"
		bookmark, keys := "", ""
		for range 3 {
			got := evaluate([]string{page, "a", "", "2", bookmark})
			records, rest, _ := strings.Cut(got, page+"'s page: ")
			for _, record := range strings.Fields(records) {
				if key, _, isRecord := strings.Cut(record, "="); isRecord {
					keys += key
				}
			}
			bookmark = strings.TrimSpace(strings.TrimLeft(rest, "012"))
		}
		if keys != `"a""k0""k1""k2""k3"` || bookmark != "" {
			t.Errorf("%s: pages of %s, then %q", org, keys, bookmark)
		}
	}

	if _, got := submit([]string{"GetStateByRangeWithPagination", "a", "", "2", ""}, []string{"PutState", "b", "1"}); !strings.Contains(got, "Transaction has already performed a paginated query. Writes are not allowed") {
		t.Errorf("a write after a page: %s", got)
	}
	if _, got := submit([]string{"PutState", "b", "1"}, []string{"GetStateByRangeWithPagination", "a", "", "2", ""}); !strings.Contains(got, "Paginated queries are supported only in a read-only transaction") {
		t.Errorf("a page after a write: %s", got)
	}
	n.level("channel1", 2)
}
