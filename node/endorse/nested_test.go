package endorse_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"github.com/weft-network/weft/ledger"
	"github.com/weft-network/weft/ledger/definition"
	"github.com/weft-network/weft/ledger/ident/catest"
	"github.com/weft-network/weft/ledger/sim"
	"github.com/weft-network/weft/node/endorse"
	"github.com/weft-network/weft/node/endorse/endorsetest"
	"github.com/weft-network/weft/wasm"
	"github.com/weft-network/weft/wasm/abi"
)

// calls runs other chaincode, and answers what that answered or the refusal.
func calls(chaincode, channel string, args ...string) runner {
	return func(ctx context.Context, call *wasm.Call, stub wasm.Stub) (*wasm.Response, error) {
		r, err := stub.(wasm.Caller).CallChaincode(ctx, wasm.NestedCall{
			Chaincode: chaincode, Channel: channel, Args: endorsetest.Args(args...),
			Budget: call.Budget, Depth: call.Depth + 1, ReadOnly: call.ReadOnly,
		})
		var refused *wasm.GuestError
		if errors.As(err, &refused) {
			return &wasm.Response{Status: 300, Message: refused.Text, Payload: fmt.Append(nil, refused.Code)}, nil
		}
		return r, err
	}
}

// write reads and writes a key.
func write(ctx context.Context, call *wasm.Call, stub wasm.Stub) (*wasm.Response, error) {
	old, err := stub.Get("k")
	if err != nil {
		return nil, err
	}
	return &wasm.Response{Status: 201, Payload: old, Message: call.Channel, EventName: "callee", EventPayload: old},
		stub.Put("k", []byte(call.Chaincode))
}

func (w *world) invoke(t *testing.T, chaincode string, args ...string) *peer.ProposalResponse {
	t.Helper()
	r := w.request(args...)
	r.Chaincode = chaincode
	resp, err := w.endorser().Process(t.Context(), r.Sign(t))
	if err != nil {
		t.Fatal(err)
	}
	return resp
}

func action(t *testing.T, resp *peer.ProposalResponse) *peer.ChaincodeAction {
	t.Helper()
	prp, a := &peer.ProposalResponsePayload{}, &peer.ChaincodeAction{}
	parse(t, resp.Payload, prp)
	parse(t, prp.Extension, a)
	return a
}

func TestACalleeWritesItsOwnNamespaceIntoTheSameTransaction(t *testing.T) {
	w := newWorld(t)
	var seen *wasm.Call
	w.deploy("callee", func(ctx context.Context, call *wasm.Call, stub wasm.Stub) (*wasm.Response, error) {
		seen = call
		return write(ctx, call, stub)
	})
	w.channel.Commit("t1", "callee", ledger.Write{Key: "k", Value: []byte("old")})
	w.deploy("caller", func(ctx context.Context, call *wasm.Call, stub wasm.Stub) (*wasm.Response, error) {
		call.Budget, call.ReadOnly = wasm.NewBudget(7), true
		if err := stub.Put("mine", []byte("1")); err != nil {
			return nil, err
		}
		return calls("callee", "", "f", "x")(ctx, call, stub)
	})
	resp := w.invoke(t, "caller", "g")
	if r := resp.Response; r.Status != 201 || string(r.Payload) != "old" {
		t.Fatalf("response %v", r)
	}
	if seen.Chaincode != "callee" || seen.Channel != "channel1" || seen.Depth != 1 || seen.Budget.Limit() != 7 || !seen.ReadOnly ||
		string(seen.Args[1]) != "x" || seen.TxID == "" || len(seen.SignedProposal) == 0 || len(seen.Creator) == 0 || seen.Init {
		t.Errorf("the callee's call is %+v", seen)
	}
	a := action(t, resp)
	sets := rwsets(t, a.Results)
	if n := len(sets["_lifecycle"].GetReads()); n != 2 {
		t.Errorf("the definitions read are %v", sets["_lifecycle"])
	}
	if c := sets["callee"]; len(c.GetReads()) != 1 || len(c.Writes) != 1 || string(c.Writes[0].Value) != "callee" {
		t.Errorf("the callee's set is %v", c)
	}
	if c := sets["caller"]; len(c.GetWrites()) != 1 || c.Writes[0].Key != "mine" {
		t.Errorf("the caller's set is %v", c)
	}
	if len(a.Events) > 0 {
		t.Error("the callee's event is told")
	}
	var names []string
	for _, c := range resp.Interest.GetChaincodes() {
		names = append(names, c.Name)
	}
	if fmt.Sprint(names) != "[caller callee]" {
		t.Errorf("interest is in %v", names)
	}
}

