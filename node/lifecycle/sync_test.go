package lifecycle_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	lb "github.com/hyperledger/fabric-protos-go-apiv2/peer/lifecycle"
	"github.com/weft-network/weft/ledger/ident/ca"
	"github.com/weft-network/weft/ledger/ident/catest"
	"github.com/weft-network/weft/node/endorse/endorsetest"
	"github.com/weft-network/weft/node/lifecycle"
	"github.com/weft-network/weft/p2p/wire"
	"google.golang.org/protobuf/proto"
)

// approvalBy is the record of an approve call, not yet with any peer.
func (w *world) approvalBy(who *ca.Member, name string, number uint64, edits ...func(*endorsetest.Request)) *peer.SignedProposal {
	args := &lb.ApproveChaincodeDefinitionForMyOrgArgs{Name: name, Version: "1.0", Sequence: 1}
	r := endorsetest.Request{
		Signer: who.Signer(), Channel: "channel1", Chaincode: "_lifecycle", Number: number,
		Args: [][]byte{[]byte("ApproveChaincodeDefinitionForMyOrg"), endorsetest.Marshal(w.tb, args)},
	}
	for _, edit := range edits {
		edit(&r)
	}
	return r.Sign(w.tb)
}

// joined connects the approvals of two peers until the test ends.
func joined(t *testing.T, a, b *lifecycle.Approvals) {
	ctx, cancel := context.WithCancel(context.Background())
	here, there := endorsetest.Pipe("")
	done := make(chan error, 2)
	go func() { done <- a.Sync(ctx, here) }()
	go func() { done <- b.Sync(ctx, there) }()
	t.Cleanup(func() { cancel(); <-done; <-done })
}

// learned gives every record that newly counts.
func learned(a *lifecycle.Approvals) <-chan *lifecycle.Approval {
	c := make(chan *lifecycle.Approval, 100)
	a.OnApproval(func(r *lifecycle.Approval) { c <- r })
	return c
}

func TestPeersOfAnOrganisationShareApprovals(t *testing.T) {
	w := newWorld(t)
	a, b, c := w.peer(w.org1, "peer0"), w.peer(w.org1, "peer1"), w.peer(w.org1, "peer2")
	hearsA, hearsC := learned(a.approvals), learned(c.approvals)
	a.must(a.approve("before", 1, "x:1")) // before they meet
	joined(t, a.approvals, b.approvals)
	joined(t, b.approvals, c.approvals) // c knows a only through b
	<-hearsA
	if r := <-hearsC; r.Definition.Name != "before" || r.PackageID != "x:1" {
		t.Errorf("%+v", r)
	}
	c.must(c.approve("after", 1, ""))
	<-hearsC
	if r := <-hearsA; r.Definition.Name != "after" {
		t.Errorf("%+v", r)
	}
	a.must(a.approve("after", 1, "y:2")) // replaces, everywhere
	if r := <-hearsC; r.PackageID != "y:2" {
		t.Errorf("%+v", r)
	}
	if r := b.approvals.Get("channel1", "after", 1); r == nil || r.PackageID != "y:2" {
		t.Errorf("%+v", r)
	}
	w.define("after", 1)
	if _, err := c.lifecycle.Module(t.Context(), "channel1", w.channel.Define(definitionOf("after"))); err == nil {
		t.Error("a module without a package")
	}
}

func TestAnOlderApprovalDoesNotReplaceANewerOne(t *testing.T) {
	w := newWorld(t)
	n := w.peer(w.org1, "peer0")
	n.must(n.approve("kv", 1, "new:1"))
	resp, err := n.endorser.Process(t.Context(), w.approvalBy(n.admin(), "kv", 99))
	n.must(err)
	wantText(t, textOf(resp), "a newer approval of this sequence is on record; check the clocks")
	if r := n.approvals.Get("channel1", "kv", 1); r.PackageID != "new:1" {
		t.Errorf("%+v", r)
	}
}

func TestApprovalsOutliveARestart(t *testing.T) {
	w := newWorld(t)
	n := w.peer(w.org1, "peer0")
	n.must(n.approve("kv", 1, "x:1"))
	n.must(n.approve("kv", 1, "x:2"))
	again, err := lifecycle.OpenApprovals(n.db, catest.Set(t, w.org1), slog.New(slog.DiscardHandler))
	n.must(err)
	if r := again.Get("channel1", "kv", 1); r == nil || r.PackageID != "x:2" || r.Definition.Version != "1.0" {
		t.Errorf("%+v", r)
	}
	other, err := lifecycle.OpenApprovals(n.db, catest.Set(t, w.org2), slog.New(slog.DiscardHandler))
	n.must(err)
	if r := other.List("channel1"); len(r) != 0 {
		t.Errorf("records of another organisation were taken: %v", r)
	}
}

