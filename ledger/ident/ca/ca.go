// Package ca makes the X.509 material of an organisation for development and
// tests: a signing CA, a TLS CA, nodes, users and revocation lists, in memory,
// and on disk in the folder layout of Fabric's cryptogen.
//
// All keys are ECDSA P-256 unless asked for otherwise, and every certificate is
// signed with low S. The package reads neither clock nor randomness of its own:
// both come with the Spec, and the same Spec and the same calls make the same
// material. The CA's keys are written in clear text, which is what a network on
// a developer's machine wants and a real one does not.
package ca

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/hyperledger/fabric-protos-go-apiv2/msp"
	"github.com/weft-network/weft/ledger/ident"
	"google.golang.org/protobuf/proto"
)

// Kind tells what an organisation runs.
type Kind int

// The kinds of organisation.
const (
	PeerOrg Kind = iota
	OrdererOrg
)

// Validity is the span that certificates made at now get: from five minutes
// before (clocks differ) for ten years.
func Validity(now time.Time) (notBefore, notAfter time.Time) {
	notBefore = now.UTC().Truncate(time.Minute).Add(-5 * time.Minute)
	return notBefore, notBefore.Add(tenYears)
}

const tenYears = 3650 * 24 * time.Hour

// Spec describes an organisation to be made.
type Spec struct {
	Name   string // Org1; stays out of the certificates
	MSPID  string // Org1MSP
	Domain string // org1.example.com
	Kind   Kind
	// NotBefore and NotAfter bound every certificate; see Validity. A zero
	// NotAfter means ten years after NotBefore.
	NotBefore, NotAfter time.Time
	// Rand makes keys and serial numbers: crypto/rand.Reader, or a seeded
	// source in tests.
	Rand io.Reader
	// Hosts are the names and addresses that TLS certificates of nodes carry
	// beside the node's own. Nil means localhost, 127.0.0.1 and ::1.
	Hosts []string
}

// Org is an organisation with its CAs and members. It is safe for concurrent use.
type Org struct {
	Spec  Spec
	ca    *authority
	tlsCA *authority

	mu      sync.Mutex
	members map[string]*Member // by common name
	order   []*Member
}

// NewOrg makes an organisation with a signing CA and a TLS CA, and no members.
func NewOrg(spec Spec) (*Org, error) {
	if err := spec.complete(); err != nil {
		return nil, fmt.Errorf("make organisation %q: %w", spec.Name, err)
	}
	ca, err := newAuthority(spec, "ca."+spec.Domain)
	if err != nil {
		return nil, fmt.Errorf("make organisation %q: signing CA: %w", spec.Name, err)
	}
	tlsCA, err := newAuthority(spec, "tlsca."+spec.Domain)
	if err != nil {
		return nil, fmt.Errorf("make organisation %q: TLS CA: %w", spec.Name, err)
	}
	return &Org{Spec: spec, ca: ca, tlsCA: tlsCA, members: map[string]*Member{}}, nil
}

func (s *Spec) complete() error {
	switch {
	case s.MSPID == "":
		return errors.New("the MSP id is empty")
	case !isName(s.Domain):
		return fmt.Errorf("%q is no domain", s.Domain)
	case s.NotBefore.IsZero():
		return errors.New("NotBefore is not set")
	case s.Rand == nil:
		return errors.New("no source of randomness is given")
	}
	if s.NotAfter.IsZero() {
		s.NotAfter = s.NotBefore.Add(tenYears)
	}
	if s.Hosts == nil {
		s.Hosts = []string{"localhost", "127.0.0.1", "::1"}
	}
	return nil
}

// isName reports whether s is fit for a certificate's name and a folder.
func isName(s string) bool {
	if s == "" || len(s) > 200 || strings.HasPrefix(s, ".") {
		return false
	}
	return !strings.ContainsFunc(s, func(r rune) bool {
		ok := r == '.' || r == '-' || r == '_' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
		return !ok
	})
}

