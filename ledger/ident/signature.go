package ident

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/asn1"
	"errors"
	"fmt"
	"io"
	"math/big"
)

// maxMemoBytes is the longest signature that is worth remembering: one by
// ECDSA P-521 takes at most 139 bytes, an Ed25519 one 64. Longer ones carry
// padding, which Fabric lets pass, and are checked each time.
const maxMemoBytes = 144

// ecdsaSignature is the ASN.1 form of an ECDSA signature.
type ecdsaSignature struct{ R, S *big.Int }

// parseECDSA reads a sequence of two positive numbers. As in Fabric, bytes that
// follow are not looked at: a block must be judged the same by both.
func parseECDSA(sig []byte) (ecdsaSignature, error) {
	rs, ok := parseShort(sig)
	if ok {
		return rs, nil
	}
	_, err := asn1.Unmarshal(sig, &rs)
	switch {
	case err != nil:
		return rs, fmt.Errorf("signature is not ASN.1 of two numbers: %w", err)
	case rs.R.Sign() <= 0 || rs.S.Sign() <= 0:
		return rs, errors.New("signature holds a number that is not positive")
	}
	return rs, nil
}

// parseShort reads what nearly every signature is: a sequence and two positive
// numbers in the shortest form, with lengths of one byte. It is silent about
// all others.
func parseShort(sig []byte) (rs ecdsaSignature, ok bool) {
	if len(sig) < 2 || sig[0] != 0x30 || sig[1] >= 0x80 || int(sig[1]) > len(sig)-2 {
		return rs, false
	}
	r, rest := cutPositive(sig[2 : 2+sig[1]])
	s, rest := cutPositive(rest)
	if r == nil || s == nil || len(rest) > 0 {
		return rs, false
	}
	return ecdsaSignature{new(big.Int).SetBytes(r), new(big.Int).SetBytes(s)}, true
}

// cutPositive takes a positive number in its shortest form off b, or nothing.
func cutPositive(b []byte) (n, rest []byte) {
	if len(b) < 3 || b[0] != 0x02 || b[1] == 0 || b[1] >= 0x80 || int(b[1]) > len(b)-2 {
		return nil, nil
	}
	n, rest = b[2:2+b[1]], b[2+b[1]:]
	switch {
	case n[0] >= 0x80: // negative
		return nil, nil
	case n[0] == 0 && (len(n) == 1 || n[1] < 0x80): // zero, or not the shortest
		return nil, nil
	}
	return n, rest
}

// isHighS reports whether s is above half the order of the curve. For every
// signature (r, s) there is a second good one, (r, n-s); only the low one counts,
// so that nobody can alter a signed message without its key.
func isHighS(curve elliptic.Curve, s *big.Int) bool {
	n := curve.Params().N
	if s.BitLen() < n.BitLen()-1 {
		return false
	}
	return s.Cmp(new(big.Int).Rsh(n, 1)) > 0
}

// toLowS rewrites a signature into its low-S form, without anything after it.
func toLowS(curve elliptic.Curve, sig []byte) ([]byte, error) {
	rs, short := parseShort(sig)
	if !short {
		var err error
		if rs, err = parseECDSA(sig); err != nil {
			return nil, err
		}
	}
	high := isHighS(curve, rs.S)
	if short && !high && len(sig) == 2+int(sig[1]) {
		return sig, nil
	}
	if high {
		rs.S.Sub(curve.Params().N, rs.S)
	}
	return asn1.Marshal(rs)
}

// LowS wraps an ECDSA key, which may sit in an HSM, so that its signatures have
// low S. Other keys are returned as they are.
func LowS(key crypto.Signer) crypto.Signer {
	if pub, ok := key.Public().(*ecdsa.PublicKey); ok {
		return lowSKey{key, pub}
	}
	return key
}

type lowSKey struct {
	crypto.Signer
	pub *ecdsa.PublicKey
}

// Sign passes no source of randomness on: a software key then signs by
// RFC 6979, an HSM uses its own.
func (k lowSKey) Sign(_ io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	sig, err := k.Signer.Sign(nil, digest, opts)
	if err != nil {
		return nil, err
	}
	return toLowS(k.pub.Curve, sig)
}

// checkKey refuses public keys that members may not use.
func checkKey(pub crypto.PublicKey) error {
	switch pub.(type) {
	case *ecdsa.PublicKey:
		return nil // on any curve that x509 reads: P-224 to P-521
	case ed25519.PublicKey:
		return nil
	}
	return fmt.Errorf("keys of type %T are not supported; use ECDSA or Ed25519", pub)
}

// verifySignature checks sig over msg without remembering anything. The digest
// is SHA-256 of msg, which the caller has at hand; tables finds that of an ECDSA
// key, or nil.
func verifySignature(pub crypto.PublicKey, msg []byte, digest [sha256.Size]byte, sig []byte, tables func(*ecdsa.PublicKey) *table) error {
	switch pub := pub.(type) {
	case *ecdsa.PublicKey:
		rs, err := parseECDSA(sig)
		if err != nil {
			return err
		}
		if isHighS(pub.Curve, rs.S) {
			return errors.New("signature has a high S; only the low-S form is accepted")
		}
		if t := tables(pub); t != nil {
			if !t.verify(&digest, rs.R, rs.S) {
				return errBadSignature
			}
			return nil
		}
		if !ecdsa.Verify(pub, digest[:], rs.R, rs.S) {
			return errBadSignature
		}
		return nil
	case ed25519.PublicKey:
		if !ed25519.Verify(pub, msg, sig) {
			return errBadSignature
		}
		return nil
	}
	return fmt.Errorf("keys of type %T cannot verify", pub)
}

var errBadSignature = errors.New("signature does not match the message and the certificate")
