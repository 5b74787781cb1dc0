package e2e

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hyperledger/fabric-protos-go-apiv2/peer"

	"github.com/weft-network/weft/cmd/weft/internal/client"
	"github.com/weft-network/weft/cmd/weft/internal/demo"
	"github.com/weft-network/weft/cmd/weft/internal/devnet"
)

// Each section builds on the ones before it, so the first that fails ends it.
func TestTheNetworkDoesWhatTheDemoSays(t *testing.T) {
	ctx := processes(t)
	examples := filepath.Join(repository, "chaincode-examples")
	s := demo.New(demo.Config{
		Dir: filepath.Join(t.TempDir(), "net"), PortOffset: freeOffset(t), Weftd: weftd, Out: t.Output(),
		Asset: filepath.Join(examples, "asset"), Counter: filepath.Join(examples, "counter"),
	})
	defer func() { check(t, s.Close(context.WithoutCancel(ctx), false)) }()
	for _, section := range []struct {
		name string
		test func(*testing.T)
	}{
		{"Up", func(t *testing.T) { check(t, s.Up(ctx)) }},
		{"Describe", func(t *testing.T) { described(t, must(s.Describe(ctx))(t)) }},
		{"Deploy", func(t *testing.T) { deployed(t, must(s.Deploy(ctx))(t)) }},
		{"NineSteps", func(t *testing.T) { nineSteps(t, must(s.NineSteps(ctx))(t)) }},
		{"Conflicts", func(t *testing.T) { conflicts(t, must(s.Conflicts(ctx))(t)) }},
		{"Borders", func(t *testing.T) { borders(t, must(s.Borders(ctx))(t)) }},
		{"Faults", func(t *testing.T) { faults(t, must(s.Faults(ctx))(t)) }},
		{"Summary", func(t *testing.T) { summary(t, must(s.Summary(ctx))(t)) }},
	} {
		if !t.Run(section.name, section.test) {
			return
		}
	}
}

// One orderer leads; each member has one peer that has blocks from the orderers
// and others that have them from gossip; Org3 has none.
func described(t *testing.T, n *demo.Network) {
	if len(n.Nodes) != 7 {
		t.Errorf("%d nodes, not three orderers and four peers", len(n.Nodes))
	}
	leaders := map[string]int{}
	for _, node := range n.Nodes {
		if node.State != devnet.StateRunning {
			t.Errorf("%s is %s", node.Name, node.State)
			continue
		}
		for _, c := range node.Status.Channels {
			if c.ID == channel1 && c.Leader {
				leaders[node.Org]++
			}
			if node.Org == "Org3" {
				t.Errorf("%s is on %s", node.Name, c.ID)
			}
		}
	}
	for _, org := range []string{"Orderer", "Org1", "Org2"} {
		if leaders[org] != 1 {
			t.Errorf("%s has %d leaders", org, leaders[org])
		}
	}
	if c := n.Config; c.ConsensusType != "etcdraft" || len(c.Consenters) != 3 || len(c.Application) != 2 {
		t.Errorf("channel1 is %s of %d consenters and %d members", c.ConsensusType, len(c.Consenters), len(c.Application))
	}
	if got := n.Policies["/Channel/Application/LifecycleEndorsement"]; got != "MAJORITY Endorsement" {
		t.Errorf("LifecycleEndorsement is %s", got)
	}
}

func deployed(t *testing.T, d *demo.Deployed) {
	for name, r := range map[string]int64{"asset": d.Asset.Definition.Sequence, "counter": d.Counter.Definition.Sequence} {
		if r != 1 {
			t.Errorf("%s has sequence %d", name, r)
		}
	}
	if !d.Committed.Valid() {
		t.Errorf("the peer without the package committed %s", d.Committed.Code)
	}
	if want := "chaincode definition for 'asset' exists, but chaincode is not installed"; !strings.Contains(d.Refusal, want) {
		t.Errorf("without the package a peer says %q", d.Refusal)
	}
}

