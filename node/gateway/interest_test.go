package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"testing"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"google.golang.org/grpc/codes"

	"github.com/weft-network/weft/ledger/policy"
)

type layouts = []map[string]int

func keyPolicy(t testing.TB, dsl string) *common.SignaturePolicyEnvelope {
	t.Helper()
	env, err := policy.Parse(dsl)
	if err != nil {
		t.Fatal(err)
	}
	return env
}

func TestEveryPolicyThatATransactionMeetsIsPlannedFor(t *testing.T) {
	policies := map[string]layouts{
		"two":    {{"A": 1, "B": 1}},
		"any":    {{"A": 1}, {"B": 1}, {"C": 1}},
		"double": {{"C": 2}},
	}
	c3 := keyPolicy(t, "AND('C.peer')")
	ab := keyPolicy(t, "OR('A.peer','B.member')")
	nobody := keyPolicy(t, "AND('C.client')")
	called := func(name string) *peer.ChaincodeCall { return &peer.ChaincodeCall{Name: name} }
	keys := func(name string, only bool, list ...*common.SignaturePolicyEnvelope) *peer.ChaincodeCall {
		return &peer.ChaincodeCall{Name: name, KeyPolicies: list, DisregardNamespacePolicy: only}
	}
	for _, x := range []struct {
		name  string
		calls []*peer.ChaincodeCall
		own   layouts
		want  layouts
	}{
		{"nothing is told", nil, layouts{{"B": 1}, {"A": 1}}, layouts{{"B": 1}, {"A": 1}}},
		{"only itself", []*peer.ChaincodeCall{called("cc")}, layouts{{"B": 1}}, layouts{{"B": 1}}},
		{"it calls another", []*peer.ChaincodeCall{called("any")}, layouts{{"B": 1}}, layouts{{"B": 1}, {"A": 1, "B": 1}, {"B": 1, "C": 1}}},
		{"it calls two", []*peer.ChaincodeCall{called("any"), called("two")}, layouts{{"A": 1}}, layouts{{"A": 1, "B": 1}, {"A": 1, "B": 1, "C": 1}}},
		{"it calls one twice", []*peer.ChaincodeCall{called("double"), called("double")}, layouts{{"C": 1}, {"A": 1}}, layouts{{"C": 2}, {"A": 1, "C": 2}}},
		{"it calls none of the channel", []*peer.ChaincodeCall{called("nothing")}, layouts{{"A": 1}}, layouts{{"A": 1}}},
		{"a key of its own policy", []*peer.ChaincodeCall{keys("cc", true, c3)}, layouts{{"A": 1}}, layouts{{"C": 1}}},
		{"a key with and one without", []*peer.ChaincodeCall{keys("cc", false, c3)}, layouts{{"A": 1}}, layouts{{"A": 1, "C": 1}}},
		{"keys of two policies", []*peer.ChaincodeCall{keys("cc", true, c3, ab)}, layouts{{"D": 1}}, layouts{{"A": 1, "C": 1}, {"B": 1, "C": 1}}},
		{"a key that no peer may change", []*peer.ChaincodeCall{keys("cc", true, nobody)}, layouts{{"A": 1}}, nil},
		{"a called chaincode's key", []*peer.ChaincodeCall{called("cc"), keys("two", true, c3)}, layouts{{"A": 1}}, layouts{{"A": 1, "C": 1}}},
		{"disregarded for no reason", []*peer.ChaincodeCall{keys("cc", true), keys("two", true)}, layouts{{"A": 1}}, layouts{{"A": 1, "B": 1}}},
	} {
		c := &collection{s: &Server{cfg: Config{Log: slog.New(slog.DiscardHandler)}}, p: &proposal{chaincode: "cc"}, layouts: x.own}
		got := c.planFor(&peer.ChaincodeInterest{Chaincodes: x.calls}, true, func(name string) ([]map[string]int, error) {
			if policies[name] == nil {
				return nil, errors.New("no such chaincode")
			}
			return policies[name], nil
		})
		if got, want := fmt.Sprint(got), fmt.Sprint(x.want); got != want {
			t.Errorf("%s: %s, want %s", x.name, got, want)
		}
	}
}

