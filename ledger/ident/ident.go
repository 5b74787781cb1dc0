// Package ident is Fabric's MSP: it turns certificates into identities with an
// organisation and roles, checks their chains, and verifies what they signed.
//
// Validity never depends on the wall clock: a chain is checked at the
// certificate's NotBefore + 1 s, so that a block is judged the same for ever.
// Expiry is asked for separately, at the door, with ExpiresAt.
package ident

import (
	"crypto/x509"
	"errors"
	"time"

	"github.com/hyperledger/fabric-protos-go-apiv2/msp"
)

// Identity is one parsed and chain-checked certificate of an organisation.
// It is immutable and safe for concurrent use.
type Identity struct {
	MSPID string
	Cert  *x509.Certificate
	// Serialized is the msp.SerializedIdentity, as it travels.
	Serialized []byte
	// contains unexported fields (roles, OUs)
}

// ExpiresAt is the certificate's NotAfter.
func (id *Identity) ExpiresAt() time.Time { return id.Cert.NotAfter }

// Verify checks sig over msg: ECDSA over SHA-256 with low S, or Ed25519 over
// the message itself. Results are memoised per process (design: a signature is
// verified once per node).
func (id *Identity) Verify(msg, sig []byte) error { return errors.New("not built yet") }

// Role is a NodeOU role.
type Role int

// The NodeOU roles.
const (
	RoleMember Role = iota
	RoleClient
	RolePeer
	RoleAdmin
	RoleOrderer
)

// Has reports whether the identity holds the role; every identity is a member.
func (id *Identity) Has(r Role) bool { return false }

// MSP is one organisation's membership provider, made from its config.
type MSP struct {
	id string
	// TLSRoots are the organisation's TLS root and intermediate certificates.
	TLSRoots *x509.CertPool
}

// NewMSP builds the MSP of one organisation and refuses a config that is not
// sound (no root, a root that is no CA, an inner CA cycle, …).
func NewMSP(cfg *msp.MSPConfig) (*MSP, error) { return nil, errors.New("not built yet") }

// ID is the MSP id, such as Org1MSP.
func (m *MSP) ID() string { return m.id }

// Set holds the MSPs of one channel. It is safe for concurrent use and caches
// the identities that it has parsed.
type Set struct{}

// NewSet joins MSPs; two with one id are refused.
func NewSet(msps ...*MSP) (*Set, error) { return nil, errors.New("not built yet") }

// MSP returns the MSP with that id, or nil.
func (s *Set) MSP(id string) *MSP { return nil }

// IDs are the MSP ids, sorted.
func (s *Set) IDs() []string { return nil }

// Identity parses a msp.SerializedIdentity, checks that it is well-formed, that
// its chain leads to its organisation's roots, that it is not revoked and that
// its OUs are sound. It does not look at expiry.
func (s *Set) Identity(serialized []byte) (*Identity, error) { return nil, errors.New("not built yet") }

// Satisfies reports whether id is what the principal asks for; a nil error is yes.
func (s *Set) Satisfies(id *Identity, p *msp.MSPPrincipal) error { return errors.New("not built yet") }

// LoadSigner reads the signing certificate and key of an MSP folder
// (signcerts/, keystore/) in the layout of Fabric's cryptogen.
func LoadSigner(dir, mspID string) (Signer, error) { return nil, errors.New("not built yet") }

// LoadConfig reads an MSP folder (cacerts/, intermediatecerts/, admincerts/,
// tlscacerts/, crls/, config.yaml) into the config that a channel carries.
func LoadConfig(dir, mspID string) (*msp.MSPConfig, error) { return nil, errors.New("not built yet") }

// TxID is hex(SHA-256(nonce ‖ creator)), Fabric's transaction id.
func TxID(nonce, creator []byte) string { return "" }

// DefaultCrypto is Fabric's default: SHA-2 for signatures, SHA-256 for identifiers.
func DefaultCrypto() *msp.FabricCryptoConfig {
	return &msp.FabricCryptoConfig{SignatureHashFamily: "SHA2", IdentityIdentifierHashFunction: "SHA256"}
}
