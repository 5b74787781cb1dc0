package ident

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"time"
)

// maxCertificates bounds each list of certificates of an MSP: building chains
// takes time that grows with it.
const maxCertificates = 100

// authorities is the CA tree of an organisation.
type authorities struct {
	roots, intermediates []*x509.Certificate
	opts                 x509.VerifyOptions
	// inner holds the CAs, by DER, that certified another CA of the tree.
	inner map[string]bool
}

// newAuthorities builds the tree and checks it: roots are self-signed CAs, every
// intermediate is a CA with exactly one chain to a root.
func newAuthorities(rootPEMs, intermediatePEMs [][]byte) (*authorities, error) {
	if len(rootPEMs) == 0 {
		return nil, errors.New("there is no root CA certificate")
	}
	roots, err := parseCAs("root CA", rootPEMs)
	if err != nil {
		return nil, err
	}
	intermediates, err := parseCAs("intermediate CA", intermediatePEMs)
	if err != nil {
		return nil, err
	}
	for i, root := range roots {
		if err := root.CheckSignatureFrom(root); err != nil {
			return nil, fmt.Errorf("root CA certificate %d (%s) is not signed by itself: %w", i, root.Subject.CommonName, err)
		}
		if roots[i], err = withLowS(root, root); err != nil {
			return nil, fmt.Errorf("root CA certificate %d: %w", i, err)
		}
	}
	a := &authorities{roots: roots, intermediates: intermediates, inner: map[string]bool{}}
	a.fillPools()
	if err := a.settleIntermediates(); err != nil {
		return nil, err
	}
	return a, nil
}

func parseCAs(what string, pems [][]byte) ([]*x509.Certificate, error) {
	if len(pems) > maxCertificates {
		return nil, fmt.Errorf("there are %d %s certificates, more than %d", len(pems), what, maxCertificates)
	}
	certs := make([]*x509.Certificate, len(pems))
	for i, text := range pems {
		cert, err := parsePEM(text)
		if err != nil {
			return nil, fmt.Errorf("%s certificate %d: %w", what, i, err)
		}
		if !cert.IsCA {
			return nil, fmt.Errorf("%s certificate %d (%s) is not one of a CA", what, i, cert.Subject.CommonName)
		}
		if len(cert.SubjectKeyId) == 0 {
			return nil, fmt.Errorf("%s certificate %d (%s) has no subject key identifier", what, i, cert.Subject.CommonName)
		}
		certs[i] = cert
	}
	return certs, nil
}

func (a *authorities) fillPools() {
	a.opts = x509.VerifyOptions{Roots: x509.NewCertPool(), Intermediates: x509.NewCertPool()}
	for _, c := range a.roots {
		a.opts.Roots.AddCert(c)
	}
	for _, c := range a.intermediates {
		a.opts.Intermediates.AddCert(c)
	}
}

// settleIntermediates brings the intermediates into low-S form, and then marks
// who certified whom.
func (a *authorities) settleIntermediates() error {
	settled := make([]*x509.Certificate, len(a.intermediates))
	for i, c := range a.intermediates {
		chain, err := a.chain(c)
		if err == nil && len(chain) < 2 {
			err = errors.New("it is a root CA too")
		}
		if err == nil {
			settled[i], err = withLowS(c, chain[1])
		}
		if err != nil {
			return fmt.Errorf("intermediate CA certificate %d (%s): %w", i, c.Subject.CommonName, err)
		}
	}
	a.intermediates = settled
	a.fillPools()
	for i, c := range a.intermediates {
		chain, err := a.chain(c)
		if err != nil {
			return fmt.Errorf("intermediate CA certificate %d (%s): %w", i, c.Subject.CommonName, err)
		}
		for _, parent := range chain[1:] {
			a.inner[string(parent.Raw)] = true
		}
	}
	return nil
}

// chain is the one chain from cert to a root, judged one second into the
// certificate's own life. With two chains it would be unclear who vouches.
func (a *authorities) chain(cert *x509.Certificate) ([]*x509.Certificate, error) {
	opts := a.opts
	opts.CurrentTime = cert.NotBefore.Add(time.Second)
	chains, err := cert.Verify(opts)
	if err != nil {
		return nil, fmt.Errorf("its chain does not lead to a root CA of the organisation: %w", err)
	}
	if len(chains) != 1 {
		return nil, fmt.Errorf("it has %d chains to root CAs; exactly one is expected", len(chains))
	}
	return chains[0], nil
}

// memberChain is the chain of a member's certificate. It must be issued by a
// leaf of the CA tree: a CA that certifies CAs certifies no members.
func (a *authorities) memberChain(cert *x509.Certificate) ([]*x509.Certificate, error) {
	if cert.IsCA {
		return nil, errors.New("it is the certificate of a CA, which cannot be an identity")
	}
	chain, err := a.chain(cert)
	if err != nil {
		return nil, err
	}
	if len(chain) < 2 {
		return nil, errors.New("it is itself one of the root certificates")
	}
	if a.inner[string(chain[1].Raw)] {
		return nil, fmt.Errorf("it was issued by %s, which certifies other CAs; only the lowest CAs may issue identities", chain[1].Subject.CommonName)
	}
	return chain, nil
}

// certifiersOf hashes the path of a CA named in a configuration, as OU
// identifiers carry it.
func (a *authorities) certifiersOf(caPEM []byte) ([]byte, error) {
	cert, err := parsePEM(caPEM)
	if err != nil {
		return nil, err
	}
	for _, c := range append(a.roots[:len(a.roots):len(a.roots)], a.intermediates...) {
		if !bytes.Equal(c.RawTBSCertificate, cert.RawTBSCertificate) {
			continue
		}
		chain, err := a.chain(c)
		if err != nil {
			return nil, err
		}
		if len(chain) > 1 && a.inner[string(c.Raw)] {
			return nil, fmt.Errorf("CA %s certifies other CAs and issues no identities", c.Subject.CommonName)
		}
		return hashChain(chain), nil
	}
	return nil, fmt.Errorf("CA %s is neither a root nor an intermediate CA of the organisation", cert.Subject.CommonName)
}

func hashChain(chain []*x509.Certificate) []byte {
	h := sha256.New()
	for _, c := range chain {
		h.Write(c.Raw)
	}
	return h.Sum(nil)
}

// withLowS returns cert with its issuer's signature in low-S form, cert itself
// where it has that already.
func withLowS(cert, issuer *x509.Certificate) (*x509.Certificate, error) {
	pub, ok := issuer.PublicKey.(*ecdsa.PublicKey)
	if !ok || !isECDSASigned(cert) {
		return cert, nil
	}
	low, err := toLowS(pub.Curve, cert.Signature)
	if err != nil {
		return nil, fmt.Errorf("the certificate's signature: %w", err)
	}
	if bytes.Equal(low, cert.Signature) {
		return cert, nil
	}
	var parts struct {
		TBS, Algorithm asn1.RawValue
		Signature      asn1.BitString
	}
	if _, err := asn1.Unmarshal(cert.Raw, &parts); err != nil {
		return nil, fmt.Errorf("take the certificate apart: %w", err)
	}
	parts.Signature = asn1.BitString{Bytes: low, BitLength: 8 * len(low)}
	der, err := asn1.Marshal(parts)
	if err != nil {
		return nil, fmt.Errorf("put the certificate together: %w", err)
	}
	return x509.ParseCertificate(der)
}
