// Package client carries out what a user or an administrator asks of a network:
// it signs as an identity from an MSP folder and speaks to peers and orderers.
package client

import (
	"crypto/tls"
	"fmt"
	"path/filepath"

	"github.com/weft-network/weft/ledger/ident"
)

// Identity is a user with the keys to sign and to be known by TLS.
type Identity struct {
	ident.Signer
	// TLS is the client certificate, for ports that ask for one.
	TLS tls.Certificate
}

// LoadIdentity reads a user's folder (msp/ and tls/), as cryptogen lays it out.
func LoadIdentity(userDir, mspID string) (*Identity, error) {
	signer, err := ident.LoadSigner(filepath.Join(userDir, "msp"), mspID)
	if err != nil {
		return nil, err
	}
	cert, err := tls.LoadX509KeyPair(filepath.Join(userDir, "tls", "client.crt"), filepath.Join(userDir, "tls", "client.key"))
	if err != nil {
		return nil, fmt.Errorf("load the TLS certificate of %s: %w", filepath.Base(userDir), err)
	}
	return &Identity{Signer: signer, TLS: cert}, nil
}