func TestACalleeOnAnotherChannelLeavesNothing(t *testing.T) {
	w := newWorld(t)
	other := endorsetest.NewChannel(t, "channel2", catest.NewOrderer(t), []*catest.Org{w.org1})
	closed := endorsetest.NewChannel(t, "channel3", catest.NewOrderer(t), []*catest.Org{w.org2})
	w.config.Channel = func(id string) (endorse.Channel, bool) {
		c, ok := map[string]endorse.Channel{"channel1": w.channel, "channel2": other, "channel3": closed}[id]
		return c, ok
	}
	other.Define(definition.Definition{Name: "callee", Version: "1.0", Sequence: 1})
	other.Commit("t1", "callee", ledger.Write{Key: "k", Value: []byte("there")})
	w.code["callee"] = write
	w.deploy("caller", calls("callee", "channel2"))
	w.deploy("composite", calls("callee:1.0/channel2", ""))
	for _, name := range []string{"caller", "composite"} {
		resp := w.invoke(t, name, "f")
		if r := resp.Response; r.Status != 201 || string(r.Payload) != "there" || r.Message != "channel2" {
			t.Fatalf("response %v", r)
		}
		if sets := rwsets(t, action(t, resp).Results); sets["callee"] != nil || len(sets["_lifecycle"].GetReads()) != 1 {
			t.Errorf("sets are %v", sets)
		}
	}
	w.deploy("uninvited", calls("callee", "channel3"))
	if r := w.invoke(t, "uninvited").Response; r.Status != 300 || string(r.Payload) != fmt.Sprint(abi.Denied) || !strings.Contains(r.Message, "failed evaluating policy on signed data") {
		t.Errorf("response %v", r)
	}
	w.deploy("lost", calls("callee", "channel9"))
	if resp := w.invoke(t, "lost"); resp.Payload != nil || !strings.HasSuffix(resp.Response.Message, "failed to find ledger for channel: channel9: chaincode stream terminated") {
		t.Errorf("response %v", resp)
	}
}

// A callee on another channel reads that channel's past and metadata, and what
// it writes there goes nowhere.
func TestACalleeOnAnotherChannelSeesThatChannelsPast(t *testing.T) {
	w := newWorld(t)
	other := endorsetest.NewChannel(t, "channel2", catest.NewOrderer(t), []*catest.Org{w.org1})
	w.config.Channel = func(id string) (endorse.Channel, bool) {
		c, ok := map[string]endorse.Channel{"channel1": w.channel, "channel2": other}[id]
		return c, ok
	}
	other.Define(definition.Definition{Name: "callee", Version: "1.0", Sequence: 1})
	w.code["callee"] = func(_ context.Context, _ *wasm.Call, s wasm.Stub) (*wasm.Response, error) {
		return &wasm.Response{Status: 200}, errors.Join(s.Put("k", []byte("there")), s.(wasm.KeyMetadata).PutMetadata("", "k", "n", []byte("of channel2")))
	}
	request := endorsetest.Request{Signer: w.user.Signer(), Channel: "channel2", Chaincode: "callee"}
	sp := request.Sign(t)
	resp, err := w.endorser().Process(t.Context(), sp)
	if err != nil || resp.Endorsement == nil {
		t.Fatalf("%v, %v", resp, err)
	}
	if code := other.Submit(endorsetest.Transaction(t, w.user.Signer(), sp, resp))[0]; code != peer.TxValidationCode_VALID {
		t.Fatal(code)
	}
	w.code["callee"] = func(_ context.Context, call *wasm.Call, s wasm.Stub) (*wasm.Response, error) {
		it, err := s.(wasm.Historian).History("k")
		if err != nil {
			return nil, err
		}
		defer it.Close()
		m, ok, err := it.Next()
		metadata, err2 := s.(wasm.KeyMetadata).GetMetadata("", "k", "n")
		return &wasm.Response{Status: 200, Message: fmt.Sprintf("%s %t %s", m.Value, ok, metadata)}, errors.Join(err, err2, s.(wasm.KeyMetadata).PutMetadata("", "k", "n", nil))
	}
	w.deploy("caller", calls("callee", "channel2"))
	resp = w.invoke(t, "caller", "f")
	if r := resp.Response; r.Message != "there true of channel2" {
		t.Errorf("response %v", r)
	}
	if sets := rwsets(t, action(t, resp).Results); sets["callee"] != nil {
		t.Errorf("sets are %v", sets)
	}
}

