package ident

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/hyperledger/fabric-protos-go-apiv2/msp"
	"google.golang.org/protobuf/proto"
)

const (
	// maxPrincipalDepth bounds combined principals within combined principals.
	maxPrincipalDepth = 8
	// maxCombined bounds how many principals one principal combines in all.
	maxCombined = 64
)

// Principal is a msp.MSPPrincipal read once, to be asked many times. It is
// immutable and safe for concurrent use. One that does not parse, or of a kind
// that X.509 identities cannot be, is satisfied by nobody.
type Principal struct {
	text  string
	role  bool // one role in one organisation
	match func(s *Set, id *Identity) error
}

// String says who satisfies the principal: "Org1MSP.peer".
func (p *Principal) String() string { return p.text }

// IsRole reports whether the principal is a role in an organisation, as the
// policy language writes it.
func (p *Principal) IsRole() bool { return p.role }

// NewPrincipal reads a principal.
func NewPrincipal(p *msp.MSPPrincipal) *Principal {
	left := maxCombined
	return newPrincipal(p, maxPrincipalDepth, &left)
}

func newPrincipal(p *msp.MSPPrincipal, depth int, left *int) *Principal {
	*left--
	if depth == 0 || *left < 0 {
		return nobody(errors.New("the principal is nested too deeply or combines too many"))
	}
	raw := p.GetPrincipal()
	switch class := p.GetPrincipalClassification(); class {
	case msp.MSPPrincipal_ROLE:
		return rolePrincipal(raw)
	case msp.MSPPrincipal_ORGANIZATION_UNIT:
		return unitPrincipal(raw)
	case msp.MSPPrincipal_IDENTITY:
		return identityPrincipal(raw)
	case msp.MSPPrincipal_ANONYMITY:
		return anonymityPrincipal(raw)
	case msp.MSPPrincipal_COMBINED:
		return combinedPrincipal(raw, depth, left)
	default:
		return nobody(fmt.Errorf("principals of class %d are unknown", class))
	}
}

func nobody(why error) *Principal {
	return &Principal{text: "nobody", match: func(*Set, *Identity) error { return why }}
}

// mismatch puts off the wording: most are answers of a policy's search, which
// nobody reads.
type mismatch struct {
	id   *Identity
	want string
}

func (m *mismatch) Error() string {
	return fmt.Sprintf("%s (%v) is not %s", m.id, m.id.Roles(), m.want)
}

func rolePrincipal(raw []byte) *Principal {
	var r msp.MSPRole
	if err := proto.Unmarshal(raw, &r); err != nil {
		return nobody(fmt.Errorf("read role principal: %w", err))
	}
	role, ok := roleOf(r.Role)
	if !ok {
		return nobody(fmt.Errorf("role %d is unknown", r.Role))
	}
	p := &Principal{text: r.MspIdentifier + "." + role.String(), role: true}
	mspID := r.MspIdentifier
	p.match = func(_ *Set, id *Identity) error {
		if id.MSPID == mspID && id.Has(role) {
			return nil
		}
		return &mismatch{id, p.text}
	}
	return p
}

func roleOf(r msp.MSPRole_MSPRoleType) (Role, bool) {
	switch r {
	case msp.MSPRole_MEMBER:
		return RoleMember, true
	case msp.MSPRole_ADMIN:
		return RoleAdmin, true
	case msp.MSPRole_CLIENT:
		return RoleClient, true
	case msp.MSPRole_PEER:
		return RolePeer, true
	case msp.MSPRole_ORDERER:
		return RoleOrderer, true
	}
	return 0, false
}

func unitPrincipal(raw []byte) *Principal {
	var ou msp.OrganizationUnit
	if err := proto.Unmarshal(raw, &ou); err != nil {
		return nobody(fmt.Errorf("read OU principal: %w", err))
	}
	mspID, name, certifiers := ou.MspIdentifier, ou.OrganizationalUnitIdentifier, ou.CertifiersIdentifier
	p := &Principal{text: fmt.Sprintf("OU %q of %s", name, mspID)}
	p.match = func(_ *Set, id *Identity) error {
		if id.MSPID == mspID && bytes.Equal(id.certifiers, certifiers) {
			for _, u := range id.Cert.Subject.OrganizationalUnit {
				if u == name {
					return nil
				}
			}
		}
		return &mismatch{id, p.text}
	}
	return p
}

func identityPrincipal(raw []byte) *Principal {
	mspID, cert, err := Parse(raw)
	if err != nil {
		return nobody(fmt.Errorf("read identity principal: %w", err))
	}
	p := &Principal{text: cert.Subject.CommonName + " of " + mspID}
	p.match = func(s *Set, id *Identity) error {
		want, err := s.Identity(raw)
		if err != nil {
			return err
		}
		if want.MSPID != id.MSPID || want.certHash != id.certHash {
			return &mismatch{id, p.text}
		}
		return nil
	}
	return p
}

func anonymityPrincipal(raw []byte) *Principal {
	var a msp.MSPIdentityAnonymity
	if err := proto.Unmarshal(raw, &a); err != nil {
		return nobody(fmt.Errorf("read anonymity principal: %w", err))
	}
	if a.AnonymityType != msp.MSPIdentityAnonymity_NOMINAL {
		return nobody(errors.New("X.509 identities are never anonymous"))
	}
	return &Principal{text: "anybody", match: func(*Set, *Identity) error { return nil }}
}

func combinedPrincipal(raw []byte, depth int, left *int) *Principal {
	var c msp.CombinedPrincipal
	if err := proto.Unmarshal(raw, &c); err != nil {
		return nobody(fmt.Errorf("read combined principal: %w", err))
	}
	if len(c.Principals) == 0 {
		return nobody(errors.New("the combined principal is empty"))
	}
	if len(c.Principals) > maxCombined {
		return nobody(fmt.Errorf("the combined principal has %d parts, more than %d", len(c.Principals), maxCombined))
	}
	parts := make([]*Principal, len(c.Principals))
	text := ""
	for i, sub := range c.Principals {
		parts[i] = newPrincipal(sub, depth-1, left)
		if i > 0 {
			text += " and "
		}
		text += parts[i].text
	}
	return &Principal{text: text, match: func(s *Set, id *Identity) error {
		for _, part := range parts {
			if err := part.match(s, id); err != nil {
				return err
			}
		}
		return nil
	}}
}

// Satisfies reports whether id is what the principal asks for; a nil error is yes.
func (s *Set) Satisfies(id *Identity, p *msp.MSPPrincipal) error {
	return s.Matches(id, NewPrincipal(p))
}

// Matches is Satisfies for a principal that was read before. An identity that
// was parsed by another Set, such as one of an older config, is judged anew by
// this one.
func (s *Set) Matches(id *Identity, p *Principal) error {
	if s.msps[id.MSPID] != id.msp {
		again, err := s.Identity(id.Serialized)
		if err != nil {
			return err
		}
		id = again
	}
	return p.match(s, id)
}
