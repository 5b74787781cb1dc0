package ident

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/fips140"
	"sync"
)

const (
	// maxTables is how many keys have a table, of 832 KiB each: the peers and
	// orderers of a channel, which sign every block, and its busiest clients.
	maxTables = 32
	// worthwhile is after how many checks a key gets a table. Making one takes
	// as long as some sixty checks without.
	worthwhile = 256
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
