package node

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/hyperledger/fabric-gateway/pkg/client"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer/lifecycle"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/weft-network/weft/node/mesh"
	"github.com/weft-network/weft/p2p"
)

func TestThreeOrderersAndTheirPeersFindEachOther(t *testing.T) {
	n := newNetwork(t, 3, map[string]int{"Org1": 2, "Org2": 1})
	for _, r := range n.all() {
		r.start()
	}
	began := time.Now()
	n.channel("channel1", "Org1", "Org2")
	eventually(t, "the orderers elect a leader", func() bool { return n.leader("channel1") != nil })
	t.Logf("leader after %s", time.Since(began))
	eventually(t, "each organisation has one leader and every peer knows the others", func() bool {
		leads := map[string]int{}
		for _, p := range n.peers {
			pc, ok := p.node.peer.get("channel1")
			if !ok || len(pc.gossip.Members()) != 2 {
				return false
			}
			if pc.gossip.Leading() {
				leads[p.cfg.MSPID]++
			}
		}
		return leads["Org1MSP"] == 1 && leads["Org2MSP"] == 1
	})
	t.Logf("members after %s", time.Since(began))
}

func TestADefinitionIsApprovedAndCommittedByTheUnmodifiedClient(t *testing.T) {
	n := newNetwork(t, 1, map[string]int{"Org1": 2, "Org2": 1})
	for _, r := range n.all() {
		r.start()
	}
	n.channel("channel1", "Org1", "Org2")
	eventually(t, "the peers know each other", func() bool {
		for _, p := range n.peers {
			if pc, ok := p.on("channel1"); !ok || len(pc.gossip.Members()) != 2 {
				return false
			}
		}
		return n.leader("channel1") != nil
	})
	approve := &lifecycle.ApproveChaincodeDefinitionForMyOrgArgs{Name: "asset", Version: "1", Sequence: 1}
	commit := &lifecycle.CommitChaincodeDefinitionArgs{Name: "asset", Version: "1", Sequence: 1}

	admin := n.client("peer0.Org1", "Org1", "Admin").GetNetwork("channel1").GetContract("_lifecycle")
	if _, err := admin.Submit("CommitChaincodeDefinition", client.WithBytesArguments(bytesOf(t, commit))); err == nil {
		t.Fatal("a definition that nobody approved was committed")
	}
	for _, org := range []string{"Org1", "Org2"} {
		c := n.client("peer0."+org, org, "Admin").GetNetwork("channel1").GetContract("_lifecycle")
		if _, err := c.Evaluate("ApproveChaincodeDefinitionForMyOrg", client.WithBytesArguments(bytesOf(t, approve))); err != nil {
			t.Fatalf("%s approves: %v %v", org, err, details(err))
		}
	}
	began := time.Now()
	if _, err := admin.Submit("CommitChaincodeDefinition", client.WithBytesArguments(bytesOf(t, commit))); err != nil {
		t.Fatalf("commit: %v %v", err, details(err))
	}
	t.Logf("committed in %s", time.Since(began))
	n.level("channel1", 2)
}

func TestATransactionOfTheUnmodifiedClientIsEndorsedOrderedAndCommitted(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles chaincode; the full run has it")
	}
	n := newNetwork(t, 3, map[string]int{"Org1": 2, "Org2": 1})
	n.startAll()
	n.channel("channel1", "Org1", "Org2")
	n.ready("channel1", 3)
	n.deploy("channel1", "AND('Org1MSP.peer','Org2MSP.peer')", []string{"Org1", "Org2"}, "peer0.Org1", "peer0.Org2")
	contract := n.client("peer0.Org1", "Org1", "User1").GetNetwork("channel1").GetContract("counter")

	submit := func(args ...string) error {
		_, err := contract.SubmitTransaction(args[0], args[1:]...)
		return err
	}
	if err := submit("put", "a", "5"); err != nil {
		t.Fatalf("%v %v", err, details(err))
	}
	got, err := contract.EvaluateTransaction("get", "a")
	if err != nil || string(got) != "5" {
		t.Fatalf("get a: %q, %v", got, err)
	}

	n.level("channel1", 2) // or the peers endorse different versions
	t.Run("a second transaction on the same version conflicts", func(t *testing.T) {
		var commits []*client.Commit
		for range 2 {
			p, err := contract.NewProposal("add", client.WithArguments("a", "1"))
			if err != nil {
				t.Fatal(err)
			}
			tx, err := p.Endorse()
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				c, err := tx.Submit()
				if err != nil {
					t.Error(err)
					return
				}
				commits = append(commits, c)
				st, err := c.Status()
				if err != nil {
					t.Error(err)
					return
				}
				if want := peer.TxValidationCode_MVCC_READ_CONFLICT; len(commits) == 2 && st.Code != want {
					t.Errorf("the second became %s, not %s", st.Code, want)
				}
				if len(commits) == 1 && !st.Successful {
					t.Errorf("the first became %s", st.Code)
				}
			}()
		}
	})

	t.Run("an endorsement of one organisation is too small", func(t *testing.T) {
		_, err := contract.Submit("put", client.WithArguments("b", "1"), client.WithEndorsingOrganizations("Org1MSP"))
		var commitErr *client.CommitError
		if !errors.As(err, &commitErr) || commitErr.Code != peer.TxValidationCode_ENDORSEMENT_POLICY_FAILURE {
			t.Errorf("got %v", err)
		}
	})

	t.Run("a peer without the package commits but refuses to endorse", func(t *testing.T) {
		n.level("channel1", 2)
		other := n.client("peer1.Org1", "Org1", "User1").GetNetwork("channel1").GetContract("counter")
		if _, err := other.SubmitTransaction("put", "c", "1"); err != nil {
			t.Errorf("through its gateway, others endorse: %v %v", err, details(err))
		}
		p, err := other.NewProposal("get", client.WithArguments("a"))
		if err != nil {
			t.Fatal(err)
		}
		signed := signedProposal(t, p, n.orgs["Org1"].User("User1"))
		r, err := n.peers["peer1.Org1"].node.peer.endorser.Process(t.Context(), signed)
		if err != nil {
			t.Fatal(err)
		}
		if want := "chaincode definition for 'counter' exists, but chaincode is not installed"; !strings.Contains(r.Response.Message, want) {
			t.Errorf("it answers %d %q", r.Response.Status, r.Response.Message)
		}
	})
	n.level("channel1", 2)
}

