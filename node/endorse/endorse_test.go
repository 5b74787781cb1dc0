package endorse_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/ledger/rwset"
	"github.com/hyperledger/fabric-protos-go-apiv2/ledger/rwset/kvrwset"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"github.com/weft-network/weft/ledger"
	"github.com/weft-network/weft/ledger/definition"
	"github.com/weft-network/weft/ledger/ident/ca"
	"github.com/weft-network/weft/ledger/ident/catest"
	"github.com/weft-network/weft/ledger/sim"
	"github.com/weft-network/weft/node/endorse"
	"github.com/weft-network/weft/node/endorse/endorsetest"
	"github.com/weft-network/weft/wasm"
	"google.golang.org/protobuf/proto"
)

// runner is chaincode as a Go function.
type runner func(ctx context.Context, call *wasm.Call, stub wasm.Stub) (*wasm.Response, error)

func (r runner) Invoke(ctx context.Context, call *wasm.Call, stub wasm.Stub) (*wasm.Response, error) {
	return r(ctx, call, stub)
}

// modules finds runners by chaincode name.
type modules map[string]runner

func (m modules) Module(_ context.Context, _ string, d *definition.Definition) (endorse.Module, error) {
	if r := m[d.Name]; r != nil {
		return r, nil
	}
	return nil, fmt.Errorf("chaincode definition for '%s' exists, but chaincode is not installed", d.Name)
}

// echo is a system chaincode that answers its arguments.
type echo struct{ sims []*sim.Simulator }

func (e *echo) Invoke(_ context.Context, p *endorse.Proposal, s *sim.Simulator) *peer.Response {
	e.sims = append(e.sims, s)
	return &peer.Response{Status: 200, Payload: bytes.Join(p.Args, []byte(","))}
}

// world is one peer of Org1 on channel1 of Org1 and Org2.
type world struct {
	org1, org2 *catest.Org
	channel    *endorsetest.Channel
	user       *ca.Member
	peer       *ca.Member
	code       modules
	system     *echo
	config     endorse.Config
}

func newWorld(tb testing.TB) *world {
	tb.Helper()
	w := &world{org1: catest.New(tb, "Org1"), org2: catest.New(tb, "Org2"), code: modules{}, system: &echo{}}
	w.channel = endorsetest.NewChannel(tb, "channel1", catest.NewOrderer(tb), []*catest.Org{w.org1, w.org2})
	w.user, w.peer = w.org1.User("User1"), w.org1.Peer("peer0")
	w.config = endorse.Config{
		Signer:    w.peer.Signer(),
		LocalMSPs: catest.Set(tb, w.org1),
		Channel: func(id string) (endorse.Channel, bool) {
			return w.channel, id == w.channel.ID()
		},
		System:     map[string]endorse.System{"echo": w.system},
		Chaincodes: w.code,
		Now:        endorsetest.Now,
	}
	return w
}

func (w *world) endorser() *endorse.Endorser { return endorse.New(w.config) }

// deploy defines a chaincode whose code is a function.
func (w *world) deploy(name string, r runner, edits ...func(*definition.Definition)) {
	d := definition.Definition{Name: name, Version: "1.0", Sequence: 1}
	for _, edit := range edits {
		edit(&d)
	}
	w.channel.Define(d)
	w.code[name] = r
}

func (w *world) request(args ...string) endorsetest.Request {
	return endorsetest.Request{Signer: w.user.Signer(), Channel: "channel1", Chaincode: "kv", Args: endorsetest.Args(args...)}
}

func answer(status int32, message string) runner {
	return func(context.Context, *wasm.Call, wasm.Stub) (*wasm.Response, error) {
		return &wasm.Response{Status: status, Message: message, Payload: []byte("payload")}, nil
	}
}