func nineSteps(t *testing.T, s *demo.Steps) {
	for name, trace := range map[string]struct {
		*client.Trace
		steps int
	}{"update": {s.Update, 9}, "query": {s.Query, 4}} {
		if len(trace.Steps) != trace.steps {
			t.Errorf("the %s has %d steps", name, len(trace.Steps))
		}
		for i, st := range trace.Steps {
			if st.Number != i+1 || st.Name == "" || st.From == "" || st.To == "" || st.What == "" {
				t.Errorf("step %d of the %s is %+v", i+1, name, st)
			}
		}
	}
	u := s.Update
	if u.Code != peer.TxValidationCode_VALID || u.Block == 0 {
		t.Errorf("the update is %s in block %d", u.Code, u.Block)
	}
	if len(u.Endorsers) != 2 {
		t.Errorf("it was endorsed by %v", u.Endorsers)
	}
	if u.Event == nil || u.Event.TransactionID != u.TxID || u.Event.BlockNumber != u.Block {
		t.Errorf("its event is %+v", u.Event)
	}
	if len(s.Query.Payload) == 0 {
		t.Error("the query has no answer")
	}
}

func conflicts(t *testing.T, c *demo.Conflicts) {
	for _, x := range []struct {
		who  string
		r    *client.Result
		code peer.TxValidationCode
	}{
		{"the first of two on one version", c.First, peer.TxValidationCode_VALID},
		{"the second", c.Second, peer.TxValidationCode_MVCC_READ_CONFLICT},
		{"one with too few endorsements", c.TooFew, peer.TxValidationCode_ENDORSEMENT_POLICY_FAILURE},
	} {
		if x.r.Code != x.code || x.r.Block == 0 {
			t.Errorf("%s is %s in block %d, not %s", x.who, x.r.Code, x.r.Block, x.code)
		}
	}
	if c.After != "2" {
		t.Errorf("the counter is %s: invalid transactions counted", c.After)
	}
}

// Whoever is no member tries the same ways, and each is answered with a refusal.
func borders(t *testing.T, b *demo.Borders) {
	ways := []string{
		"join", "deliver blocks", "qscc", "evaluate", "endorse", "submit", "broadcast",
		"commit status", "chaincode events", "libp2p", "subscribe to the gossip topics",
	}
	for _, side := range []*demo.Border{b.Before, b.Other, b.After} {
		name := side.Intruder + " on " + side.Channel
		for _, way := range ways {
			if !slices.ContainsFunc(side.Attempts, func(a demo.Attempt) bool { return strings.Contains(a.Way, way) }) {
				t.Errorf("%s did not try %q", name, way)
			}
		}
		for _, a := range side.Attempts {
			if a.Answer == "" {
				t.Errorf("%s: %s at %s was not refused", name, a.Way, a.Where)
			}
		}
		if side.Heard != 0 || side.Control == 0 {
			t.Errorf("%s heard %d gossip messages, a member %d", name, side.Heard, side.Control)
		}
	}
	if b.Value != "1" {
		t.Errorf("channel2's counter is %s: it has not its own ledger", b.Value)
	}
}

func faults(t *testing.T, f *demo.Faults) {
	if len(f.Acked) == 0 {
		t.Error("no transaction was acknowledged")
	}
	if f.Leader == "" || f.NewLeader == "" || f.Leader == f.NewLeader {
		t.Errorf("Raft leader %q was killed and %q leads", f.Leader, f.NewLeader)
	}
	if f.Peer == "" || f.NewPeer == "" || f.Peer == f.NewPeer {
		t.Errorf("leading peer %q was killed and %q leads", f.Peer, f.NewPeer)
	}
	for _, name := range []string{f.Leader, f.Peer} {
		if f.CaughtUp[name] == 0 {
			t.Errorf("%s has not caught up", name)
		}
	}
	slices.Sort(f.Acked)
	if len(slices.Compact(f.Acked)) == 0 || f.Height == 0 {
		t.Error("nothing was found on the peers")
	}
}

// That nothing is lost and all copies are equal are claims of Faults and
// Summary, which end with an error otherwise.
func summary(t *testing.T, s *demo.Totals) {
	peers := map[string]int{"channel1": 3, "channel2": 2}
	for _, l := range s.Levels {
		if len(l.Peers) != peers[l.Channel] || l.Height == 0 || len(l.CommitHash) == 0 || l.Transactions == 0 {
			t.Errorf("%s: height %d, commit hash %x on %v", l.Channel, l.Height, l.CommitHash, l.Peers)
		}
		delete(peers, l.Channel)
	}
	if len(peers) != 0 {
		t.Errorf("not looked at: %v", peers)
	}
	for _, l := range s.Latencies {
		if l.Calls == 0 || l.P50 <= 0 || l.P50 > l.P95 || l.P95 > l.Max {
			t.Errorf("%+v", l)
		}
	}
}