func TestPeersCatchUpFromEachOtherWithoutAnyOrderer(t *testing.T) {
	n := newNetwork(t, 1, map[string]int{"Org1": 2, "Org2": 1})
	late := n.peers["peer1.Org1"]
	for _, r := range n.all() {
		if r != late {
			r.start()
		}
	}
	genesis := n.channel("channel1", "Org1", "Org2")
	n.ready("channel1", 2)
	n.define("channel1", "Org1", 5)
	n.level("channel1", 6)
	n.orderers[0].halt()

	late.start()
	if err := late.node.peer.join(genesis); err != nil {
		t.Fatal(err)
	}
	n.level("channel1", 6)
}

func TestAnotherPeerLeadsWhenTheLeaderDies(t *testing.T) {
	n := newNetwork(t, 3, map[string]int{"Org1": 2, "Org2": 1})
	n.startAll()
	n.channel("channel1", "Org1", "Org2")
	n.ready("channel1", 3)
	first, second := n.peers["peer0.Org1"], n.peers["peer1.Org1"]
	if pc, _ := second.node.peer.get("channel1"); pc.gossip.Leading() {
		first, second = second, first
	}
	eventually(t, "one of them streams from an orderer, the other takes what is gossiped", func() bool {
		return streams(t, first, "channel1") == 1 && streams(t, second, "channel1") == 0
	})
	first.halt()
	var lead *running
	eventually(t, "an orderer leads", func() bool { lead = n.leader("channel1"); return lead != nil })
	lead.halt()
	eventually(t, "the other peer leads and a leader orders", func() bool {
		pc, _ := second.node.peer.get("channel1")
		return pc.gossip.Leading() && n.leader("channel1") != nil
	})
	n.define("channel1", "Org2", 3)
	n.level("channel1", 4) // the new leader has the blocks

	first.start()
	eventually(t, "the first comes back, catches up and does not take over", func() bool {
		a, _ := first.node.peer.get("channel1")
		b, _ := second.node.peer.get("channel1")
		return a.Ledger().Height() == b.Ledger().Height() && len(a.gossip.Members()) == 2 && !a.gossip.Leading() && b.gossip.Leading()
	})
}

// streams is what a peer's metric says of its streams from orderers.
func streams(t *testing.T, r *running, channel string) float64 {
	t.Helper()
	families, err := r.node.metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != "gossip_orderer_streams" {
			continue
		}
		for _, m := range f.GetMetric() {
			if m.GetLabel()[0].GetValue() == channel {
				return m.GetGauge().GetValue()
			}
		}
	}
	t.Fatalf("no gossip_orderer_streams of %s", channel)
	return 0
}

func TestStrangersGetNothingOfAChannel(t *testing.T) {
	n := newNetwork(t, 1, map[string]int{"Org1": 1, "Org2": 1, "Org3": 1})
	n.startAll()
	genesis := n.channel("channel1", "Org1", "Org2")
	n.channel("channel2", "Org2", "Org3")
	n.ready("channel1", 2)
	n.ready("channel2", 2)
	stranger := n.peers["peer0.Org3"]

	if err := stranger.node.peer.join(genesis); err == nil || !strings.Contains(err.Error(), "Org3MSP is not a member of channel channel1") {
		t.Errorf("join: %v", err)
	}
	member := n.peers["peer0.Org2"].node.mesh.Host().ID()
	for _, protocol := range []p2p.Protocol{mesh.Deliver, mesh.Broadcast, mesh.Endorse, mesh.Raft, mesh.Submit} {
		if s, err := stranger.node.mesh.Host().Open(t.Context(), member, protocol, "channel1"); err == nil {
			s.Close()
			t.Errorf("a %s stream to a member was admitted", protocol)
		}
	}
	other := n.client("peer0.Org2", "Org3", "User1").GetNetwork("channel1")
	if _, err := other.GetContract("qscc").EvaluateTransaction("GetChainInfo", "channel1"); err == nil {
		t.Error("a stranger's query was answered")
	}
	if st := status.Code(deliverTo(t, other)); st == codes.OK {
		t.Error("a stranger received blocks")
	}
	mine := n.client("peer0.Org1", "Org1", "User1").GetNetwork("channel2")
	if _, err := mine.GetContract("qscc").EvaluateTransaction("GetChainInfo", "channel2"); err == nil {
		t.Error("Org1 can ask for channel2")
	}
}

// deliverTo asks for the first block as the network's client.
func deliverTo(t *testing.T, network *client.Network) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	blocks, err := network.BlockEvents(ctx, client.WithStartBlock(0))
	if err != nil {
		return err
	}
	if _, ok := <-blocks; ok {
		return nil
	}
	return status.Error(codes.PermissionDenied, "the stream ended without a block")
}
