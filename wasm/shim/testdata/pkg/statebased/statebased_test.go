package statebased_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/hyperledger/fabric-chaincode-go/v2/pkg/statebased"
	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/msp"
	"google.golang.org/protobuf/proto"
)

// all is the policy that every one of the organisations signs, in the order of
// their names, as bytes: endorsers must agree on them.
func all(t *testing.T, role msp.MSPRole_MSPRoleType, orgs ...string) []byte {
	t.Helper()
	envelope := &common.SignaturePolicyEnvelope{}
	rules := &common.SignaturePolicy_NOutOf{N: int32(len(orgs))}
	for i, org := range orgs {
		principal, err := proto.Marshal(&msp.MSPRole{Role: role, MspIdentifier: org})
		if err != nil {
			t.Fatal(err)
		}
		envelope.Identities = append(envelope.Identities, &msp.MSPPrincipal{PrincipalClassification: msp.MSPPrincipal_ROLE, Principal: principal})
		rules.Rules = append(rules.Rules, &common.SignaturePolicy{Type: &common.SignaturePolicy_SignedBy{SignedBy: int32(i)}})
	}
	envelope.Rule = &common.SignaturePolicy{Type: &common.SignaturePolicy_NOutOf_{NOutOf: rules}}
	raw, err := proto.Marshal(envelope)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func begin(t *testing.T, from []byte) statebased.KeyEndorsementPolicy {
	t.Helper()
	p, err := statebased.NewStateEP(from)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func same(t *testing.T, p statebased.KeyEndorsementPolicy, want []byte) {
	t.Helper()
	if got, err := p.Policy(); err != nil || !slices.Equal(got, want) {
		t.Errorf("policy %x, %v; want %x", got, err, want)
	}
}

func TestAPolicyIsMadeOfOrganisations(t *testing.T) {
	p := begin(t, nil)
	same(t, p, all(t, 0))
	if err := p.AddOrgs(statebased.RoleTypePeer, "Org2", "Org1"); err != nil {
		t.Fatal(err)
	}
	same(t, p, all(t, msp.MSPRole_PEER, "Org1", "Org2"))
	if err := p.AddOrgs(statebased.RoleTypeMember, "Org1", "Org2"); err != nil { // the last role counts
		t.Fatal(err)
	}
	same(t, p, all(t, msp.MSPRole_MEMBER, "Org1", "Org2"))
	p.DelOrgs("Org1", "nobody")
	same(t, p, all(t, msp.MSPRole_MEMBER, "Org2"))
}

func TestAPolicyIsReadAndChanged(t *testing.T) {
	p := begin(t, all(t, msp.MSPRole_PEER, "Org1", "Org3"))
	if orgs := slices.Sorted(slices.Values(p.ListOrgs())); !slices.Equal(orgs, []string{"Org1", "Org3"}) {
		t.Errorf("organisations %q", orgs)
	}
	p.DelOrgs("Org1")
	if err := p.AddOrgs(statebased.RoleTypePeer, "Org2"); err != nil {
		t.Fatal(err)
	}
	same(t, p, all(t, msp.MSPRole_PEER, "Org2", "Org3"))
}

func TestARoleThatDoesNotExist(t *testing.T) {
	err := begin(t, nil).AddOrgs("unknown", "Org1")
	var typed *statebased.RoleTypeDoesNotExistError
	if !errors.As(err, &typed) || typed.RoleType != "unknown" || err.Error() != "role type unknown does not exist" {
		t.Errorf("got %v", err)
	}
}

func TestWhatIsNoPolicy(t *testing.T) {
	broken, err := proto.Marshal(&common.SignaturePolicyEnvelope{Identities: []*msp.MSPPrincipal{{Principal: []byte{0xff}}}})
	if err != nil {
		t.Fatal(err)
	}
	for want, raw := range map[string][]byte{
		"Error unmarshaling to SignaturePolicy: ": {0xff},
		"error unmarshaling msp principal: ":      broken,
	} {
		if _, err := statebased.NewStateEP(raw); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%x: %v", raw, err)
		}
	}
	other, err := proto.Marshal(&common.SignaturePolicyEnvelope{Identities: []*msp.MSPPrincipal{
		{PrincipalClassification: msp.MSPPrincipal_IDENTITY, Principal: []byte{0xff}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if orgs := begin(t, other).ListOrgs(); len(orgs) != 0 { // only roles are looked at
		t.Errorf("organisations %q", orgs)
	}
}
