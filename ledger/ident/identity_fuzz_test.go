package ident_test

import (
	"bytes"
	"testing"

	"github.com/hyperledger/fabric-protos-go-apiv2/msp"
	"github.com/weft-network/weft/ledger/ident"
	"github.com/weft-network/weft/ledger/ident/ca"
	"github.com/weft-network/weft/ledger/ident/catest"
	"google.golang.org/protobuf/proto"
)

// FuzzCertificate takes a certificate from outside, in the right wrapping, so
// that a fuzzer gets to the certificate itself.
func FuzzCertificate(f *testing.F) {
	org := catest.New(f, "Org1")
	set := catest.Set(f, org)
	for _, m := range []*ca.Member{org.User("User1"), org.Peer("peer0"), org.User("Ed", ca.WithEd25519()), org.User("None", ca.WithOUs())} {
		f.Add(m.Cert().Raw)
	}
	f.Add(catest.New(f, "Org2").User("User1").Cert().Raw)
	f.Fuzz(func(t *testing.T, der []byte) {
		serialized := serialize(t, "Org1MSP", pemOf("CERTIFICATE", der))
		id, err := set.Identity(serialized)
		if err != nil {
			return
		}
		if !id.Has(ident.RoleMember) || len(id.Roles()) != 2 {
			t.Fatalf("%s has the roles %v", id, id.Roles())
		}
		// Its one form is an identity too, and the same.
		again, err := set.Identity(serialize(t, "Org1MSP", pemOf("CERTIFICATE", id.Cert.Raw)))
		if err != nil || again.Key() != id.Key() {
			t.Fatalf("%s is another identity in its low-S form: %v", id, err)
		}
	})
}

// FuzzMSP takes an organisation's configuration from outside.
func FuzzMSP(f *testing.F) {
	org := catest.New(f, "Org1")
	user := org.User("User1").Serialized
	f.Add(org.Config().Config)
	old := &msp.FabricMSPConfig{}
	if err := proto.Unmarshal(org.Config().Config, old); err != nil {
		f.Fatal(err)
	}
	old.FabricNodeOus, old.Admins = nil, [][]byte{org.Admin("Admin").CertPEM}
	raw, err := proto.Marshal(old)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, err := ident.NewMSP(&msp.MSPConfig{Config: raw})
		if err != nil {
			return
		}
		if m.ID() == "" || m.TLSRoots == nil {
			t.Fatalf("an MSP without an id or TLS roots")
		}
		set, err := ident.NewSet(m)
		if err != nil {
			t.Fatal(err)
		}
		if id, err := set.Identity(user); err == nil && !bytes.Equal(id.Serialized, user) {
			t.Fatalf("odd identity %s", id)
		}
	})
}
