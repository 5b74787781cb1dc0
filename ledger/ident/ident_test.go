package ident_test

import (
	"bytes"
	"encoding/asn1"
	"encoding/pem"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/hyperledger/fabric-protos-go-apiv2/msp"
	"github.com/weft-network/weft/ledger/ident"
	"github.com/weft-network/weft/ledger/ident/ca"
	"github.com/weft-network/weft/ledger/ident/catest"
	"google.golang.org/protobuf/proto"
)

func wantError(t *testing.T, err error, part string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), part) {
		t.Fatalf("got %v, want an error with %q", err, part)
	}
}

func TestRolesComeFromOUs(t *testing.T) {
	org := catest.New(t, "Org1")
	set := catest.Set(t, org)
	members := map[ident.Role]*ca.Member{
		ident.RoleClient: org.User("User1"), ident.RolePeer: org.Peer("peer0"),
		ident.RoleAdmin: org.Admin("Admin"), ident.RoleOrderer: org.Orderer("orderer0"),
	}
	for role, m := range members {
		id, err := set.Identity(m.Serialized)
		if err != nil {
			t.Fatal(err)
		}
		for r := ident.RoleMember; r <= ident.RoleOrderer; r++ {
			want := r == role || r == ident.RoleMember
			if id.Has(r) != want {
				t.Errorf("%s: Has(%s) = %v", id, r, id.Has(r))
			}
			if err := set.Satisfies(id, rolePrincipal("Org1MSP", r)); (err == nil) != want {
				t.Errorf("%s as %s: %v", id, r, err)
			}
			if set.Satisfies(id, rolePrincipal("Org2MSP", r)) == nil {
				t.Errorf("%s is %s of another organisation", id, r)
			}
		}
	}
}

func TestIdentityWithOtherThanOneRoleIsRefused(t *testing.T) {
	org := catest.New(t, "Org1")
	set := catest.Set(t, org)
	for name, ous := range map[string][]string{"None": nil, "Two": {"client", "peer"}, "Same": {"peer", "peer"}, "Other": {"sales"}} {
		_, err := set.Identity(org.User(name, ca.WithOUs(ous...)).Serialized)
		wantError(t, err, "exactly one of client, peer, admin and orderer")
	}
}

func TestSignatures(t *testing.T) {
	org := catest.New(t, "Org1")
	set := catest.Set(t, org)
	msg := []byte("message")
	for _, m := range []*ca.Member{org.User("User1"), org.User("Ed", ca.WithEd25519())} {
		id, err := set.Identity(m.Serialized)
		if err != nil {
			t.Fatal(err)
		}
		sig, err := m.Signer().Sign(msg)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 { // the second time from the memo
			if err := id.Verify(msg, sig); err != nil {
				t.Fatal(err)
			}
		}
		bad := bytes.Clone(sig)
		bad[len(bad)-1] ^= 1
		for _, forged := range [][]byte{nil, bad, sig[1:], make([]byte, 4096)} {
			if id.Verify(msg, forged) == nil {
				t.Errorf("%s: signature %x is taken", id, forged)
			}
		}
		if id.Verify([]byte("other"), sig) == nil {
			t.Errorf("%s: signature holds for another message", id)
		}
	}
}

// highS is the other good signature of the same message.
func highS(t *testing.T, m *ca.Member, sig []byte) []byte {
	t.Helper()
	var rs struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(sig, &rs); err != nil {
		t.Fatal(err)
	}
	n, _ := new(big.Int).SetString("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551", 16)
	if rs.S.Sub(n, rs.S); rs.S.Cmp(new(big.Int).Rsh(n, 1)) <= 0 {
		t.Fatal("the signer made a high S")
	}
	high, err := asn1.Marshal(rs)
	if err != nil {
		t.Fatal(err)
	}
	return high
}

func TestHighSIsRefused(t *testing.T) {
	org := catest.New(t, "Org1")
	user := org.User("User1")
	id, err := catest.Set(t, org).Identity(user.Serialized)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 16 {
		msg := []byte{byte(i)}
		sig, err := user.Signer().Sign(msg)
		if err != nil {
			t.Fatal(err)
		}
		if err := id.Verify(msg, sig); err != nil {
			t.Fatal(err)
		}
		wantError(t, id.Verify(msg, highS(t, user, sig)), "high S")
	}
}

func TestCertificateSignedWithHighSIsTheSameIdentity(t *testing.T) {
	org := catest.New(t, "Org1")
	user := org.User("User1")
	var parts struct {
		TBS, Algorithm asn1.RawValue
		Signature      asn1.BitString
	}
	if _, err := asn1.Unmarshal(user.Cert().Raw, &parts); err != nil {
		t.Fatal(err)
	}
	high := highS(t, user, parts.Signature.Bytes)
	parts.Signature = asn1.BitString{Bytes: high, BitLength: 8 * len(high)}
	der, err := asn1.Marshal(parts)
	if err != nil {
		t.Fatal(err)
	}
	set := catest.Set(t, org)
	a, err := set.Identity(user.Serialized)
	if err != nil {
		t.Fatal(err)
	}
	b, err := set.Identity(serialize(t, "Org1MSP", pemOf("CERTIFICATE", der)))
	if err != nil {
		t.Fatal(err)
	}
	if a.Key() != b.Key() {
		t.Fatal("one certificate counts as two identities")
	}
}