func TestFaultsOfAProposal(t *testing.T) {
	w := newWorld(t)
	w.deploy("kv", answer(200, ""))
	w.channel.Commit("seen", "kv")
	stranger := catest.New(t, "Org3").User("User1")
	expired := w.org1.User("Old", ca.ValidUntil(endorsetest.Now().Add(-time.Hour)))
	const denied1 = "error validating proposal: access denied: channel [channel1] creator org [Org1MSP]"
	const unknown = "error validating proposal: access denied: channel [channel1] creator org unknown, creator is malformed"
	for _, c := range []struct {
		name string
		edit func(*endorsetest.Request)
		want string // a prefix when it ends in …
	}{
		{"proposal bytes", func(r *endorsetest.Request) {
			r.EditSigned = func(sp *peer.SignedProposal) { sp.ProposalBytes = []byte{0xff} }
		}, "error unmarshaling Proposal: …"},
		{"header", func(r *endorsetest.Request) {
			r.EditProposal = func(p *peer.Proposal) { p.Header = []byte{0xff} }
		}, "error unmarshaling Header: …"},
		{"payload", func(r *endorsetest.Request) {
			r.EditProposal = func(p *peer.Proposal) { p.Payload = []byte{0xff} }
		}, "error unmarshaling ChaincodeProposalPayload: …"},
		{"no chaincode id", func(r *endorsetest.Request) {
			r.EditExtension = func(e *peer.ChaincodeHeaderExtension) { e.ChaincodeId = nil }
		}, "ChaincodeHeaderExtension.ChaincodeId is nil"},
		{"no chaincode name", func(r *endorsetest.Request) {
			r.EditExtension = func(e *peer.ChaincodeHeaderExtension) { e.ChaincodeId.Name = "" }
		}, "ChaincodeHeaderExtension.ChaincodeId.Name is empty"},
		{"no spec", func(r *endorsetest.Request) {
			r.EditSpec = func(s *peer.ChaincodeInvocationSpec) { s.ChaincodeSpec = nil }
		}, "chaincode invocation spec did not contain chaincode spec"},
		{"no input", func(r *endorsetest.Request) {
			r.EditSpec = func(s *peer.ChaincodeInvocationSpec) { s.ChaincodeSpec.Input = nil }
		}, "chaincode input did not contain any input"},
		{"two chaincodes", func(r *endorsetest.Request) {
			r.EditSpec = func(s *peer.ChaincodeInvocationSpec) { s.ChaincodeSpec.ChaincodeId.Name = "other" }
		}, "chaincode id 'kv' in the header extension differs from 'other' in the invocation spec"},
		{"type", func(r *endorsetest.Request) {
			r.EditHeaders = func(ch *common.ChannelHeader, _ *common.SignatureHeader) { ch.Type = 4 }
		}, "error validating proposal: invalid header type ORDERER_TRANSACTION"},
		{"epoch", func(r *endorsetest.Request) {
			r.EditHeaders = func(ch *common.ChannelHeader, _ *common.SignatureHeader) { ch.Epoch = 1 }
		}, "error validating proposal: epoch is non-zero"},
		{"nonce", func(r *endorsetest.Request) {
			r.EditHeaders = func(_ *common.ChannelHeader, sh *common.SignatureHeader) { sh.Nonce = nil }
		}, "error validating proposal: nonce is empty"},
		{"creator", func(r *endorsetest.Request) {
			r.EditHeaders = func(_ *common.ChannelHeader, sh *common.SignatureHeader) { sh.Creator = nil }
		}, "error validating proposal: creator is empty"},
		{"txid", func(r *endorsetest.Request) {
			r.EditTxID = func(ch *common.ChannelHeader) { ch.TxId = "abc" }
		}, "error validating proposal: incorrectly computed txid 'abc' -- expected '…"},
		{"no signature", func(r *endorsetest.Request) {
			r.EditSigned = func(sp *peer.SignedProposal) { sp.Signature = nil }
		}, "error validating proposal: empty signature bytes"},
		{"bad signature", func(r *endorsetest.Request) {
			r.EditSigned = func(sp *peer.SignedProposal) { sp.Signature[9] ^= 1 }
		}, denied1},
		{"another organisation", func(r *endorsetest.Request) { r.Signer = stranger.Signer() }, unknown},
		{"creator is no identity", func(r *endorsetest.Request) {
			r.EditHeaders = func(_ *common.ChannelHeader, sh *common.SignatureHeader) { sh.Creator = []byte("me") }
		}, unknown},
		{"expired", func(r *endorsetest.Request) { r.Signer = expired.Signer() },
			"proposal client identity expired: identity expired at 2026-01-01T23:00:00Z"},
		{"too old", func(r *endorsetest.Request) { r.At = endorsetest.Now().Add(-endorse.Window - time.Second) },
			"request unauthorized due to incorrect timestamp 2026-01-01T23:44:59Z, peer time 2026-01-02T00:00:00Z, peer.authentication.timewindow 15m0s"},
		{"too early", func(r *endorsetest.Request) { r.At = endorsetest.Now().Add(endorse.Window + time.Second) },
			"request unauthorized due to incorrect timestamp 2026-01-02T00:15:01Z, …"},
		{"no timestamp", func(r *endorsetest.Request) {
			r.EditHeaders = func(ch *common.ChannelHeader, _ *common.SignatureHeader) { ch.Timestamp = nil }
		}, "request unauthorized due to incorrect timestamp: …"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := w.request("f")
			c.edit(&r)
			resp, err := w.endorser().Process(t.Context(), r.Sign(t))
			if err == nil {
				t.Fatalf("accepted: %v", resp)
			}
			checkText(t, err.Error(), c.want)
			if resp.GetResponse().GetStatus() != 500 || resp.Payload != nil || resp.Response.Message != err.Error() {
				t.Errorf("response %v", resp)
			}
		})
	}
}

