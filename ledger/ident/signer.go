package ident

import (
	"crypto"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"

	"github.com/hyperledger/fabric-protos-go-apiv2/msp"
	"google.golang.org/protobuf/proto"
)

// Signer signs as one identity. The key may sit in an HSM: there is no way to
// read it. A Signer is safe for concurrent use.
type Signer interface {
	// Serialized is the signer's msp.SerializedIdentity.
	Serialized() []byte
	MSPID() string
	Certificate() *x509.Certificate
	// Sign signs msg (hashing as the key type asks) with low S.
	Sign(msg []byte) ([]byte, error)
	Public() crypto.PublicKey
}

// NewSigner joins a certificate in PEM form and its key. It refuses a key that
// does not belong to the certificate.
func NewSigner(mspID string, certPEM []byte, key crypto.Signer) (Signer, error) {
	if mspID == "" {
		return nil, errors.New("new signer: the MSP id is empty")
	}
	cert, err := parsePEM(certPEM)
	if err != nil {
		return nil, fmt.Errorf("new signer of %s: %w", mspID, err)
	}
	if err := checkKey(key.Public()); err != nil {
		return nil, fmt.Errorf("new signer of %s: %w", mspID, err)
	}
	if !samePublicKey(cert.PublicKey, key.Public()) {
		return nil, fmt.Errorf("new signer of %s: %w", mspID, errKeyMismatch)
	}
	// Encoded anew, so that text around the block does not travel.
	serialized, err := Serialize(mspID, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw}))
	if err != nil {
		return nil, err
	}
	return &signer{mspID: mspID, cert: cert, serialized: serialized, key: LowS(key)}, nil
}

var errKeyMismatch = errors.New("the key does not belong to the certificate")

// Serialize wraps a certificate in PEM form into the msp.SerializedIdentity
// that travels. Nothing is checked.
func Serialize(mspID string, certPEM []byte) ([]byte, error) {
	raw, err := proto.MarshalOptions{Deterministic: true}.Marshal(
		&msp.SerializedIdentity{Mspid: mspID, IdBytes: certPEM})
	if err != nil {
		return nil, fmt.Errorf("serialize identity of %s: %w", mspID, err)
	}
	return raw, nil
}

type signer struct {
	mspID      string
	cert       *x509.Certificate
	serialized []byte
	key        crypto.Signer
}

func (s *signer) Serialized() []byte             { return s.serialized }
func (s *signer) MSPID() string                  { return s.mspID }
func (s *signer) Certificate() *x509.Certificate { return s.cert }
func (s *signer) Public() crypto.PublicKey       { return s.key.Public() }

func (s *signer) Sign(msg []byte) ([]byte, error) {
	var sig []byte
	var err error
	if _, ok := s.key.Public().(ed25519.PublicKey); ok {
		sig, err = s.key.Sign(nil, msg, crypto.Hash(0))
	} else {
		digest := sha256.Sum256(msg)
		sig, err = s.key.Sign(nil, digest[:], crypto.SHA256)
	}
	if err != nil {
		return nil, fmt.Errorf("sign as %s of %s: %w", s.cert.Subject.CommonName, s.mspID, err)
	}
	return sig, nil
}

func samePublicKey(a, b crypto.PublicKey) bool {
	x, ok := a.(interface{ Equal(crypto.PublicKey) bool })
	return ok && x.Equal(b)
}
