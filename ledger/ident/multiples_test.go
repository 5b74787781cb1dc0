//go:build (amd64 || arm64) && !purego

package ident

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/binary"
	"math/big"
	"math/rand/v2"
	"testing"
)

// privateKey is k·G.
func privateKey(t testing.TB, k *big.Int) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), k.FillBytes(make([]byte, 32)))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func sign(t testing.TB, key *ecdsa.PrivateKey, digest [32]byte) (r, s *big.Int) {
	t.Helper()
	raw, err := key.Sign(nil, digest[:], crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	rs, err := parseECDSA(raw)
	if err != nil {
		t.Fatal(err)
	}
	return rs.R, rs.S
}

func TestTablesJudgeSignaturesAsTheLibraryDoes(t *testing.T) {
	n := elliptic.P256().Params().N
	const seed = 7
	rnd := rand.New(rand.NewPCG(seed, seed))
	keys := []*big.Int{big.NewInt(1), big.NewInt(2), big.NewInt(128), big.NewInt(129), new(big.Int).Sub(n, big.NewInt(1))}
	for range 8 {
		k := new(big.Int)
		for range 4 {
			k.Lsh(k, 64).Or(k, new(big.Int).SetUint64(rnd.Uint64()))
		}
		keys = append(keys, k.Mod(k, n).Add(k, big.NewInt(1)))
	}
	for _, k := range keys {
		key := privateKey(t, k)
		table := newTable(&key.PublicKey)
		for i := range 40 {
			digest := sha256.Sum256(binary.BigEndian.AppendUint64(k.Bytes(), uint64(i)))
			r, s := sign(t, key, digest)
			same(t, table, key, digest, r, s, true)
			same(t, table, key, digest, r, new(big.Int).Sub(n, s), true)
			same(t, table, key, digest, s, r, false)
			same(t, table, key, digest, new(big.Int).Add(r, big.NewInt(1)), s, false)
			same(t, table, key, digest, new(big.Int).Add(r, n), s, false)
			same(t, table, key, digest, r, new(big.Int).Add(s, n), false)
			same(t, table, key, digest, r, new(big.Int), false)
			same(t, table, key, digest, new(big.Int).Neg(r), s, false)
			digest[i%32] ^= 1 << (i % 8)
			same(t, table, key, digest, r, s, false)
			// A digest whose sum is infinity: e = -r·k.
			e := new(big.Int).Mul(r, k)
			e.Neg(e).Mod(e, n).FillBytes(digest[:])
			same(t, table, key, digest, r, s, false)
			// And one whose two products are equal: e = r·k.
			e.Mul(r, k).Mod(e, n).FillBytes(digest[:])
			same(t, table, key, digest, r, s, false)
		}
	}
}

func same(t *testing.T, table *table, key *ecdsa.PrivateKey, digest [32]byte, r, s *big.Int, want bool) {
	t.Helper()
	if lib := ecdsa.Verify(&key.PublicKey, digest[:], r, s); lib != want {
		t.Fatalf("the library says %v of %v %v", lib, r, s)
	}
	if got := table.verify(&digest, r, s); got != want {
		t.Fatalf("key %v, digest %x, signature %v %v: %v", key.PublicKey, digest, r, s, got)
	}
}

func TestOnlyBusyKeysGetATable(t *testing.T) {
	m := newMultiples()
	key := privateKey(t, big.NewInt(5))
	name := func(i int) [32]byte { return sha256.Sum256(binary.BigEndian.AppendUint64(nil, uint64(i))) }
	use := func(i, times int) (had bool) {
		for range times {
			had = m.of(name(i), &key.PublicKey) != nil
		}
		return had
	}
	if use(0, worthwhile-1) {
		t.Fatal("a table was made too early")
	}
	for i := range maxTables {
		if !use(i, worthwhile) {
			t.Fatalf("key %d has no table", i)
		}
	}
	for i := range maxTables {
		use(i, 1)
	}
	if use(maxTables, worthwhile) {
		t.Fatal("a table was made although all are in use")
	}
	use(1, idle) // and no other
	if !use(maxTables, worthwhile) || len(m.tables) != maxTables {
		t.Fatal("no idle table made room")
	}
	if !use(1, 1) {
		t.Fatal("the busiest key has lost its table")
	}
	for i := range 2 * maxCounted {
		use(maxTables+1+i, 1)
	}
	if len(m.counts) > maxCounted {
		t.Fatalf("%d keys are counted", len(m.counts))
	}
}

func TestOtherCurvesGetNoTable(t *testing.T) {
	m := newMultiples()
	key := &ecdsa.PublicKey{Curve: elliptic.P384()}
	for range 2 * worthwhile {
		if m.of([32]byte{}, key) != nil {
			t.Fatal("a table for P-384")
		}
	}
	if (*multiples)(nil).of([32]byte{}, key) != nil {
		t.Fatal("a table from nothing")
	}
}

func BenchmarkCheck(b *testing.B) {
	key := privateKey(b, big.NewInt(1234567))
	digest := sha256.Sum256([]byte("message"))
	r, s := sign(b, key, digest)
	table := newTable(&key.PublicKey)
	b.Run("library", func(b *testing.B) {
		for b.Loop() {
			if !ecdsa.Verify(&key.PublicKey, digest[:], r, s) {
				b.Fatal("refused")
			}
		}
	})
	b.Run("table", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if !table.verify(&digest, r, s) {
				b.Fatal("refused")
			}
		}
	})
	b.Run("make", func(b *testing.B) {
		for b.Loop() {
			newTable(&key.PublicKey)
		}
	})
}