func TestReceivedApprovalsAreVerified(t *testing.T) {
	w := newWorld(t)
	admin := w.org1.Admin("Admin")
	expired := w.org1.Admin("Old", ca.ValidUntil(catest.Epoch().Add(time.Hour)))
	for _, c := range []struct {
		name string
		sp   *peer.SignedProposal
		want string
	}{
		{"sound", w.approvalBy(admin, "kv", 1), ""},
		{"long ago, by a certificate that has expired since", w.approvalBy(expired, "kv", 1, func(r *endorsetest.Request) { r.At = catest.Epoch() }), ""},
		{"a user's", w.approvalBy(w.org1.User("User1"), "kv", 1), "satisfies local MSP principal"},
		{"another organisation's", w.approvalBy(w.org2.Admin("Admin"), "kv", 1), "creator org unknown"},
		{"forged", w.approvalBy(admin, "kv", 1, func(r *endorsetest.Request) {
			r.EditSigned = func(sp *peer.SignedProposal) { sp.Signature[8] ^= 1 }
		}), "access denied: channel [channel1] creator org [Org1MSP]"},
		{"of another function", w.approvalBy(admin, "kv", 1, func(r *endorsetest.Request) { r.Args[0] = []byte("CommitChaincodeDefinition") }), "is not a call of _lifecycle/Approve"},
		{"of another chaincode", w.approvalBy(admin, "kv", 1, func(r *endorsetest.Request) { r.Chaincode = "kv" }), "is not a call of _lifecycle/Approve"},
		{"of no channel", w.approvalBy(admin, "kv", 1, func(r *endorsetest.Request) { r.Channel = "" }), "channel id"},
		{"of a bad name", w.approvalBy(admin, "k\x00v", 1), "invalid chaincode name"},
		{"of no time", w.approvalBy(admin, "kv", 1, func(r *endorsetest.Request) {
			r.EditHeaders = func(ch *common.ChannelHeader, _ *common.SignatureHeader) { ch.Timestamp = nil }
		}), "timestamp"},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := w.peer(w.org1, "peer0")
			here, there := endorsetest.Pipe("")
			done := make(chan error, 1)
			heard := learned(n.approvals)
			go func() { done <- n.approvals.Sync(t.Context(), here) }()
			raw := endorsetest.Marshal(t, &wire.ApprovalSync{SignedProposals: [][]byte{endorsetest.Marshal(t, c.sp)}})
			n.must(there.Send(raw))
			if c.want == "" {
				select {
				case <-heard:
					_ = there.Close()
					<-done
				case err := <-done:
					t.Error(err)
				}
				return
			}
			wantText(t, <-done, c.want)
			if n.approvals.Get("channel1", "kv", 1) != nil {
				t.Error("it counts")
			}
		})
	}
}

func FuzzReceiveApprovals(f *testing.F) {
	w := newWorld(f)
	n := w.peer(w.org1, "peer0")
	f.Add(endorsetest.Marshal(f, &wire.ApprovalSync{SignedProposals: [][]byte{endorsetest.Marshal(f, w.approvalBy(n.admin(), "kv", 1))}}))
	f.Add([]byte{10, 2, 10, 0})
	f.Fuzz(func(t *testing.T, raw []byte) {
		here, there := endorsetest.Pipe("")
		_ = there.Send(raw)
		_ = there.Close()
		if n.approvals.Sync(context.Background(), here) == nil {
			t.Error("the end of the stream was not said")
		}
	})
}

func FuzzLifecycleArguments(f *testing.F) {
	w := newWorld(f)
	n := w.peer(w.org1, "peer0")
	admin := n.admin()
	names := []string{
		"InstallChaincode", "QueryInstalledChaincode", "ApproveChaincodeDefinitionForMyOrg", "QueryApprovedChaincodeDefinition",
		"CheckCommitReadiness", "CommitChaincodeDefinition", "QueryChaincodeDefinition", "GetInstalledChaincodePackage",
	}
	args := endorsetest.Marshal(f, &lb.ApproveChaincodeDefinitionForMyOrgArgs{Name: "kv", Version: "1.0", Sequence: 1})
	for i := range names {
		f.Add(uint8(i), args)
	}
	f.Fuzz(func(t *testing.T, i uint8, raw []byte) {
		r := endorsetest.Request{Signer: admin.Signer(), Channel: "channel1", Chaincode: "_lifecycle",
			Args: [][]byte{[]byte(names[int(i)%len(names)]), raw}}
		resp, err := n.endorser.Process(context.Background(), r.Sign(t))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := proto.Marshal(resp); err != nil {
			t.Error(err)
		}
	})
}