// CACert is the signing CA's certificate, TLSCACert the TLS CA's; the PEM
// forms likewise.
func (o *Org) CACert() *x509.Certificate    { return o.ca.cert }
func (o *Org) TLSCACert() *x509.Certificate { return o.tlsCA.cert }
func (o *Org) CACertPEM() []byte            { return o.ca.pem }
func (o *Org) TLSCACertPEM() []byte         { return o.tlsCA.pem }

// TLSRoots is a pool of the TLS CA alone.
func (o *Org) TLSRoots() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(o.tlsCA.cert)
	return pool
}

// Peer returns the peer of that short name ("peer0"), made on first use.
func (o *Org) Peer(name string, opts ...Option) (*Member, error) {
	return o.member(name+"."+o.Spec.Domain, RolePeer, name, opts)
}

// Orderer returns the orderer of that short name, made on first use.
func (o *Org) Orderer(name string, opts ...Option) (*Member, error) {
	return o.member(name+"."+o.Spec.Domain, RoleOrderer, name, opts)
}

// User returns the client of that short name ("User1"), made on first use.
func (o *Org) User(name string, opts ...Option) (*Member, error) {
	return o.member(name+"@"+o.Spec.Domain, RoleClient, name, opts)
}

// Admin returns the administrator of that short name ("Admin"), made on first use.
func (o *Org) Admin(name string, opts ...Option) (*Member, error) {
	return o.member(name+"@"+o.Spec.Domain, RoleAdmin, name, opts)
}

func (o *Org) member(cn, role, short string, opts []Option) (*Member, error) {
	if !isName(short) {
		return nil, fmt.Errorf("make %s of %s: %q is not fit for a name", role, o.Spec.MSPID, short)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if m := o.members[cn]; m != nil {
		if m.Role != role {
			return nil, fmt.Errorf("make %s %s of %s: it exists as %s", role, cn, o.Spec.MSPID, m.Role)
		}
		return m, nil
	}
	m, err := o.newMember(cn, role, short, opts)
	if err != nil {
		return nil, fmt.Errorf("make %s %s of %s: %w", role, cn, o.Spec.MSPID, err)
	}
	o.members[cn] = m
	o.order = append(o.order, m)
	return m, nil
}

// MSPConfig is the organisation's MSP as a channel's config carries it: both
// CAs and the four NodeOU roles. It equals what ident.LoadConfig reads from the
// written msp folder. CRLs, if any, are PEM or DER.
func (o *Org) MSPConfig(crls ...[]byte) (*msp.MSPConfig, error) {
	ou := func(role string) *msp.FabricOUIdentifier {
		return &msp.FabricOUIdentifier{Certificate: o.ca.pem, OrganizationalUnitIdentifier: role}
	}
	raw, err := proto.MarshalOptions{Deterministic: true}.Marshal(&msp.FabricMSPConfig{
		Name:           o.Spec.MSPID,
		RootCerts:      [][]byte{o.ca.pem},
		TlsRootCerts:   [][]byte{o.tlsCA.pem},
		RevocationList: crls,
		CryptoConfig:   ident.DefaultCrypto(),
		FabricNodeOus: &msp.FabricNodeOUs{
			Enable:              true,
			ClientOuIdentifier:  ou(RoleClient),
			PeerOuIdentifier:    ou(RolePeer),
			AdminOuIdentifier:   ou(RoleAdmin),
			OrdererOuIdentifier: ou(RoleOrderer),
		},
	})
	if err != nil {
		return nil, fmt.Errorf("MSP config of %s: %w", o.Spec.MSPID, err)
	}
	return &msp.MSPConfig{Config: raw}, nil
}

// Member is a node or a user with its certificates and keys.
type Member struct {
	Name string // common name: peer0.org1.example.com, User1@org1.example.com
	Role string // one of the Role constants, the certificate's OU
	// Serialized is the msp.SerializedIdentity.
	Serialized []byte

	CertPEM, KeyPEM       []byte
	TLSCertPEM, TLSKeyPEM []byte
	TLSCert               tls.Certificate

	short  string
	signer ident.Signer
}

// Signer signs as the member.
func (m *Member) Signer() ident.Signer { return m.signer }

// Cert is the member's signing certificate.
func (m *Member) Cert() *x509.Certificate { return m.signer.Certificate() }
