package ca

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"time"

	"github.com/weft-network/weft/ledger/ident"
)

// The roles, written as organisational units of certificates.
const (
	RoleClient  = "client"
	RolePeer    = "peer"
	RoleAdmin   = "admin"
	RoleOrderer = "orderer"
)

// Option changes how one member is made.
type Option func(*options)

type options struct {
	notBefore, notAfter time.Time
	ous                 []string
	ed25519             bool
	attributes          map[string]string
}

// ValidUntil ends the member's certificates at t; with t in the past they are
// expired from the start.
func ValidUntil(t time.Time) Option {
	return func(o *options) {
		o.notAfter = t
		if !o.notBefore.Before(t) {
			o.notBefore = t.Add(-time.Hour)
		}
	}
}

// WithOUs replaces the organisational units of the signing certificate, which
// are otherwise the role alone.
func WithOUs(ous ...string) Option { return func(o *options) { o.ous = ous } }

// WithEd25519 gives the member an Ed25519 signing key.
func WithEd25519() Option { return func(o *options) { o.ed25519 = true } }

// attributesOID is the extension in which a Fabric CA keeps attributes.
var attributesOID = asn1.ObjectIdentifier{1, 2, 3, 4, 5, 6, 7, 8, 1}

// WithAttributes puts attributes into the signing certificate, as a Fabric CA
// does; chaincode reads them with its package cid.
func WithAttributes(attributes map[string]string) Option {
	return func(o *options) { o.attributes = attributes }
}

// authority is a CA: its key and its self-signed certificate.
type authority struct {
	key    crypto.Signer // signs with low S
	cert   *x509.Certificate
	pem    []byte
	keyPEM []byte
}

func newAuthority(spec Spec, cn string) (*authority, error) {
	key, err := newECDSA(spec.Rand)
	if err != nil {
		return nil, err
	}
	template, err := newTemplate(spec.Rand, cn, spec.NotBefore, spec.NotAfter)
	if err != nil {
		return nil, err
	}
	point, err := key.PublicKey.Bytes()
	if err != nil {
		return nil, err
	}
	ski := sha256.Sum256(point)
	template.Subject.Organization = []string{spec.Domain}
	template.SubjectKeyId = ski[:]
	template.IsCA = true
	template.KeyUsage = x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment |
		x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth}

	a := &authority{key: ident.LowS(key), cert: template}
	der, err := a.issue(spec.Rand, template, &key.PublicKey)
	if err != nil {
		return nil, err
	}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		return nil, err
	}
	a.pem = certPEM(der)
	a.keyPEM, err = keyPEM(key)
	return a, err
}

func (a *authority) issue(rand io.Reader, template *x509.Certificate, pub crypto.PublicKey) ([]byte, error) {
	return x509.CreateCertificate(rand, template, a.cert, pub, a.key)
}

func (o *Org) newMember(cn, role, short string, opts []Option) (*Member, error) {
	opt := options{notBefore: o.Spec.NotBefore, notAfter: o.Spec.NotAfter, ous: []string{role}}
	for _, f := range opts {
		f(&opt)
	}
	m := &Member{Name: cn, Role: role, short: short}
	if err := o.issueSigning(m, opt); err != nil {
		return nil, fmt.Errorf("signing certificate: %w", err)
	}
	if err := o.issueTLS(m, opt); err != nil {
		return nil, fmt.Errorf("TLS certificate: %w", err)
	}
	return m, nil
}

func (o *Org) issueSigning(m *Member, opt options) error {
	key, err := newKey(o.Spec.Rand, opt.ed25519)
	if err != nil {
		return err
	}
	template, err := newTemplate(o.Spec.Rand, m.Name, opt.notBefore, opt.notAfter)
	if err != nil {
		return err
	}
	template.Subject.OrganizationalUnit = opt.ous
	template.KeyUsage = x509.KeyUsageDigitalSignature
	if len(opt.attributes) > 0 {
		value, err := json.Marshal(map[string]any{"attrs": opt.attributes})
		if err != nil {
			return err
		}
		template.ExtraExtensions = []pkix.Extension{{Id: attributesOID, Value: value}}
	}
	der, err := o.ca.issue(o.Spec.Rand, template, key.Public())
	if err != nil {
		return err
	}
	m.CertPEM = certPEM(der)
	if m.KeyPEM, err = keyPEM(key); err != nil {
		return err
	}
	if m.signer, err = ident.NewSigner(o.Spec.MSPID, m.CertPEM, key); err != nil {
		return err
	}
	m.Serialized = m.signer.Serialized()
	return nil
}

func (o *Org) issueTLS(m *Member, opt options) error {
	key, err := newECDSA(o.Spec.Rand)
	if err != nil {
		return err
	}
	template, err := newTemplate(o.Spec.Rand, m.Name, opt.notBefore, opt.notAfter)
	if err != nil {
		return err
	}
	template.KeyUsage = x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	if m.isNode() {
		addHosts(template, append([]string{m.Name, m.short}, o.Spec.Hosts...))
	}
	der, err := o.tlsCA.issue(o.Spec.Rand, template, &key.PublicKey)
	if err != nil {
		return err
	}
	m.TLSCertPEM = certPEM(der)
	if m.TLSKeyPEM, err = keyPEM(key); err != nil {
		return err
	}
	m.TLSCert, err = tls.X509KeyPair(m.TLSCertPEM, m.TLSKeyPEM)
	return err
}

func (m *Member) isNode() bool { return m.Role == RolePeer || m.Role == RoleOrderer }

func addHosts(template *x509.Certificate, hosts []string) {
	for _, h := range hosts {
		if ip := net.ParseIP(h); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, h)
		}
	}
}

func newTemplate(rand io.Reader, cn string, notBefore, notAfter time.Time) (*x509.Certificate, error) {
	serial := make([]byte, 16)
	if _, err := io.ReadFull(rand, serial); err != nil {
		return nil, fmt.Errorf("read a serial number: %w", err)
	}
	serial[0] = serial[0]&0x7f | 0x40 // positive, and always 16 bytes long
	return &x509.Certificate{
		SerialNumber: new(big.Int).SetBytes(serial),
		Subject: pkix.Name{
			Country: []string{"US"}, Province: []string{"California"}, Locality: []string{"San Francisco"},
			CommonName: cn,
		},
		NotBefore:             notBefore.UTC(),
		NotAfter:              notAfter.UTC(),
		BasicConstraintsValid: true,
	}, nil
}

func newKey(rand io.Reader, ed bool) (crypto.Signer, error) {
	if !ed {
		return newECDSA(rand)
	}
	seed := make([]byte, ed25519.SeedSize)
	if _, err := io.ReadFull(rand, seed); err != nil {
		return nil, fmt.Errorf("read a key: %w", err)
	}
	return ed25519.NewKeyFromSeed(seed), nil
}

// newECDSA draws the scalar itself, because ecdsa.GenerateKey ignores the given
// source and a seeded test would not be repeatable.
func newECDSA(rand io.Reader) (*ecdsa.PrivateKey, error) {
	scalar := make([]byte, 32)
	for range 8 { // a draw is outside the curve's order once in 2^32
		if _, err := io.ReadFull(rand, scalar); err != nil {
			return nil, fmt.Errorf("read a key: %w", err)
		}
		if key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), scalar); err == nil {
			return key, nil
		}
	}
	return nil, errors.New("the source of randomness yields no P-256 key; it is not random")
}

func certPEM(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

func keyPEM(key crypto.Signer) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}