func pemOf(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

func serialize(t testing.TB, mspID string, text []byte) []byte {
	t.Helper()
	raw, err := ident.Serialize(mspID, text)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestIllFormedIdentitiesAreRefused(t *testing.T) {
	org := catest.New(t, "Org1")
	user := org.User("User1")
	set := catest.Set(t, org)
	for _, c := range []struct {
		name, mspID string
		text        []byte
		want        string
	}{
		{"two blocks", "Org1MSP", append(bytes.Clone(user.CertPEM), user.CertPEM...), "follow the certificate"},
		{"trailing byte", "Org1MSP", append(bytes.Clone(user.CertPEM), '\n'), "follow the certificate"},
		{"other type", "Org1MSP", pemOf("PUBLIC KEY", user.Cert().Raw), "not CERTIFICATE"},
		{"no PEM", "Org1MSP", user.Cert().Raw, "not in PEM form"},
		{"no certificate", "Org1MSP", pemOf("CERTIFICATE", []byte("x")), "no X.509 certificate"},
		{"trailing DER", "Org1MSP", pemOf("CERTIFICATE", append(bytes.Clone(user.Cert().Raw), 0)), "no X.509 certificate"},
		{"unknown organisation", "Org9MSP", user.CertPEM, `"Org9MSP" is unknown; known are Org1MSP`},
		{"a CA", "Org1MSP", org.CACertPEM(), "certificate of a CA"},
		{"foreign CA", "Org1MSP", catest.New(t, "Org2").User("User1").CertPEM, "does not lead to a root CA"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := set.Identity(serialize(t, c.mspID, c.text))
			wantError(t, err, c.want)
		})
	}
	_, err := set.Identity(bytes.Repeat([]byte{0}, 1<<20))
	wantError(t, err, "bytes, more than")
}

// Fabric reads an ECDSA signature up to its end and no further; a verifier that
// is stricter would disagree about blocks.
func TestBytesAfterAnECDSASignatureAreIgnored(t *testing.T) {
	org := catest.New(t, "Org1")
	user := org.User("User1")
	id, err := catest.Set(t, org).Identity(user.Serialized)
	if err != nil {
		t.Fatal(err)
	}
	sig, err := user.Signer().Sign([]byte("m"))
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{1, 4096} {
		if err := id.Verify([]byte("m"), append(bytes.Clone(sig), make([]byte, n)...)); err != nil {
			t.Error(err)
		}
	}
}

func TestEd25519CanBeRefused(t *testing.T) {
	org := catest.New(t, "Org1")
	m, err := ident.NewMSP(org.Config(), ident.WithoutEd25519())
	if err != nil {
		t.Fatal(err)
	}
	set, err := ident.NewSet(m)
	if err != nil {
		t.Fatal(err)
	}
	_, err = set.Identity(org.User("Ed", ca.WithEd25519()).Serialized)
	wantError(t, err, "V3_0")
}

func TestExpiryDoesNotChangeValidity(t *testing.T) {
	org := catest.New(t, "Org1")
	end := catest.Epoch().Add(time.Hour)
	id, err := catest.Set(t, org).Identity(org.User("Old", ca.ValidUntil(end)).Serialized)
	if err != nil || !id.ExpiresAt().Equal(end) {
		t.Fatalf("%v, expires at %s", err, id.ExpiresAt())
	}
}

func TestRevokedIdentityIsRefused(t *testing.T) {
	org := catest.New(t, "Org1")
	good, bad := org.User("Good"), org.User("Bad")
	crl, err := org.CRL(1, catest.Epoch(), bad)
	if err != nil {
		t.Fatal(err)
	}
	old := catest.Set(t, org)
	set, err := ident.NewSet(org.MSP(crl))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := set.Identity(good.Serialized); err != nil {
		t.Fatal(err)
	}
	_, err = set.Identity(bad.Serialized)
	wantError(t, err, "has been revoked")

	before, err := old.Identity(bad.Serialized)
	if err != nil {
		t.Fatal(err)
	}
	wantError(t, set.Satisfies(before, rolePrincipal("Org1MSP", ident.RoleMember)), "has been revoked")
}

func TestForeignCRLIsRefused(t *testing.T) {
	org, other := catest.New(t, "Org1"), catest.New(t, "Org2")
	crl, err := other.CRL(1, catest.Epoch())
	if err != nil {
		t.Fatal(err)
	}
	_, err = ident.NewMSP(org.Config(crl))
	wantError(t, err, "signed by none of the organisation's CAs")
}

func TestAMemoForgetsWhatNobodyUses(t *testing.T) {
	org := catest.New(t, "Org1")
	memo := ident.NewMemo()
	id, err := catest.Set(t, org).WithMemo(memo).Identity(org.User("User1").Serialized)
	if err != nil {
		t.Fatal(err)
	}
	number := func(i int) []byte { return fmt.Append(nil, i) }
	for i := range 3 * ident.MaxMemo {
		id.Vouch(number(i), number(i))
		if !id.Knows(number(0), number(0)) {
			t.Fatalf("after %d others one in use is forgotten", i)
		}
		if n := ident.MemoLen(memo); n > ident.MaxMemo {
			t.Fatalf("%d signatures remembered", n)
		}
	}
	for i := range 3 * ident.MaxMemo {
		if recent := i >= 5*ident.MaxMemo/2+1; recent && !id.Knows(number(i), number(i)) {
			t.Fatalf("%d of %d is forgotten", i, 3*ident.MaxMemo)
		}
	}
	if id.Knows(number(1), number(1)) {
		t.Error("the oldest one is remembered")
	}
}

func TestMemoIsSharedBetweenSets(t *testing.T) {
	org := catest.New(t, "Org1")
	user := org.User("User1")
	memo := ident.NewMemo()
	sig, err := user.Signer().Sign([]byte("m"))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		id, err := catest.Set(t, org).WithMemo(memo).Identity(user.Serialized)
		if err != nil {
			t.Fatal(err)
		}
		if err := id.Verify([]byte("m"), sig); err != nil {
			t.Fatal(err)
		}
	}
	if n := ident.MemoLen(memo); n != 1 {
		t.Fatalf("%d signatures remembered", n)
	}
}

