package ca_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/weft-network/weft/ledger/ident"
	"github.com/weft-network/weft/ledger/ident/ca"
	"github.com/weft-network/weft/ledger/ident/catest"
)

// A member made after loading is one of the organisation that was written.
func TestLoadedOrganisationMakesMoreMembers(t *testing.T) {
	org := catest.New(t, "Org1")
	org.Peer("peer0")
	dir, err := org.Write(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	again, err := ca.Load(dir, org.Spec)
	if err != nil {
		t.Fatal(err)
	}
	m, err := again.Peer("peer9")
	if err != nil {
		t.Fatal(err)
	}
	conf, err := ident.LoadConfig(filepath.Join(dir, "msp"), org.Spec.MSPID)
	if err != nil {
		t.Fatal(err)
	}
	msp, err := ident.NewMSP(conf)
	if err != nil {
		t.Fatal(err)
	}
	set, err := ident.NewSet(msp)
	if err != nil {
		t.Fatal(err)
	}
	if id, err := set.Identity(m.Serialized); err != nil || !id.Has(ident.RolePeer) {
		t.Fatalf("%v, %v", id, err)
	}
}

func TestLoadRefusesAKeyOfAnotherCA(t *testing.T) {
	org, other := catest.New(t, "Org1"), catest.New(t, "Org2")
	dir, err := org.Write(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := other.Write(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	key, err := os.ReadFile(filepath.Join(foreign, "ca", "priv_sk"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "ca", "priv_sk"), key, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ca.Load(dir, org.Spec); err == nil {
		t.Fatal("loaded")
	}
}