func checkText(t *testing.T, got, want string) {
	t.Helper()
	prefix, open := strings.CutSuffix(want, "…")
	if got != want && !(open && strings.HasPrefix(got, prefix)) {
		t.Errorf("text\n got %s\nwant %s", got, want)
	}
}

func TestATransactionIsEndorsedOnce(t *testing.T) {
	w := newWorld(t)
	w.deploy("kv", answer(200, ""))
	sp := w.request("f").Sign(t)
	p, err := endorse.Unpack(sp)
	if err != nil {
		t.Fatal(err)
	}
	w.channel.Commit(p.TxID, "kv")
	_, err = w.endorser().Process(t.Context(), sp)
	if want := fmt.Sprintf("duplicate transaction found [%s]. Creator [%x]", p.TxID, p.CreatorBytes); err == nil || err.Error() != want {
		t.Fatalf("got %v", err)
	}
}

func TestOnlyWritersMayPropose(t *testing.T) {
	w := newWorld(t)
	w.deploy("kv", answer(200, ""))
	r := w.request("f")
	r.Signer = w.peer.Signer() // a peer is a reader, no writer
	_, err := w.endorser().Process(t.Context(), r.Sign(t))
	if err == nil || err.Error() != "access denied: channel [channel1] creator org [Org1MSP]" {
		t.Fatalf("got %v", err)
	}
}

func TestUnknownChannelIsAnAnswerNotAnError(t *testing.T) {
	w := newWorld(t)
	r := w.request("f")
	r.Channel = "channel9"
	resp, err := w.endorser().Process(t.Context(), r.Sign(t))
	if err != nil || resp.Response.Status != 500 || resp.Response.Message != "channel 'channel9' not found" {
		t.Fatalf("%v %v", resp, err)
	}
}