func TestNobodyPlansWithoutEnd(t *testing.T) {
	c := &collection{p: &proposal{chaincode: "cc"}, layouts: layouts{{"A": 1}}}
	many := &peer.ChaincodeCall{Name: "cc0"}
	for i := range 1000 {
		many.KeyPolicies = append(many.KeyPolicies, keyPolicy(t, fmt.Sprintf("OR('A%d.peer','B%d.peer')", i, i)))
	}
	called := &peer.ChaincodeInterest{}
	for i := range 1000 {
		called.Chaincodes = append(called.Chaincodes, &peer.ChaincodeCall{Name: fmt.Sprint("cc", i)})
	}
	for _, interest := range []*peer.ChaincodeInterest{called, {Chaincodes: []*peer.ChaincodeCall{many}}} {
		asked := 0
		plan := c.planFor(interest, true, func(name string) ([]map[string]int, error) {
			asked++
			return layouts{{name: 1}, {name: 2}, {name: 3}}, nil
		})
		if asked > maxPlanned || len(plan) > maxLayouts {
			t.Errorf("%d policies, %d layouts", asked, len(plan))
		}
	}
}

// wants is signs for a transaction that writes a key of its own policy.
func wants(t *testing.T, payload, policy string) func(string) process {
	interest := &peer.ChaincodeInterest{Chaincodes: []*peer.ChaincodeCall{{
		Name: "_lifecycle", KeyPolicies: []*common.SignaturePolicyEnvelope{keyPolicy(t, policy)}, DisregardNamespacePolicy: true,
	}}}
	return func(name string) process {
		sign := signs(payload)(name)
		return func(ctx context.Context, sp *peer.SignedProposal) (*peer.ProposalResponse, error) {
			r, err := sign(ctx, sp)
			r.Interest = interest
			return r, err
		}
	}
}

func TestThePolicyOfAKeyIsSatisfiedWhoeverTheChaincodesAsksFor(t *testing.T) {
	p := newPlace(t)
	for _, name := range []string{"peer0.Org1", "peer0.Org2", "peer0.Org3"} {
		p.add(name, 5, wants(t, "a", "AND('Org3MSP.peer')"))
	}
	by, err := p.endorse()
	if err != nil || !slices.Equal(by, []string{"peer0.Org3"}) {
		t.Errorf("%v, %v", by, err)
	}
}

func TestATransactionThatNobodyNeedEndorseIsEndorsedByOne(t *testing.T) {
	p := newPlace(t)
	for _, name := range []string{"peer0.Org1", "peer0.Org2", "peer0.Org3"} {
		p.add(name, 5, wants(t, "a", "OutOf(0, 'Org3MSP.peer')"))
	}
	by, err := p.endorse()
	if err != nil || !slices.Equal(by, []string{"peer0.Org1"}) {
		t.Errorf("%v, %v", by, err)
	}
	c := &collection{all: p.endorsers}
	if got := fmt.Sprint(c.someone(layouts{{}})); got != "[map[Org1MSP:1] map[Org2MSP:1] map[Org3MSP:1]]" {
		t.Errorf("layouts %s", got)
	}
}

// What another organisation's peer says does not let this gateway forget what
// its own knows.
func TestTheWordOfTheOwnPeerCounts(t *testing.T) {
	p := newPlace(t)
	p.add("peer0.Org1", 5, wants(t, "a", "AND('Org1MSP.peer','Org3MSP.peer')"))
	p.add("peer0.Org2", 5, wants(t, "a", "AND('Org2MSP.peer')"))
	p.add("peer0.Org3", 5, wants(t, "a", "AND('Org9MSP.peer')"))
	by, err := p.endorse()
	if err != nil || !slices.Equal(by, []string{"peer0.Org1", "peer0.Org3"}) {
		t.Errorf("%v, %v", by, err)
	}
}

func TestAKeyPolicyThatNobodyAliveCanSatisfyIsSaidAtOnce(t *testing.T) {
	for policy, want := range map[string]string{
		"AND('Org1MSP.peer','Org9MSP.peer')": "ask for more peers than are alive of Org9MSP",
		"AND('Org1MSP.client')":              "no peers can satisfy",
	} {
		p := newPlace(t)
		for _, name := range []string{"peer0.Org1", "peer1.Org1", "peer0.Org2", "peer0.Org3"} {
			p.add(name, 5, wants(t, "a", policy))
		}
		_, err := p.endorse()
		refused(t, err, codes.FailedPrecondition, "no combination of peers can be derived which satisfy the endorsement policy: "+
			"the transaction writes keys, or calls chaincode, whose policies "+want)
		if len(p.whoWasAsked()) > 2 {
			t.Errorf("asked %v", p.asked)
		}
	}
}