func TestWhatACallerIsToldOfACalleeThatCannotRun(t *testing.T) {
	w := newWorld(t)
	w.deploy("sleepy", answer(200, ""), func(d *definition.Definition) { d.InitRequired = true })
	w.deploy("traps", func(context.Context, *wasm.Call, wasm.Stub) (*wasm.Response, error) {
		return nil, &wasm.Trap{Reason: "unreachable"}
	})
	w.deploy("refuses", answer(418, "no tea"))
	w.config.System["cscc"], w.config.System["qscc"], w.config.System["_lifecycle"] = w.system, w.system, w.system
	for _, c := range []struct {
		callee, arg string
		status      int32
		text        string
	}{
		{"nobody", "", 300, "execute failed: invalid invocation: [channel channel1] failed to get chaincode container info for nobody: chaincode nobody not found"},
		{"sleepy", "", 300, "execute failed: invalid invocation: chaincode 'sleepy' has not been initialized for this version, must call as init first"},
		{"traps", "", 300, "execute failed: error sending: chaincode broke off: unreachable: chaincode stream terminated"},
		{"refuses", "", 418, "no tea"},
		{"qscc", "GetChainInfo", 200, ""},
		{"_lifecycle", "QueryChaincodeDefinition", 200, ""},
		{"_lifecycle", "InstallChaincode", 500, "Rejecting invoke of _LIFECYCLE from another chaincode, original invocation for 'caller'"},
		{"cscc", "GetChannels", 500, "Rejecting invoke of CSCC from another chaincode, original invocation for 'caller'"},
	} {
		w.deploy("caller", calls(c.callee, "", c.arg))
		if r := w.invoke(t, "caller").Response; r.Status != c.status || r.Message != c.text {
			t.Errorf("%s: %d %s", c.callee, r.Status, r.Message)
		}
	}
}

// What only this peer lacks, or has trouble with, is not for the caller to act
// on: other peers would do something else.
func TestTroubleOfThePeerInACalleeEndsTheCall(t *testing.T) {
	w := newWorld(t)
	w.deploy("absent", nil)
	w.deploy("slow", func(context.Context, *wasm.Call, wasm.Stub) (*wasm.Response, error) {
		return nil, &wasm.Timeout{}
	})
	w.deploy("greedy", func(_ context.Context, _ *wasm.Call, s wasm.Stub) (*wasm.Response, error) {
		return nil, s.Put("k", make([]byte, sim.MaxWriteBytes))
	})
	for callee, want := range map[string]string{
		"absent": "call chaincode absent on channel channel1: chaincode definition for 'absent' exists, but chaincode is not installed",
		"slow":   "timeout expired while executing transaction",
		"greedy": "refused: a transaction may write",
	} {
		w.deploy("caller", calls(callee, ""))
		if resp := w.invoke(t, "caller"); resp.Response.Status != 500 || resp.Payload != nil || !strings.Contains(resp.Response.Message, want) {
			t.Errorf("%s: %v", callee, resp)
		}
	}
}

func TestPagesAreForCallsThatWriteNothing(t *testing.T) {
	w := newWorld(t)
	w.channel.Commit("t1", "reader", ledger.Write{Key: "a", Value: []byte("1")}, ledger.Write{Key: "b", Value: []byte("2")})
	text := func(err error) string {
		var refused *wasm.GuestError
		if !errors.As(err, &refused) || refused.Code != abi.ReadOnly {
			return fmt.Sprintf("no refusal: %v", err)
		}
		return refused.Text
	}
	w.deploy("reader", func(_ context.Context, call *wasm.Call, s wasm.Stub) (*wasm.Response, error) {
		page, err := s.(wasm.Pager).RangePage("", "", 1, "")
		if err != nil {
			return nil, err
		}
		key, value, ok, err := page.Next()
		if err != nil || !ok {
			return nil, err
		}
		mark, err := page.Bookmark()
		if err != nil {
			return nil, err
		}
		want := "txid [" + call.TxID + "]: unsuppored transaction. Transaction has already performed a paginated query. Writes are not allowed"
		return &wasm.Response{Status: 200, Message: fmt.Sprint(key, string(value), mark, text(s.Put("a", nil)) == want)}, nil
	})
	if r := w.invoke(t, "reader").Response; r.Message != "a1btrue" {
		t.Errorf("response %v", r)
	}
	w.deploy("writer", func(_ context.Context, call *wasm.Call, s wasm.Stub) (*wasm.Response, error) {
		if err := s.Put("a", []byte("x")); err != nil {
			return nil, err
		}
		_, err := s.(wasm.Pager).RangePage("", "", 1, "")
		want := "txid [" + call.TxID + "]: unsuppored transaction. Paginated queries are supported only in a read-only transaction"
		return &wasm.Response{Status: 200, Message: fmt.Sprint(text(err) == want)}, nil
	})
	if r := w.invoke(t, "writer").Response; r.Message != "true" {
		t.Errorf("response %v", r)
	}
}