func TestAnEndorsementSignsWhatTheChaincodeDid(t *testing.T) {
	w := newWorld(t)
	w.channel.Commit("t0", "kv", ledger.Write{Key: "a", Value: []byte("1")})
	var seen *wasm.Call
	w.deploy("kv", func(_ context.Context, call *wasm.Call, stub wasm.Stub) (*wasm.Response, error) {
		seen = call
		v, err := stub.Get("a")
		if err == nil {
			err = stub.Put("b", append(v, '2'))
		}
		return &wasm.Response{Status: 200, Payload: v, EventName: "moved", EventPayload: []byte("ab")}, err
	})
	r := w.request("move", "a", "b")
	r.Transient = map[string][]byte{"secret": []byte("s")}
	sp := r.Sign(t)
	resp, err := w.endorser().Process(t.Context(), sp)
	if err != nil || resp.Response.Status != 200 || string(resp.Response.Payload) != "1" {
		t.Fatalf("%v %v", resp, err)
	}
	p, _ := endorse.Unpack(sp)
	if seen.TxID != p.TxID || string(seen.Args[0]) != "move" || string(seen.Transient["secret"]) != "s" ||
		seen.MSPID != "Org1MSP" || seen.Seconds != endorsetest.Now().Unix() || len(seen.Binding) != 32 {
		t.Errorf("call %+v", seen)
	}
	signer, err := catest.Set(t, w.org1).Identity(resp.Endorsement.Endorser)
	if err != nil {
		t.Fatal(err)
	}
	if err := signer.Verify(append(bytes.Clone(resp.Payload), resp.Endorsement.Endorser...), resp.Endorsement.Signature); err != nil {
		t.Error(err)
	}
	prp, action, event := &peer.ProposalResponsePayload{}, &peer.ChaincodeAction{}, &peer.ChaincodeEvent{}
	parse(t, resp.Payload, prp)
	parse(t, prp.Extension, action)
	parse(t, action.Events, event)
	if hash, err := p.Hash(); err != nil || !bytes.Equal(prp.ProposalHash, hash) {
		t.Error("another proposal's hash")
	}
	if bytes.Contains(resp.Payload, []byte("secret")) {
		t.Error("transient data got into the payload")
	}
	if action.ChaincodeId.Name != "kv" || action.ChaincodeId.Version != "1.0" {
		t.Errorf("chaincode id %v", action.ChaincodeId)
	}
	if event.ChaincodeId != "kv" || event.TxId != p.TxID || event.EventName != "moved" {
		t.Errorf("event %v", event)
	}
	sets := rwsets(t, action.Results)
	if n := len(sets["_lifecycle"].GetReads()); n != 1 || sets["_lifecycle"].Reads[0].Key != "namespaces/fields/kv/Sequence" ||
		sets["_lifecycle"].Reads[0].Version == nil || len(sets["_lifecycle"].Writes) != 0 {
		t.Errorf("_lifecycle: %v", sets["_lifecycle"])
	}
	kv := sets["kv"]
	if len(kv.GetReads()) != 1 || kv.Reads[0].Version.GetBlockNum() != 1 || len(kv.Writes) != 1 || string(kv.Writes[0].Value) != "12" {
		t.Errorf("kv: %v", kv)
	}
	if c := resp.Interest.GetChaincodes(); len(c) != 1 || c[0].Name != "kv" {
		t.Errorf("interest %v", resp.Interest)
	}
	own, err := w.channel.Config().MSPs.Identity(resp.Endorsement.Endorser)
	if err != nil || !own.Knows(append(bytes.Clone(resp.Payload), resp.Endorsement.Endorser...), resp.Endorsement.Signature) {
		t.Errorf("the peer would check its own signature again: %v", err)
	}
	again, _ := w.endorser().Process(t.Context(), sp)
	if !bytes.Equal(again.Payload, resp.Payload) {
		t.Error("the same proposal on the same state gave other bytes")
	}
}

func parse(t *testing.T, raw []byte, m proto.Message) {
	t.Helper()
	if err := proto.Unmarshal(raw, m); err != nil {
		t.Fatal(err)
	}
}

func rwsets(t *testing.T, raw []byte) map[string]*kvrwset.KVRWSet {
	t.Helper()
	all := &rwset.TxReadWriteSet{}
	parse(t, raw, all)
	sets := map[string]*kvrwset.KVRWSet{}
	for _, ns := range all.NsRwset {
		sets[ns.Namespace] = &kvrwset.KVRWSet{}
		parse(t, ns.Rwset, sets[ns.Namespace])
	}
	return sets
}

