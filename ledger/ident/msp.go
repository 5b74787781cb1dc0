package ident

import (
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"

	"github.com/hyperledger/fabric-protos-go-apiv2/msp"
	"google.golang.org/protobuf/proto"
)

// MSP is one organisation's membership provider, made from its config. It is
// immutable and safe for concurrent use.
type MSP struct {
	id string
	// TLSRoots are the organisation's TLS root and intermediate certificates.
	TLSRoots *x509.CertPool

	tls     []*x509.Certificate
	cas     *authorities
	revoked revocations
	units   units
	admins  map[[32]byte]bool // by hash of the certificate

	noEd25519 bool
}

// Option changes how an MSP judges.
type Option func(*MSP)

// WithoutEd25519 refuses members with Ed25519 keys, as channels without the
// capability V3_0 do.
func WithoutEd25519() Option { return func(m *MSP) { m.noEd25519 = true } }

// DefaultCrypto is Fabric's default: SHA-2 for signatures, SHA-256 for identifiers.
func DefaultCrypto() *msp.FabricCryptoConfig {
	return &msp.FabricCryptoConfig{SignatureHashFamily: "SHA2", IdentityIdentifierHashFunction: "SHA256"}
}

// NewMSP builds the MSP of one organisation and refuses a config that is not
// sound (no root, a root that is no CA, an inner CA cycle, …).
func NewMSP(cfg *msp.MSPConfig, opts ...Option) (*MSP, error) {
	if cfg.GetType() != 0 {
		return nil, fmt.Errorf("read MSP: type %d is not supported; only X.509 MSPs (type 0) are", cfg.GetType())
	}
	var fabric msp.FabricMSPConfig
	if err := proto.Unmarshal(cfg.GetConfig(), &fabric); err != nil {
		return nil, fmt.Errorf("read MSP: %w", err)
	}
	m, err := newMSP(&fabric, opts)
	if err != nil {
		return nil, fmt.Errorf("read MSP %q: %w", fabric.Name, err)
	}
	return m, nil
}

func newMSP(cfg *msp.FabricMSPConfig, opts []Option) (*MSP, error) {
	if cfg.Name == "" {
		return nil, errors.New("the MSP id is empty")
	}
	if err := checkCrypto(cfg.CryptoConfig); err != nil {
		return nil, err
	}
	m := &MSP{id: cfg.Name}
	for _, opt := range opts {
		opt(m)
	}
	var err error
	if m.cas, err = newAuthorities(cfg.RootCerts, cfg.IntermediateCerts); err != nil {
		return nil, err
	}
	if m.revoked, err = newRevocations(cfg.RevocationList, m.cas); err != nil {
		return nil, err
	}
	if err := m.checkIntermediates(); err != nil {
		return nil, err
	}
	if err := m.readTLS(cfg.TlsRootCerts, cfg.TlsIntermediateCerts); err != nil {
		return nil, err
	}
	if m.units, err = newUnits(cfg, m.cas); err != nil {
		return nil, err
	}
	return m, m.readAdmins(cfg.Admins)
}

func checkCrypto(cfg *msp.FabricCryptoConfig) error {
	if f := cfg.GetSignatureHashFamily(); f != "" && f != "SHA2" {
		return fmt.Errorf("signature hash family %q is not supported; use SHA2", f)
	}
	if f := cfg.GetIdentityIdentifierHashFunction(); f != "" && f != "SHA256" {
		return fmt.Errorf("identity hash function %q is not supported; use SHA256", f)
	}
	return nil
}

func (m *MSP) checkIntermediates() error {
	for i, c := range m.cas.intermediates {
		chain, err := m.cas.chain(c)
		if err == nil {
			err = m.revoked.check(chain)
		}
		if err != nil {
			return fmt.Errorf("intermediate CA certificate %d (%s): %w", i, c.Subject.CommonName, err)
		}
	}
	return nil
}

// readTLS checks TLS CAs by the same rules as signing CAs. There may be none.
func (m *MSP) readTLS(roots, intermediates [][]byte) error {
	m.TLSRoots = x509.NewCertPool()
	if len(roots) == 0 && len(intermediates) == 0 {
		return nil
	}
	cas, err := newAuthorities(roots, intermediates)
	if err != nil {
		return fmt.Errorf("TLS: %w", err)
	}
	m.tls = append(append(m.tls, cas.roots...), cas.intermediates...)
	for _, c := range m.tls {
		m.TLSRoots.AddCert(c)
	}
	return nil
}

// readAdmins takes the administrators that are listed by certificate. Each is a
// valid member, and where roles are told apart, a client or an admin.
func (m *MSP) readAdmins(pems [][]byte) error {
	if len(pems) > maxCertificates {
		return fmt.Errorf("there are %d administrators, more than %d", len(pems), maxCertificates)
	}
	if len(pems) == 0 && !m.units.has(RoleAdmin) {
		return errors.New("it has no administrators: list their certificates in admincerts, or name an OU for the role admin in NodeOUs")
	}
	admins := map[[32]byte]bool{}
	for i, text := range pems {
		cert, err := parsePEM(text)
		if err != nil {
			return fmt.Errorf("administrator %d: %w", i, err)
		}
		id, err := m.identity(cert)
		if err != nil {
			return fmt.Errorf("administrator %d (%s): %w", i, cert.Subject.CommonName, err)
		}
		if id.Has(RolePeer) || id.Has(RoleOrderer) {
			return fmt.Errorf("administrator %d (%s) has the roles %v; a client or an admin is expected", i, id, id.Roles())
		}
		admins[id.certHash] = true
	}
	m.admins = admins
	return nil
}

// ID is the MSP id, such as Org1MSP.
func (m *MSP) ID() string { return m.id }

// TLSCAs are the organisation's TLS root and intermediate certificates, roots first.
func (m *MSP) TLSCAs() []*x509.Certificate { return m.tls }

// identity judges a certificate: key type, chain, revocation, OUs.
func (m *MSP) identity(cert *x509.Certificate) (*Identity, error) {
	if err := checkKey(cert.PublicKey); err != nil {
		return nil, err
	}
	if m.noEd25519 && cert.PublicKeyAlgorithm == x509.Ed25519 {
		return nil, errors.New("Ed25519 keys need the channel capability V3_0")
	}
	chain, err := m.cas.memberChain(cert)
	if err != nil {
		return nil, err
	}
	if err := m.revoked.check(chain); err != nil {
		return nil, err
	}
	if cert, err = withLowS(cert, chain[1]); err != nil {
		return nil, err
	}
	certifiers := hashChain(chain[1:])
	roles, err := m.units.roles(cert.Subject.OrganizationalUnit, certifiers)
	if err != nil {
		return nil, err
	}
	id := &Identity{MSPID: m.id, Cert: cert, msp: m, roles: roles, certifiers: certifiers,
		certHash: sha256.Sum256(cert.Raw), keyHash: sha256.Sum256(cert.RawSubjectPublicKeyInfo)}
	if m.admins[id.certHash] {
		id.roles = id.roles.with(RoleAdmin)
	}
	return id, nil
}
