package e2e

import (
	"context"
	"testing"
	"time"

	"github.com/hyperledger/fabric-gateway/pkg/client"

	"github.com/weft-network/weft/cmd/weft/internal/devnet"
)

// Whichever of Org2's two peers is down, stopped in order or killed, or an
// orderer that does not lead, the very next submit and query succeed, each in
// one call.
func TestOneOfEachMayBeDown(t *testing.T) {
	n := shared(t)
	asset := n.sdk(t, "Org1", "peer0.org1").GetContract("asset")
	for _, c := range []struct {
		name string
		node func(*testing.T) *devnet.Node
		stop func(*devnet.Node) error
	}{
		{"stopped", func(t *testing.T) *devnet.Node { return n.node(t, "peer1.org2") }, stopNode},
		{"killed", func(t *testing.T) *devnet.Node { return n.node(t, "peer0.org2") }, (*devnet.Node).Kill},
		{"orderer killed", n.follower, (*devnet.Node).Kill},
	} {
		t.Run(c.name, func(t *testing.T) {
			n.down(t, c.stop, c.node(t))
			for _, id := range names(t, 4) {
				if _, err := asset.SubmitTransaction("Create", id, "Eve", "5"); err != nil {
					t.Fatalf("%s: %v", id, err)
				}
				if _, err := asset.EvaluateTransaction("Read", id); err != nil {
					t.Fatalf("%s: %v", id, err)
				}
			}
		})
	}
}

// follower is an orderer that does not lead channel1.
func (n *network) follower(t *testing.T) *devnet.Node {
	t.Helper()
	for _, node := range n.Orderers() {
		if !n.status(t, node).Leader {
			return node
		}
	}
	t.Fatal("all orderers lead")
	return nil
}

// With all orderers stopped nothing is ordered, and clients are told so; what is
// committed can be read.
func TestWithoutOrderersQueriesAreAnswered(t *testing.T) {
	n := shared(t)
	asset := n.sdk(t, "Org1", "peer0.org1").GetContract("asset")
	id := names(t, 1)[0]
	_, commit, err := asset.SubmitAsync("Create", client.WithArguments(id, "Flo", "7"))
	check(t, err)
	before := must(commit.Status())(t)
	n.level(t)

	t.Run("down", func(t *testing.T) {
		n.down(t, stopNode, n.Orderers()...)
		for range 5 {
			must(asset.EvaluateTransaction("Read", id))(t)
		}
		if st := again(t, n, must(commit.Bytes())(t)); *st != *before {
			t.Errorf("%+v became %+v", before, st)
		}
		p := must(asset.NewProposal("Update", client.WithArguments(id, "8")))(t)
		tx := must(p.Endorse())(t)
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		if _, err := tx.SubmitWithContext(ctx); err == nil {
			t.Error("a transaction was taken although nobody orders")
		} else {
			t.Log(err)
		}
	})
	if _, err := asset.SubmitTransaction("Update", id, "9"); err != nil {
		t.Errorf("once they are back: %v", err)
	}
}
