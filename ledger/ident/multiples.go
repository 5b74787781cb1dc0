package ident

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/fips140"
	"encoding/binary"
	"math/big"
	"sync"

	"filippo.io/nistec"
)

const (
	// maxTables is how many keys have a table, of 254 KiB each: the peers and
	// orderers of a channel, which sign every block, and its busiest clients.
	maxTables = 32
	// worthwhile is after how many checks a key gets a table. Making one takes
	// as long as twenty checks or so.
	worthwhile = 128
	// idle is how many checks, of whatever key, a table is kept without use
	// when others are in want of its place.
	idle = 64 * maxTables
	// maxCounted bounds the keys that are counted before they get a table.
	maxCounted = 4096
)

// multiples keeps tables of the public keys whose signatures are checked again
// and again: half the work of a check is to multiply the key, and with a table
// most of that is done. It is safe for concurrent use.
type multiples struct {
	mu     sync.Mutex
	checks uint64
	tables map[[32]byte]*kept
	counts map[[32]byte]int // checks of keys without a table
}

type kept struct {
	table *table
	last  uint64 // the check that used it last
}

func newMultiples() *multiples {
	return &multiples{tables: map[[32]byte]*kept{}, counts: map[[32]byte]int{}}
}

// of returns the table of a key, made now if it is worthwhile, or nil. The hash
// names the key.
func (m *multiples) of(hash [32]byte, pub *ecdsa.PublicKey) *table {
	if m == nil || pub.Curve != elliptic.P256() || fips140.Enabled() {
		return nil // FIPS mode has checks to be made by the certified module
	}
	t, wanted := m.look(hash)
	if !wanted {
		return t
	}
	t = newTable(pub)
	if t == nil {
		return nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.room() {
		m.tables[hash] = &kept{t, m.checks}
	}
	return t
}

// look counts a check of a key. It finds the key's table, or tells that it is
// time to make one.
func (m *multiples) look(hash [32]byte) (t *table, wanted bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.checks++
	if k := m.tables[hash]; k != nil {
		k.last = m.checks
		return k.table, false
	}
	if len(m.counts) >= maxCounted {
		clear(m.counts) // so many keys that none of them is busy
	}
	m.counts[hash]++
	if m.counts[hash] < worthwhile {
		return nil, false
	}
	delete(m.counts, hash)
	return nil, m.room()
}

// room makes sure that there is a place for one more table, if need be that of
// the one that was not used for longest.
func (m *multiples) room() bool {
	if len(m.tables) < maxTables {
		return true
	}
	var oldest [32]byte
	last := m.checks
	for hash, k := range m.tables {
		if k.last <= last {
			oldest, last = hash, k.last
		}
	}
	if last+idle > m.checks {
		return false
	}
	delete(m.tables, oldest)
	return true
}

const (
	windowBits = 6
	windows    = (256 + windowBits - 1) / windowBits
)

// table holds d·2^(6i)·Q of a public key Q for each window i of a scalar and each
// digit d but zero: a product is then one sum for each window. It is immutable.
// Everything about a check of a signature is public, so it need not take the same
// time for all.
type table [windows][1<<windowBits - 1]nistec.P256Point

// newTable makes the table of a key on P-256; nil if it is not on the curve.
func newTable(pub *ecdsa.PublicKey) *table {
	raw, err := pub.Bytes()
	if err != nil {
		return nil
	}
	base, err := nistec.NewP256Point().SetBytes(raw)
	if err != nil {
		return nil
	}
	t := new(table)
	for i := range t {
		w := &t[i]
		for d := range w {
			w[d] = *nistec.NewP256Point()
			if d == 0 {
				w[d].Set(base)
			} else {
				w[d].Add(&w[d-1], base)
			}
		}
		base.Double(&w[1<<(windowBits-1)-1])
	}
	return t
}

// addTo adds k·Q to a point; k has 32 bytes, the highest first.
func (t *table) addTo(sum *nistec.P256Point, k *[32]byte) {
	var limbs [5]uint64 // lowest first; the fifth is for a window over the end
	for i := range 4 {
		limbs[i] = binary.BigEndian.Uint64(k[24-8*i:])
	}
	for i := range t {
		at := i * windowBits
		bits := limbs[at/64] >> (at % 64)
		if at%64 > 64-windowBits {
			bits |= limbs[at/64+1] << (64 - at%64)
		}
		if d := bits & (1<<windowBits - 1); d > 0 {
			sum.Add(sum, &t[i][d-1])
		}
	}
}

// verify checks an ECDSA signature over a digest, as ecdsa.Verify does.
func (t *table) verify(digest *[32]byte, r, s *big.Int) bool {
	n := elliptic.P256().Params().N
	if r.Sign() <= 0 || s.Sign() <= 0 || r.Cmp(n) >= 0 || s.Cmp(n) >= 0 {
		return false
	}
	w := new(big.Int).ModInverse(s, n)
	u := new(big.Int).SetBytes(digest[:])
	u.Mul(u, w).Mod(u, n)
	var k [32]byte
	sum, err := nistec.NewP256Point().ScalarBaseMult(u.FillBytes(k[:]))
	if err != nil {
		return false
	}
	u.Mul(r, w).Mod(u, n)
	u.FillBytes(k[:])
	t.addTo(sum, &k)
	x, err := sum.BytesX()
	if err != nil { // infinity
		return false
	}
	u.SetBytes(x)
	return u.Mod(u, n).Cmp(r) == 0
}
