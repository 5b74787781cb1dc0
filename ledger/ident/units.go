package ident

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/hyperledger/fabric-protos-go-apiv2/msp"
)

// units are the rules of an organisation about organisational units (OUs).
type units struct {
	// allowed: if there are any, a member's certificate holds one of them, by
	// name to the hashes of the CA paths.
	allowed map[string][][]byte
	// nodes are the OUs that carry roles, by name. Nil: roles are not told apart.
	nodes map[string]nodeUnit
}

type nodeUnit struct {
	role       Role
	certifiers []byte // nil: any CA of the organisation
}

func newUnits(cfg *msp.FabricMSPConfig, cas *authorities) (units, error) {
	u := units{allowed: map[string][][]byte{}}
	if len(cfg.OrganizationalUnitIdentifiers) > maxCertificates {
		return u, fmt.Errorf("there are %d OU identifiers, more than %d", len(cfg.OrganizationalUnitIdentifiers), maxCertificates)
	}
	for _, ou := range cfg.OrganizationalUnitIdentifiers {
		certifiers, err := cas.certifiersOf(ou.GetCertificate())
		if err != nil {
			return u, fmt.Errorf("OU identifier %q: %w", ou.GetOrganizationalUnitIdentifier(), err)
		}
		name := ou.GetOrganizationalUnitIdentifier()
		u.allowed[name] = append(u.allowed[name], certifiers)
	}
	return u, u.addNodes(cfg.FabricNodeOus, cas)
}

func (u *units) addNodes(cfg *msp.FabricNodeOUs, cas *authorities) error {
	if !cfg.GetEnable() {
		return nil
	}
	for _, n := range []struct {
		role Role
		ou   *msp.FabricOUIdentifier
	}{
		{RoleClient, cfg.ClientOuIdentifier}, {RolePeer, cfg.PeerOuIdentifier},
		{RoleAdmin, cfg.AdminOuIdentifier}, {RoleOrderer, cfg.OrdererOuIdentifier},
	} {
		name := n.ou.GetOrganizationalUnitIdentifier()
		if name == "" {
			continue
		}
		if other, ok := u.nodes[name]; ok {
			return fmt.Errorf("the roles %s and %s share the OU %q", other.role, n.role, name)
		}
		node := nodeUnit{role: n.role}
		if len(n.ou.Certificate) > 0 {
			var err error
			if node.certifiers, err = cas.certifiersOf(n.ou.Certificate); err != nil {
				return fmt.Errorf("OU of role %s: %w", n.role, err)
			}
		}
		if u.nodes == nil {
			u.nodes = map[string]nodeUnit{}
		}
		u.nodes[name] = node
	}
	return nil
}

// has reports whether the organisation tells the role apart by OU.
func (u *units) has(role Role) bool {
	for _, n := range u.nodes {
		if n.role == role {
			return true
		}
	}
	return false
}

// roles judges the OUs of a certificate whose CA path hashes to certifiers.
func (u *units) roles(ous []string, certifiers []byte) (roleSet, error) {
	if len(u.allowed) > 0 && !u.isAllowed(ous, certifiers) {
		return 0, fmt.Errorf("none of the certificate's OUs (%s) is one that the organisation lists", listOUs(ous))
	}
	roles := roleSet(0).with(RoleMember)
	if u.nodes == nil {
		return roles, nil
	}
	count := 0
	for _, ou := range ous {
		node, ok := u.nodes[ou]
		if !ok {
			continue
		}
		if node.certifiers != nil && !bytes.Equal(node.certifiers, certifiers) {
			return 0, fmt.Errorf("the OU %q was certified by another CA than the organisation names for it", ou)
		}
		roles = roles.with(node.role)
		count++
	}
	if count != 1 {
		return 0, fmt.Errorf("the certificate's OUs (%s) name %d roles; exactly one of client, peer, admin and orderer is expected", listOUs(ous), count)
	}
	return roles, nil
}

func (u *units) isAllowed(ous []string, certifiers []byte) bool {
	for _, ou := range ous {
		for _, c := range u.allowed[ou] {
			if bytes.Equal(c, certifiers) {
				return true
			}
		}
	}
	return false
}

func listOUs(ous []string) string {
	if len(ous) == 0 {
		return "none"
	}
	return strings.Join(ous, ", ")
}
