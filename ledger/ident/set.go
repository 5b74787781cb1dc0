package ident

import (
	"crypto/sha256"
	"crypto/x509"
	"fmt"
	"maps"
	"slices"
	"strings"

	lru "github.com/hashicorp/golang-lru/v2"
)

// maxCachedIdentities is per Set. An entry takes about 8 KiB, and a busy channel
// sees some hundred clients.
const maxCachedIdentities = 4096

// Set holds the MSPs of one channel. It is safe for concurrent use and caches
// the identities that it has parsed.
type Set struct {
	msps  map[string]*MSP
	cache *lru.Cache[[32]byte, *Identity]
	memo  *Memo
}

// NewSet joins MSPs; two with one id are refused.
func NewSet(msps ...*MSP) (*Set, error) {
	byID := make(map[string]*MSP, len(msps))
	for _, m := range msps {
		if byID[m.id] != nil {
			return nil, fmt.Errorf("join MSPs: two have the id %q", m.id)
		}
		byID[m.id] = m
	}
	return newSet(byID, NewMemo()), nil
}

func newSet(msps map[string]*MSP, memo *Memo) *Set {
	return &Set{msps: msps, cache: newCache(), memo: memo}
}

// Succeed joins the MSPs of the config that follows. The new Set remembers the
// signatures that s does, and the identities of those MSPs that it has from s.
func (s *Set) Succeed(msps ...*MSP) (*Set, error) {
	next, err := NewSet(msps...)
	if err != nil {
		return nil, err
	}
	next.memo = s.memo
	for _, key := range s.cache.Keys() {
		if id, ok := s.cache.Peek(key); ok && next.msps[id.MSPID] == id.msp {
			next.cache.Add(key, id)
		}
	}
	return next, nil
}

// WithMemo returns a Set of the same MSPs that shares memo, so that a signature
// checked for one channel, or under an older config, is not checked again.
func (s *Set) WithMemo(memo *Memo) *Set { return newSet(s.msps, memo) }

// MSP returns the MSP with that id, or nil.
func (s *Set) MSP(id string) *MSP { return s.msps[id] }

// IDs are the MSP ids, sorted.
func (s *Set) IDs() []string { return slices.Sorted(maps.Keys(s.msps)) }

// TLSRoots is the pool of an organisation's TLS CAs, nil if it is unknown.
func (s *Set) TLSRoots(mspID string) *x509.CertPool {
	if m := s.msps[mspID]; m != nil {
		return m.TLSRoots
	}
	return nil
}

// Identity parses a msp.SerializedIdentity, checks that it is well-formed, that
// its chain leads to its organisation's roots, that it is not revoked and that
// its OUs are sound. It does not look at expiry.
func (s *Set) Identity(serialized []byte) (*Identity, error) {
	key := sha256.Sum256(serialized)
	if id, ok := s.cache.Get(key); ok {
		return id, nil
	}
	mspID, cert, err := Parse(serialized)
	if err != nil {
		return nil, err
	}
	m := s.msps[mspID]
	if m == nil {
		return nil, fmt.Errorf("identity %q: its organisation %q is unknown; known are %s",
			cert.Subject.CommonName, mspID, strings.Join(s.IDs(), ", "))
	}
	id, err := m.identity(cert)
	if err != nil {
		return nil, fmt.Errorf("identity %q of %s: %w", cert.Subject.CommonName, mspID, err)
	}
	id.Serialized = slices.Clone(serialized)
	id.memo = s.memo
	s.cache.Add(key, id)
	return id, nil
}

func newCache() *lru.Cache[[32]byte, *Identity] {
	c, err := lru.New[[32]byte, *Identity](maxCachedIdentities)
	if err != nil {
		panic(err) // only a size below one, and ours is a constant
	}
	return c
}