func TestWhatBecomesOfAnAnswer(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct {
		status            int32
		payload, endorsed bool
	}{
		{200, true, true}, {399, true, true},
		{400, false, false}, {499, false, false},
		{500, true, false}, {1000, true, false},
		{0, false, false},
	} {
		name := fmt.Sprintf("cc%d", c.status)
		w.deploy(name, answer(c.status, "said so"))
		r := w.request("f")
		r.Chaincode = name
		resp, err := w.endorser().Process(t.Context(), r.Sign(t))
		if err != nil || resp.Response.Status != c.status || resp.Response.Message != "said so" {
			t.Errorf("%d: %v %v", c.status, resp, err)
		}
		if got := resp.Payload != nil; got != c.payload {
			t.Errorf("%d: with payload: %v", c.status, got)
		}
		if got := resp.Endorsement != nil; got != c.endorsed {
			t.Errorf("%d: endorsed: %v", c.status, got)
		}
		query, err := w.endorser().Evaluate(t.Context(), r.Sign(t), nil)
		if err != nil || query.Endorsement != nil || !proto.Equal(query.Response, resp.Response) {
			t.Errorf("%d: as a query: %v %v", c.status, query, err)
		}
		if got := query.Payload != nil; got != (c.status >= 500) {
			t.Errorf("%d: as a query with payload: %v", c.status, got)
		}
	}
}

func TestFailuresInsideThePeerHaveNoPayload(t *testing.T) {
	w := newWorld(t)
	fails := func(err error) runner {
		return func(context.Context, *wasm.Call, wasm.Stub) (*wasm.Response, error) { return nil, err }
	}
	w.deploy("traps", fails(&wasm.Trap{Reason: "unreachable \xff"}))
	w.deploy("slow", fails(&wasm.Timeout{After: time.Second}))
	w.deploy("greedy", func(_ context.Context, _ *wasm.Call, s wasm.Stub) (*wasm.Response, error) {
		return nil, s.Put("k", make([]byte, sim.MaxWriteBytes))
	})
	w.deploy("absent", nil)
	w.deploy("badtext", func(context.Context, *wasm.Call, wasm.Stub) (*wasm.Response, error) {
		return &wasm.Response{Status: 200, Message: "\xff"}, nil
	})
	for name, want := range map[string]string{
		"traps":    "error in simulation: failed to execute transaction TXID: error sending: chaincode broke off: unreachable \uFFFD: chaincode stream terminated",
		"slow":     "error in simulation: failed to execute transaction TXID: error sending: timeout expired while executing transaction …",
		"greedy":   "error in simulation: failed to execute transaction TXID: error sending: refused: …",
		"badtext":  "failed to create the proposal response: …",
		"absent":   "make sure the chaincode absent has been successfully defined on channel channel1 and try again: chaincode definition for 'absent' exists, but chaincode is not installed",
		"nowhere":  "make sure the chaincode nowhere has been successfully defined on channel channel1 and try again: chaincode nowhere not found",
		"lscc":     "make sure the chaincode lscc has been successfully defined on channel channel1 and try again: chaincode lscc not found",
		"_x/y\x00": "make sure the chaincode _x/y\x00 has been successfully defined on channel channel1 and try again: chaincode _x/y\x00 not found",
	} {
		r := w.request("f")
		r.Chaincode = name
		sp := r.Sign(t)
		p, _ := endorse.Unpack(sp)
		resp, err := w.endorser().Process(t.Context(), sp)
		if err != nil || resp.Response.Status != 500 || resp.Payload != nil || resp.Endorsement != nil {
			t.Errorf("%q: %v %v", name, resp, err)
		}
		checkText(t, resp.GetResponse().GetMessage(), strings.Replace(want, "TXID", p.TxID, 1))
	}
}

