// Package statebased makes endorsement policies for single keys: all of a set
// of organisations must sign.
package statebased

import (
	"fmt"
	"maps"
	"slices"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/msp"
	"google.golang.org/protobuf/proto"
)

// RoleType is the role an organisation's signer must have.
type RoleType string

const (
	// RoleTypeMember is any member.
	RoleTypeMember = RoleType("MEMBER")
	// RoleTypePeer is a peer.
	RoleTypePeer = RoleType("PEER")
)

// RoleTypeDoesNotExistError names a role that is not one of the above.
type RoleTypeDoesNotExistError struct{ RoleType RoleType }

func (r *RoleTypeDoesNotExistError) Error() string {
	return fmt.Sprintf("role type %s does not exist", r.RoleType)
}

// KeyEndorsementPolicy is the set of organisations.
type KeyEndorsementPolicy interface {
	// Policy answers the marshalled common.SignaturePolicyEnvelope.
	Policy() ([]byte, error)
	AddOrgs(roleType RoleType, organizations ...string) error
	DelOrgs(organizations ...string)
	ListOrgs() []string
}

type policy struct {
	roles map[string]msp.MSPRole_MSPRoleType
}

// NewStateEP reads a policy, or begins an empty one if given nil.
func NewStateEP(marshalled []byte) (KeyEndorsementPolicy, error) {
	p := &policy{roles: make(map[string]msp.MSPRole_MSPRoleType)}
	envelope := &common.SignaturePolicyEnvelope{}
	if err := proto.Unmarshal(marshalled, envelope); err != nil {
		return nil, fmt.Errorf("Error unmarshaling to SignaturePolicy: %s", err)
	}
	for _, identity := range envelope.Identities {
		if identity.PrincipalClassification != msp.MSPPrincipal_ROLE {
			continue
		}
		role := &msp.MSPRole{}
		if err := proto.Unmarshal(identity.Principal, role); err != nil {
			return nil, fmt.Errorf("error unmarshaling msp principal: %s", err)
		}
		p.roles[role.MspIdentifier] = role.Role
	}
	return p, nil
}

func (p *policy) AddOrgs(roleType RoleType, organizations ...string) error {
	role, ok := map[RoleType]msp.MSPRole_MSPRoleType{
		RoleTypeMember: msp.MSPRole_MEMBER,
		RoleTypePeer:   msp.MSPRole_PEER,
	}[roleType]
	if !ok {
		return &RoleTypeDoesNotExistError{RoleType: roleType}
	}
	for _, organization := range organizations {
		p.roles[organization] = role
	}
	return nil
}

func (p *policy) DelOrgs(organizations ...string) {
	for _, organization := range organizations {
		delete(p.roles, organization)
	}
}

func (p *policy) ListOrgs() []string { return slices.Sorted(maps.Keys(p.roles)) }

// Policy asks for one signature of each organisation.
func (p *policy) Policy() ([]byte, error) {
	envelope := &common.SignaturePolicyEnvelope{}
	rules := []*common.SignaturePolicy{}
	for i, organization := range p.ListOrgs() {
		principal, err := proto.Marshal(&msp.MSPRole{Role: p.roles[organization], MspIdentifier: organization})
		if err != nil {
			return nil, err
		}
		envelope.Identities = append(envelope.Identities, &msp.MSPPrincipal{
			PrincipalClassification: msp.MSPPrincipal_ROLE,
			Principal:               principal,
		})
		rules = append(rules, &common.SignaturePolicy{Type: &common.SignaturePolicy_SignedBy{SignedBy: int32(i)}})
	}
	envelope.Rule = &common.SignaturePolicy{Type: &common.SignaturePolicy_NOutOf_{
		NOutOf: &common.SignaturePolicy_NOutOf{N: int32(len(rules)), Rules: rules},
	}}
	return proto.Marshal(envelope)
}
