package ident

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"

	"github.com/hyperledger/fabric-protos-go-apiv2/msp"
	"google.golang.org/protobuf/proto"
)

// maxIdentityBytes bounds a serialized identity: a certificate takes about one
// KiB, one with many attributes a few.
const maxIdentityBytes = 32 << 10

// Parse reads a msp.SerializedIdentity and insists on its form: exactly one PEM
// block of type CERTIFICATE (or without a type), no bytes after it, and a
// certificate whose signature is in canonical DER. Without these rules one
// certificate would have many encodings. Chain, revocation and roles are not
// looked at.
func Parse(serialized []byte) (mspID string, cert *x509.Certificate, err error) {
	if len(serialized) > maxIdentityBytes {
		return "", nil, fmt.Errorf("parse identity: it has %d bytes, more than %d", len(serialized), maxIdentityBytes)
	}
	var sid msp.SerializedIdentity
	if err := proto.Unmarshal(serialized, &sid); err != nil {
		return "", nil, fmt.Errorf("parse identity: %w", err)
	}
	block, rest := pem.Decode(sid.IdBytes)
	if block != nil && len(rest) > 0 {
		return "", nil, fmt.Errorf("parse identity of %q: %d bytes follow the certificate", sid.Mspid, len(rest))
	}
	cert, err = parseBlock(block)
	if err == nil {
		err = checkCanonical(cert)
	}
	if err != nil {
		return "", nil, fmt.Errorf("parse identity of %q: %w", sid.Mspid, err)
	}
	return sid.Mspid, cert, nil
}

// parsePEM reads the single certificate of a PEM text from a configuration;
// white space may follow it.
func parsePEM(text []byte) (*x509.Certificate, error) {
	block, rest := pem.Decode(text)
	if block != nil && len(bytes.TrimSpace(rest)) > 0 {
		return nil, errors.New("the certificate is followed by other data; one PEM block is expected")
	}
	return parseBlock(block)
}

func parseBlock(block *pem.Block) (*x509.Certificate, error) {
	switch {
	case block == nil:
		return nil, errors.New("it is not in PEM form")
	case block.Type != "CERTIFICATE" && block.Type != "":
		return nil, fmt.Errorf("the PEM block is of type %q, not CERTIFICATE", block.Type)
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("the PEM block holds no X.509 certificate: %w", err)
	}
	return cert, nil
}

func isECDSASigned(cert *x509.Certificate) bool {
	switch cert.SignatureAlgorithm {
	case x509.ECDSAWithSHA1, x509.ECDSAWithSHA256, x509.ECDSAWithSHA384, x509.ECDSAWithSHA512:
		return true
	}
	return false
}

// checkCanonical refuses an ECDSA-signed certificate whose signature could be
// written in another, shorter way.
func checkCanonical(cert *x509.Certificate) error {
	if !isECDSASigned(cert) {
		return nil
	}
	rs, err := parseECDSA(cert.Signature)
	if err != nil {
		return fmt.Errorf("the certificate's signature: %w", err)
	}
	again, err := asn1.Marshal(rs)
	if err != nil || !bytes.Equal(again, cert.Signature) {
		return errors.New("the certificate's signature is not in canonical form")
	}
	return nil
}