func TestTxID(t *testing.T) {
	const abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" // SHA-256("abc")
	if got := ident.TxID([]byte("a"), []byte("bc")); got != abc {
		t.Fatal(got)
	}
}

func rolePrincipal(mspID string, role ident.Role) *msp.MSPPrincipal {
	numbers := map[ident.Role]msp.MSPRole_MSPRoleType{
		ident.RoleMember: msp.MSPRole_MEMBER, ident.RoleClient: msp.MSPRole_CLIENT, ident.RolePeer: msp.MSPRole_PEER,
		ident.RoleAdmin: msp.MSPRole_ADMIN, ident.RoleOrderer: msp.MSPRole_ORDERER,
	}
	return principal(msp.MSPPrincipal_ROLE, &msp.MSPRole{MspIdentifier: mspID, Role: numbers[role]})
}

func principal(class msp.MSPPrincipal_Classification, m proto.Message) *msp.MSPPrincipal {
	raw, err := proto.Marshal(m)
	if err != nil {
		panic(err)
	}
	return &msp.MSPPrincipal{PrincipalClassification: class, Principal: raw}
}

func FuzzIdentity(f *testing.F) {
	org := catest.New(f, "Org1")
	set := catest.Set(f, org)
	f.Add(org.User("User1").Serialized)
	f.Add(serialize(f, "Org1MSP", org.CACertPEM()))
	f.Fuzz(func(t *testing.T, raw []byte) {
		id, err := set.Identity(raw)
		if err != nil {
			return
		}
		if !bytes.Equal(id.Serialized, raw) || !id.Has(ident.RoleMember) || id.MSPID != "Org1MSP" {
			t.Fatalf("odd identity %s", id)
		}
		_ = id.Verify([]byte("m"), raw)
	})
}

func BenchmarkIdentityAndVerify(b *testing.B) {
	org := catest.New(b, "Org1")
	user := org.User("User1")
	sig, err := user.Signer().Sign([]byte("m"))
	if err != nil {
		b.Fatal(err)
	}
	b.Run("new", func(b *testing.B) {
		msp := org.MSP()
		for b.Loop() {
			set, _ := ident.NewSet(msp)
			id, _ := set.Identity(user.Serialized)
			if err := id.Verify([]byte("m"), sig); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("known", func(b *testing.B) {
		set := catest.Set(b, org)
		b.ReportAllocs()
		for b.Loop() {
			id, _ := set.Identity(user.Serialized)
			if err := id.Verify([]byte("m"), sig); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func TestAVouchedSignatureIsKnownAndNoOther(t *testing.T) {
	org := catest.New(t, "Org1")
	peer, memo := org.Peer("peer0"), ident.NewMemo()
	id, err := catest.Set(t, org).WithMemo(memo).Identity(peer.Serialized)
	if err != nil {
		t.Fatal(err)
	}
	sig, err := peer.Signer().Sign([]byte("m"))
	if err != nil {
		t.Fatal(err)
	}
	id.Vouch([]byte("m"), sig)
	if err := id.Verify([]byte("m"), sig); err != nil || ident.MemoLen(memo) != 1 {
		t.Errorf("%v, %d signatures remembered", err, ident.MemoLen(memo))
	}
	if id.Verify([]byte("n"), sig) == nil {
		t.Error("the signature counts for another message")
	}
}
