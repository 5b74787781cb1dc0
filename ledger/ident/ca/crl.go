package ca

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"time"
)

// CRL is a revocation list of the signing CA in PEM form that names the
// members, dated at.
func (o *Org) CRL(number int64, at time.Time, revoked ...*Member) ([]byte, error) {
	list := &x509.RevocationList{Number: big.NewInt(number), ThisUpdate: at, NextUpdate: at.Add(tenYears)}
	for _, m := range revoked {
		list.RevokedCertificateEntries = append(list.RevokedCertificateEntries,
			x509.RevocationListEntry{SerialNumber: m.Cert().SerialNumber, RevocationTime: at})
	}
	der, err := x509.CreateRevocationList(o.Spec.Rand, list, o.ca.cert, o.ca.key)
	if err != nil {
		return nil, fmt.Errorf("make CRL %d of %s: %w", number, o.Spec.MSPID, err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: der}), nil
}
