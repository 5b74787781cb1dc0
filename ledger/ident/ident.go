// Package ident is Fabric's MSP: it turns certificates into identities with an
// organisation and roles, checks their chains, and verifies what they signed.
//
// Validity never depends on the wall clock: a chain is checked at the
// certificate's NotBefore + 1 s, so that a block is judged the same for ever.
// Expiry is asked for separately, at the door, with ExpiresAt.
package ident

import (
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"time"
)

// Identity is one parsed and chain-checked certificate of an organisation.
// It is immutable and safe for concurrent use.
type Identity struct {
	MSPID string
	// Cert is the certificate; where its CA signed with a high S, with that
	// signature in its low-S form, so that one certificate has one form.
	Cert *x509.Certificate
	// Serialized is the msp.SerializedIdentity, as it travels.
	Serialized []byte

	msp        *MSP
	memo       *Memo
	roles      roleSet
	certifiers []byte   // hash of the CA chain; what OU principals ask for
	certHash   [32]byte // of Cert.Raw
	keyHash    [32]byte // of the public key
}

// ExpiresAt is the certificate's NotAfter.
func (id *Identity) ExpiresAt() time.Time { return id.Cert.NotAfter }

// Key is equal for two identities exactly when organisation and certificate are,
// however they were encoded on the way.
func (id *Identity) Key() string { return id.MSPID + string(id.certHash[:]) }

// String names the identity for people.
func (id *Identity) String() string { return id.Cert.Subject.CommonName + " of " + id.MSPID }

// Verify checks sig over msg: ECDSA over SHA-256 with low S, or Ed25519 over
// the message itself. Successes are remembered in the Memo of the Set that the
// identity came from.
func (id *Identity) Verify(msg, sig []byte) error {
	digest := sha256.Sum256(msg)
	if len(sig) > maxMemoBytes {
		return id.judge(msg, digest, sig)
	}
	known := memoKey(id.keyHash, digest, sig)
	if id.memo.has(known) {
		return nil
	}
	if err := id.judge(msg, digest, sig); err != nil {
		return err
	}
	id.memo.add(known)
	return nil
}

// Knows tells whether Verify would answer nil without a check.
func (id *Identity) Knows(msg, sig []byte) bool {
	return len(sig) <= maxMemoBytes && id.memo.has(memoKey(id.keyHash, sha256.Sum256(msg), sig))
}

// Vouch remembers sig over msg as good without a look at it: for signatures that
// this process has just made with the identity's own key, and will meet again
// in a block.
func (id *Identity) Vouch(msg, sig []byte) {
	if len(sig) <= maxMemoBytes {
		id.memo.add(memoKey(id.keyHash, sha256.Sum256(msg), sig))
	}
}

func (id *Identity) judge(msg []byte, digest [32]byte, sig []byte) error {
	tables := func(pub *ecdsa.PublicKey) *table { return id.memo.table(id.keyHash, pub) }
	if err := verifySignature(id.Cert.PublicKey, msg, digest, sig, tables); err != nil {
		return fmt.Errorf("verify signature of %s: %w", id, err)
	}
	return nil
}

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

var roleNames = [...]string{"member", "client", "peer", "admin", "orderer"}

// String is the role as policies write it.
func (r Role) String() string {
	if r < 0 || int(r) >= len(roleNames) {
		return fmt.Sprintf("role %d", int(r))
	}
	return roleNames[r]
}

type roleSet uint8

func (s roleSet) with(r Role) roleSet { return s | 1<<r }

// Has reports whether the identity holds the role; every identity is a member.
func (id *Identity) Has(r Role) bool {
	return r >= 0 && int(r) < len(roleNames) && id.roles&(1<<r) != 0
}

// Roles are the names of the roles held, member first.
func (id *Identity) Roles() []string {
	var names []string
	for r, name := range roleNames {
		if id.Has(Role(r)) {
			names = append(names, name)
		}
	}
	return names
}

// TxID is hex(SHA-256(nonce ‖ creator)), Fabric's transaction id.
func TxID(nonce, creator []byte) string {
	h := sha256.New()
	h.Write(nonce)
	h.Write(creator)
	return hex.EncodeToString(h.Sum(nil))
}