func TestInitRunsExactlyOncePerVersion(t *testing.T) {
	w := newWorld(t)
	init := func(d *definition.Definition) { d.InitRequired = true }
	w.deploy("fresh", answer(200, ""), init)
	w.deploy("done", answer(200, ""), init)
	w.channel.Commit("i1", "done", ledger.Write{Key: "\x00\U0010FFFFinitialized", Value: []byte("1.0")})
	w.deploy("upgraded", answer(200, ""), init)
	w.channel.Commit("i2", "upgraded", ledger.Write{Key: "\x00\U0010FFFFinitialized", Value: []byte("0.9")})
	w.deploy("plain", answer(200, ""))
	const invalid = "error in simulation: failed to execute transaction TXID: invalid invocation: "
	for _, c := range []struct {
		name, want string
		init       bool
	}{
		{"fresh", invalid + "chaincode 'fresh' has not been initialized for this version, must call as init first", false},
		{"fresh", "", true},
		{"done", "", false},
		{"done", invalid + "chaincode 'done' is already initialized but called as init", true},
		{"upgraded", invalid + "chaincode 'upgraded' has not been initialized for this version, must call as init first", false},
		{"upgraded", "", true},
		{"plain", "", false},
		{"plain", invalid + "chaincode 'plain' does not require initialization but called as init", true},
	} {
		r := w.request("f")
		r.Chaincode, r.Init = c.name, c.init
		sp := r.Sign(t)
		p, _ := endorse.Unpack(sp)
		resp, err := w.endorser().Process(t.Context(), sp)
		if err != nil {
			t.Fatal(err)
		}
		checkText(t, resp.Response.Message, strings.Replace(c.want, "TXID", p.TxID, 1))
		if !c.init || c.want != "" {
			continue
		}
		prp, action := &peer.ProposalResponsePayload{}, &peer.ChaincodeAction{}
		parse(t, resp.Payload, prp)
		parse(t, prp.Extension, action)
		writes := rwsets(t, action.Results)[c.name].GetWrites()
		if len(writes) != 1 || writes[0].Key != "\x00\U0010FFFFinitialized" || string(writes[0].Value) != "1.0" {
			t.Errorf("%s: init wrote %v", c.name, writes)
		}
	}
}

func TestSystemChaincodeRunsNatively(t *testing.T) {
	w := newWorld(t)
	for _, channel := range []string{"", "channel1"} {
		r := w.request("x", "y")
		r.Channel, r.Chaincode = channel, "echo"
		resp, err := w.endorser().Process(t.Context(), r.Sign(t))
		if err != nil || string(resp.Response.Payload) != "x,y" {
			t.Fatalf("%v %v", resp, err)
		}
		if endorsed := resp.Endorsement != nil; endorsed != (channel != "") {
			t.Errorf("channel %q: endorsed %v", channel, endorsed)
		}
	}
	if w.system.sims[0] != nil || w.system.sims[1] == nil {
		t.Error("a simulator without a channel, or none with one")
	}
	r := w.request("x")
	r.Channel, r.Chaincode, r.Signer = "", "echo", w.org2.User("User1").Signer()
	if _, err := w.endorser().Process(t.Context(), r.Sign(t)); err == nil {
		t.Error("a channel-less call of another organisation was taken")
	}
}

func TestMoreThanTheLimitIsRefusedAtOnce(t *testing.T) {
	w := newWorld(t)
	w.config.Concurrent = 1
	entered, leave := make(chan struct{}), make(chan struct{})
	w.deploy("kv", func(context.Context, *wasm.Call, wasm.Stub) (*wasm.Response, error) {
		close(entered)
		<-leave
		return &wasm.Response{Status: 200}, nil
	})
	e, done := w.endorser(), make(chan error, 1)
	go func() {
		resp, err := e.Process(context.Background(), w.request("f").Sign(t))
		done <- errors.Join(err, notOK(resp))
	}()
	select {
	case <-entered:
	case err := <-done:
		t.Fatalf("the first one never ran: %v", err)
	}
	resp, err := e.Process(t.Context(), w.request("f").Sign(t))
	if resp != nil || !errors.Is(err, endorse.ErrBusy) {
		t.Errorf("%v %v", resp, err)
	}
	if err == nil || err.Error() != "too many requests for /protos.Endorser, exceeding concurrency limit (1)" {
		t.Errorf("text %v", err)
	}
	close(leave)
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func notOK(resp *peer.ProposalResponse) error {
	if s := resp.GetResponse().GetStatus(); s != 200 {
		return fmt.Errorf("status %d: %s", s, resp.GetResponse().GetMessage())
	}
	return nil
}

func FuzzProcess(f *testing.F) {
	w := newWorld(f)
	w.deploy("kv", answer(200, ""))
	e := w.endorser()
	sp := w.request("f").Sign(f)
	f.Add(sp.ProposalBytes, sp.Signature)
	f.Add([]byte{}, []byte{})
	f.Fuzz(func(t *testing.T, raw, sig []byte) {
		resp, err := e.Process(context.Background(), &peer.SignedProposal{ProposalBytes: raw, Signature: sig})
		if err == nil && resp == nil {
			t.Error("neither a response nor an error")
		}
	})
}
