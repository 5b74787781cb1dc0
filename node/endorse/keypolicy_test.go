package endorse_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hyperledger/fabric-protos-go-apiv2/peer"

	"github.com/weft-network/weft/ledger"
	"github.com/weft-network/weft/ledger/definition"
	"github.com/weft-network/weft/ledger/ident/catest"
	"github.com/weft-network/weft/ledger/policy"
)

func anybody(t *testing.T) func(*definition.Definition) {
	t.Helper()
	env, err := policy.Parse("OR('Org1MSP.peer','Org2MSP.peer')")
	if err != nil {
		t.Fatal(err)
	}
	raw, err := definition.InlinePolicy(env)
	if err != nil {
		t.Fatal(err)
	}
	return func(d *definition.Definition) { d.ValidationParameter = raw }
}

// interestOf tells what an endorser says of who has to endorse.
func interestOf(r *peer.ProposalResponse) string {
	var all []string
	for _, c := range r.Interest.GetChaincodes() {
		words := []string{c.Name}
		for _, p := range c.KeyPolicies {
			words = append(words, policy.String(p))
		}
		if c.DisregardNamespacePolicy {
			words = append(words, "only")
		}
		all = append(all, strings.Join(words, " "))
	}
	return strings.Join(all, "; ")
}

// Whoever may endorse the chaincode, a key with a policy of its own is changed
// by that policy's peers alone, until they give it back.
func TestAKeyIsChangedByItsOwnEndorsers(t *testing.T) {
	s := newStage(t, anybody(t))
	one, two := []*catest.Org{s.org1}, []*catest.Org{s.org2}
	both := []*catest.Org{s.org1, s.org2}
	const valid, failed = peer.TxValidationCode_VALID, peer.TxValidationCode_ENDORSEMENT_POLICY_FAILURE
	const org2 = "OR('Org2MSP.peer')"
	for i, x := range []struct {
		by       []*catest.Org
		calls    []string
		interest string
		code     ledger.Code
	}{
		{one, []string{call("PutState", "k", "1"), call("RequireOf", "k", "Org2MSP")}, "probe", valid},
		{one, []string{call("PutState", "k", "2")}, "probe " + org2 + " only", failed},
		{one, []string{call("DelState", "k")}, "probe " + org2 + " only", failed},
		{one, []string{call("RequireOf", "k", "Org1MSP")}, "probe " + org2 + " only", failed},
		{one, []string{call("PutState", "free", "1")}, "probe", valid},
		{one, []string{call("GetState", "k"), call("GetStateByRange", "", "")}, "probe", valid},
		{two, []string{call("PutState", "k", "3")}, "probe " + org2 + " only", valid},
		{one, []string{call("PutState", "k", "4")}, "probe " + org2 + " only", failed}, // a new value keeps the policy
		{two, []string{call("PutState", "k", "5"), call("PutState", "free", "2")}, "probe " + org2, valid},
		{two, []string{call("RequireOf", "k", "Org1MSP", "Org2MSP")}, "probe " + org2 + " only", valid},
		{two, []string{call("PutState", "k", "6")}, "probe AND('Org1MSP.peer', 'Org2MSP.peer') only", failed},
		{both, []string{call("SetStateValidationParameter", "k", "")}, "probe AND('Org1MSP.peer', 'Org2MSP.peer') only", valid},
		{one, []string{call("PutState", "k", "7"), call("RequireOf", "k", "Org2MSP")}, "probe", valid},
		{two, []string{call("DelState", "k")}, "probe " + org2 + " only", valid},
		{one, []string{call("PutState", "k", "8")}, "probe", valid}, // with the key its policy went
		{one, []string{call("InvokeChaincode", "other", "", "do", call("PutState", "k", "1"), call("RequireOf", "k", "Org2MSP"))}, "probe; other", valid},
		{one, []string{call("InvokeChaincode", "other", "", "do", call("PutState", "k", "1"))}, "probe; other " + org2 + " only", failed},
		{both, []string{call("InvokeChaincode", "other", "", "do", call("PutState", "k", "1"))}, "probe; other " + org2 + " only", valid},
	} {
		responses, envelope := s.prepare(x.by, x.calls...)
		if got := interestOf(responses[0]); got != x.interest {
			t.Errorf("transaction %d: interest %q, want %q", i, got, x.interest)
		}
		if code := s.channel.Submit(envelope)[0]; code != x.code {
			t.Errorf("transaction %d became %s, not %s", i, code, x.code)
		}
	}
}

func TestAKeysPolicyIsReadAsItIsCommitted(t *testing.T) {
	s := newStage(t)
	if _, _, code := s.do(call("PutState", "k", "1"), call("SetStateValidationParameter", "k", "")); code != peer.TxValidationCode_VALID {
		t.Fatal(code)
	}
	_, writer := s.prepare([]*catest.Org{s.org1, s.org2}, call("PutState", "k", "2"), call("RequireOf", "k", "Org1MSP"))
	answers, set, _ := s.do(call("GetStateValidationParameter", "k"), call("GetStateValidationParameter", "absent"))
	if want := "GetStateValidationParameter: \"\"\nGetStateValidationParameter: \"\""; answers != want || set != "read absent@none\nread k@3" {
		t.Errorf("before: %s; %s", answers, set)
	}
	// Reading a key's policy is reading the key: the next one is endorsed on the
	// state before the writer is committed, and comes after it.
	_, reader := s.prepare([]*catest.Org{s.org1, s.org2}, call("GetStateValidationParameter", "k"))
	if codes := s.channel.Submit(writer, reader); fmt.Sprint(codes) != "[VALID MVCC_READ_CONFLICT]" {
		t.Errorf("they became %v", codes)
	}
	answers, _, _ = s.do(call("GetStateValidationParameter", "k"))
	if !strings.Contains(answers, "Org1MSP") {
		t.Errorf("after: %q", answers)
	}
}

// What nobody can read as a policy, nobody can satisfy: endorsers say so.
func TestAKeyWithoutAReadablePolicyIsEndorsedByNobody(t *testing.T) {
	s := newStage(t)
	if _, _, code := s.do(call("PutState", "k", "1"), call("SetStateValidationParameter", "k", "garbage")); code != peer.TxValidationCode_VALID {
		t.Fatal(code)
	}
	resp, err := s.endorser().Process(t.Context(), s.request("do", call("PutState", "k", "2")).Sign(t))
	if err != nil || resp.Response.Status != 500 || resp.Endorsement != nil || !strings.Contains(resp.Response.Message, "a key of probe has an endorsement policy that is no signature policy") {
		t.Errorf("%v, %v", resp, err)
	}
}
