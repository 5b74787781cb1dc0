//go:build !(amd64 || arm64) || purego

package ident

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"testing"
)

func TestNoKeyGetsATableHere(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	m := newMultiples()
	for range 3 * worthwhile {
		if m.of([32]byte{1}, &key.PublicKey) != nil {
			t.Fatal("a table that judges nothing")
		}
	}
}
