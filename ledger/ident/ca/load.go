package ca

import (
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/weft-network/weft/ledger/ident"
)

// Load opens an organisation that Write wrote into its folder dir, so that more
// members can be made under the same CAs. Those that exist are not loaded.
func Load(dir string, spec Spec) (*Org, error) {
	if err := spec.complete(); err != nil {
		return nil, fmt.Errorf("load organisation %q: %w", spec.Name, err)
	}
	ca, err := loadAuthority(filepath.Join(dir, "ca"), "ca."+spec.Domain)
	if err != nil {
		return nil, fmt.Errorf("load organisation %q: signing CA: %w", spec.Name, err)
	}
	tlsCA, err := loadAuthority(filepath.Join(dir, "tlsca"), "tlsca."+spec.Domain)
	if err != nil {
		return nil, fmt.Errorf("load organisation %q: TLS CA: %w", spec.Name, err)
	}
	return &Org{Spec: spec, ca: ca, tlsCA: tlsCA, members: map[string]*Member{}}, nil
}

func loadAuthority(dir, cn string) (*authority, error) {
	a := &authority{}
	var err error
	if a.pem, err = os.ReadFile(filepath.Join(dir, cn+"-cert.pem")); err != nil {
		return nil, err
	}
	if a.keyPEM, err = os.ReadFile(filepath.Join(dir, "priv_sk")); err != nil {
		return nil, err
	}
	cert, key := firstBlock(a.pem), firstBlock(a.keyPEM)
	if a.cert, err = x509.ParseCertificate(cert); err != nil {
		return nil, fmt.Errorf("certificate in %s: %w", dir, err)
	}
	private, err := x509.ParsePKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("key in %s: %w", dir, err)
	}
	signer, ok := private.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("key in %s: a %T cannot sign", dir, private)
	}
	public, ok := signer.Public().(interface{ Equal(crypto.PublicKey) bool })
	if !ok || !public.Equal(a.cert.PublicKey) {
		return nil, errors.New("the key does not belong to the certificate in " + dir)
	}
	a.key = ident.LowS(signer)
	return a, nil
}

// firstBlock is the content of a PEM text, nil if it is none.
func firstBlock(text []byte) []byte {
	if b, _ := pem.Decode(text); b != nil {
		return b.Bytes
	}
	return nil
}
