package ident

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
)

// revocations are the revoked serial numbers by the DER of the CA that issued them.
type revocations map[string]map[string]bool

// newRevocations reads CRLs, PEM or DER. Each must be signed by a CA of the
// organisation: one that is not would revoke nothing, silently.
func newRevocations(crls [][]byte, cas *authorities) (revocations, error) {
	if len(crls) > maxCertificates {
		return nil, fmt.Errorf("there are %d CRLs, more than %d", len(crls), maxCertificates)
	}
	r := revocations{}
	for i, raw := range crls {
		if block, _ := pem.Decode(raw); block != nil {
			raw = block.Bytes
		}
		crl, err := x509.ParseRevocationList(raw)
		if err != nil {
			return nil, fmt.Errorf("CRL %d: %w", i, err)
		}
		if err := r.add(crl, cas); err != nil {
			return nil, fmt.Errorf("CRL %d: %w", i, err)
		}
	}
	return r, nil
}

func (r revocations) add(crl *x509.RevocationList, cas *authorities) error {
	if len(crl.AuthorityKeyId) == 0 {
		return errors.New("it has no authority key identifier")
	}
	signed := false
	for _, ca := range append(cas.roots[:len(cas.roots):len(cas.roots)], cas.intermediates...) {
		if !bytes.Equal(ca.SubjectKeyId, crl.AuthorityKeyId) ||
			ca.CheckSignature(crl.SignatureAlgorithm, crl.RawTBSRevocationList, crl.Signature) != nil {
			continue
		}
		signed = true
		serials := r[string(ca.Raw)]
		if serials == nil {
			serials = map[string]bool{}
			r[string(ca.Raw)] = serials
		}
		for _, e := range crl.RevokedCertificateEntries {
			serials[string(e.SerialNumber.Bytes())] = true
		}
	}
	if !signed {
		return errors.New("it is signed by none of the organisation's CAs")
	}
	return nil
}

// check refuses the first certificate of a chain if its issuer revoked it. The
// date of the revocation does not matter: it counts from the config on.
func (r revocations) check(chain []*x509.Certificate) error {
	if len(chain) < 2 || !r[string(chain[1].Raw)][string(chain[0].SerialNumber.Bytes())] {
		return nil
	}
	return fmt.Errorf("the certificate (serial number %x) has been revoked", chain[0].SerialNumber)
}
