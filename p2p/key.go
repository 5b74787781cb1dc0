package p2p

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"errors"
	"fmt"

	libcrypto "github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/crypto/pb"
	"github.com/libp2p/go-libp2p/core/peer"
)

// signerKey is the host's key as libp2p sees it. It can sign and show its
// public half; the private bytes may be in an HSM and are never given out.
type signerKey struct {
	public libcrypto.PubKey
	sign   func(msg []byte) ([]byte, error)
}

var errNoRawKey = errors.New("the node's private key cannot be read, only used to sign")

// probe is signed once at start, to find a signer whose key is not Public.
var probe = []byte("weft p2p: does this signer hold the key of this identity?")

func newSignerKey(public crypto.PublicKey, sign func([]byte) ([]byte, error)) (*signerKey, error) {
	pub, err := publicKey(public)
	if err != nil {
		return nil, err
	}
	sig, err := sign(probe)
	if err != nil {
		return nil, fmt.Errorf("sign with the node's key: %w", err)
	}
	if ok, err := pub.Verify(probe, sig); err != nil || !ok {
		return nil, errors.New("the signer does not sign with the key of the node's identity")
	}
	return &signerKey{public: pub, sign: sign}, nil
}

func (k *signerKey) Type() pb.KeyType                { return k.public.Type() }
func (k *signerKey) GetPublic() libcrypto.PubKey     { return k.public }
func (k *signerKey) Sign(msg []byte) ([]byte, error) { return k.sign(msg) }
func (k *signerKey) Raw() ([]byte, error)            { return nil, errNoRawKey }

// Equals compares the public halves: there is nothing else to compare.
func (k *signerKey) Equals(other libcrypto.Key) bool {
	o, ok := other.(libcrypto.PrivKey)
	return ok && k.public.Equals(o.GetPublic())
}

func publicKey(key crypto.PublicKey) (libcrypto.PubKey, error) {
	switch key := key.(type) {
	case *ecdsa.PublicKey:
		// Encoding the point rejects one that is not on its curve.
		if _, err := key.Bytes(); err != nil {
			return nil, fmt.Errorf("public key: %w", err)
		}
		return libcrypto.ECDSAPublicKeyFromPubKey(*key)
	case ed25519.PublicKey:
		return libcrypto.UnmarshalEd25519PublicKey(bytes.Clone(key))
	default:
		return nil, fmt.Errorf("public key: a %T cannot be a peer id; use ECDSA or Ed25519", key)
	}
}

func peerID(key crypto.PublicKey) (peer.ID, error) {
	pub, err := publicKey(key)
	if err != nil {
		return "", err
	}
	return peer.IDFromPublicKey(pub)
}

// IDFromKey derives the peer id of a public key.
func IDFromKey(key crypto.PublicKey) (ID, error) {
	id, err := peerID(key)
	if err != nil {
		return "", err
	}
	return ID(id.String()), nil
}

func decodeID(id ID) (peer.ID, error) {
	p, err := peer.Decode(string(id))
	if err != nil {
		return "", fmt.Errorf("peer id %q: %w", id, err)
	}
	return p, nil
}
