package ident_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"testing"
	"time"

	"github.com/hyperledger/fabric-protos-go-apiv2/msp"
	"github.com/weft-network/weft/ledger/ident"
	"github.com/weft-network/weft/ledger/ident/catest"
	"google.golang.org/protobuf/proto"
)

// node is a certificate of a hand-made CA tree.
type node struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func (n node) pem() []byte { return pemOf("CERTIFICATE", n.cert.Raw) }

// issue certifies a new key; a node without a certificate signs itself.
func (n node) issue(t *testing.T, name string, isCA bool, ous ...string) node {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(int64(len(name)) + 7), IsCA: isCA, BasicConstraintsValid: true,
		Subject:   pkix.Name{CommonName: name, OrganizationalUnit: ous},
		NotBefore: catest.Epoch(), NotAfter: catest.Epoch().Add(time.Hour), KeyUsage: x509.KeyUsageDigitalSignature,
	}
	if isCA {
		template.KeyUsage |= x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	}
	parent := n
	if n.cert == nil {
		parent = node{template, key}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent.cert, &key.PublicKey, ident.LowS(parent.key))
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return node{cert, key}
}

func newMSP(cfg *msp.FabricMSPConfig) (*ident.Set, error) {
	cfg.Name = "M"
	raw, err := proto.Marshal(cfg)
	if err != nil {
		return nil, err
	}
	m, err := ident.NewMSP(&msp.MSPConfig{Config: raw})
	if err != nil {
		return nil, err
	}
	return ident.NewSet(m)
}

func nodeOUs() *msp.FabricNodeOUs {
	ou := func(s string) *msp.FabricOUIdentifier {
		return &msp.FabricOUIdentifier{OrganizationalUnitIdentifier: s}
	}
	return &msp.FabricNodeOUs{Enable: true, ClientOuIdentifier: ou("client"), PeerOuIdentifier: ou("peer"),
		AdminOuIdentifier: ou("admin"), OrdererOuIdentifier: ou("orderer")}
}

func identity(t *testing.T, set *ident.Set, n node) (*ident.Identity, error) {
	t.Helper()
	return set.Identity(serialize(t, "M", n.pem()))
}

func TestOnlyTheLowestCAsIssueIdentities(t *testing.T) {
	root := node{}.issue(t, "root", true)
	inter := root.issue(t, "intermediate", true)
	low := inter.issue(t, "low", true)
	set, err := newMSP(&msp.FabricMSPConfig{RootCerts: [][]byte{root.pem()},
		IntermediateCerts: [][]byte{low.pem(), inter.pem()}, FabricNodeOus: nodeOUs()})
	if err != nil {
		t.Fatal(err)
	}
	id, err := identity(t, set, low.issue(t, "user", false, "client"))
	if err != nil || !id.Has(ident.RoleClient) {
		t.Fatal(err)
	}
	for _, ca := range []node{root, inter} {
		_, err := identity(t, set, ca.issue(t, "user", false, "client"))
		wantError(t, err, "only the lowest CAs may issue identities")
	}
}

func TestUnsoundConfigsAreRefused(t *testing.T) {
	root := node{}.issue(t, "root", true)
	inter := root.issue(t, "intermediate", true)
	leaf := root.issue(t, "leaf", false, "client")
	other := node{}.issue(t, "other", true)
	peer := root.issue(t, "peer", false, "peer")
	roots := [][]byte{root.pem()}
	twice := nodeOUs()
	twice.PeerOuIdentifier.OrganizationalUnitIdentifier = "client"
	foreign := nodeOUs()
	foreign.PeerOuIdentifier.Certificate = other.pem()
	for _, c := range []struct {
		name string
		cfg  *msp.FabricMSPConfig
		want string
	}{
		{"no root", &msp.FabricMSPConfig{}, "no root CA"},
		{"leaf as root", &msp.FabricMSPConfig{RootCerts: [][]byte{leaf.pem()}}, "not one of a CA"},
		{"intermediate as root", &msp.FabricMSPConfig{RootCerts: [][]byte{inter.pem()}}, "not signed by itself"},
		{"no PEM", &msp.FabricMSPConfig{RootCerts: [][]byte{{1}}}, "not in PEM form"},
		{"two in one", &msp.FabricMSPConfig{RootCerts: [][]byte{append(root.pem(), inter.pem()...)}}, "one PEM block"},
		{"foreign intermediate", &msp.FabricMSPConfig{RootCerts: [][]byte{other.pem()}, IntermediateCerts: [][]byte{inter.pem()}}, "does not lead to a root"},
		{"root as intermediate", &msp.FabricMSPConfig{RootCerts: roots, IntermediateCerts: roots}, "root CA too"},
		{"no administrators", &msp.FabricMSPConfig{RootCerts: roots}, "no administrators"},
		{"peer as administrator", &msp.FabricMSPConfig{RootCerts: roots, Admins: [][]byte{peer.pem()}, FabricNodeOus: nodeOUs()}, "a client or an admin is expected"},
		{"foreign administrator", &msp.FabricMSPConfig{RootCerts: [][]byte{other.pem()}, Admins: [][]byte{leaf.pem()}}, "administrator 0 (leaf)"},
		{"roles share an OU", &msp.FabricMSPConfig{RootCerts: roots, FabricNodeOus: twice}, "share the OU"},
		{"role of a foreign CA", &msp.FabricMSPConfig{RootCerts: roots, FabricNodeOus: foreign}, "neither a root nor an intermediate"},
		{"bad CRL", &msp.FabricMSPConfig{RootCerts: roots, RevocationList: [][]byte{{1}}, FabricNodeOus: nodeOUs()}, "CRL 0"},
		{"bad TLS root", &msp.FabricMSPConfig{RootCerts: roots, TlsRootCerts: [][]byte{leaf.pem()}, FabricNodeOus: nodeOUs()}, "TLS: "},
		{"other hash", &msp.FabricMSPConfig{RootCerts: roots, CryptoConfig: &msp.FabricCryptoConfig{SignatureHashFamily: "SHA3"}}, "SHA3"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := newMSP(c.cfg)
			wantError(t, err, c.want)
		})
	}
	_, err := ident.NewMSP(&msp.MSPConfig{Type: 1})
	wantError(t, err, "type 1 is not supported")
}

func TestListedAdministrators(t *testing.T) {
	root := node{}.issue(t, "root", true)
	listed, other := root.issue(t, "listed", false), root.issue(t, "other", false)
	set, err := newMSP(&msp.FabricMSPConfig{RootCerts: [][]byte{root.pem()}, Admins: [][]byte{listed.pem()}})
	if err != nil {
		t.Fatal(err)
	}
	for n, want := range map[*node]bool{&listed: true, &other: false} {
		id, err := identity(t, set, *n)
		if err != nil {
			t.Fatal(err)
		}
		if id.Has(ident.RoleAdmin) != want || id.Has(ident.RolePeer) || !id.Has(ident.RoleMember) {
			t.Errorf("%s has the roles %v", id, id.Roles())
		}
	}
}

func TestListedOUs(t *testing.T) {
	root, second := node{}.issue(t, "root", true), node{}.issue(t, "second", true)
	admin := root.issue(t, "admin", false, "sales")
	set, err := newMSP(&msp.FabricMSPConfig{RootCerts: [][]byte{root.pem(), second.pem()}, Admins: [][]byte{admin.pem()},
		OrganizationalUnitIdentifiers: []*msp.FabricOUIdentifier{{Certificate: root.pem(), OrganizationalUnitIdentifier: "sales"}}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := identity(t, set, root.issue(t, "user", false, "it", "sales")); err != nil {
		t.Fatal(err)
	}
	for _, n := range []node{root.issue(t, "user", false), root.issue(t, "user", false, "it"), second.issue(t, "user", false, "sales")} {
		_, err := identity(t, set, n)
		wantError(t, err, "that the organisation lists")
	}
}

func TestPrincipals(t *testing.T) {
	root := node{}.issue(t, "root", true)
	set, err := newMSP(&msp.FabricMSPConfig{RootCerts: [][]byte{root.pem()}, FabricNodeOus: nodeOUs()})
	if err != nil {
		t.Fatal(err)
	}
	user := root.issue(t, "user", false, "client", "sales")
	id, err := identity(t, set, user)
	if err != nil {
		t.Fatal(err)
	}
	path := sha256.Sum256(root.cert.Raw)
	unit := func(mspID, name string, certifiers []byte) *msp.MSPPrincipal {
		return principal(msp.MSPPrincipal_ORGANIZATION_UNIT, &msp.OrganizationUnit{
			MspIdentifier: mspID, OrganizationalUnitIdentifier: name, CertifiersIdentifier: certifiers})
	}
	single := func(n node) *msp.MSPPrincipal {
		return &msp.MSPPrincipal{PrincipalClassification: msp.MSPPrincipal_IDENTITY, Principal: serialize(t, "M", n.pem())}
	}
	combined := func(ps ...*msp.MSPPrincipal) *msp.MSPPrincipal {
		return principal(msp.MSPPrincipal_COMBINED, &msp.CombinedPrincipal{Principals: ps})
	}
	client := rolePrincipal("M", ident.RoleClient)
	deep := client
	for range 20 {
		deep = combined(deep)
	}
	for _, c := range []struct {
		name string
		p    *msp.MSPPrincipal
		want bool
	}{
		{"OU", unit("M", "sales", path[:]), true},
		{"OU of another CA", unit("M", "sales", []byte("x")), false},
		{"OU without CA", unit("M", "sales", nil), false},
		{"another OU", unit("M", "it", path[:]), false},
		{"OU of another organisation", unit("N", "sales", path[:]), false},
		{"the identity", single(user), true},
		{"another identity", single(root.issue(t, "user", false, "client")), false},
		{"an invalid identity", single(root), false},
		{"both", combined(client, unit("M", "sales", path[:])), true},
		{"one of both", combined(client, rolePrincipal("M", ident.RolePeer)), false},
		{"none to combine", combined(), false},
		{"too deep", deep, false},
		{"nominal", principal(msp.MSPPrincipal_ANONYMITY, &msp.MSPIdentityAnonymity{}), true},
		{"anonymous", principal(msp.MSPPrincipal_ANONYMITY, &msp.MSPIdentityAnonymity{AnonymityType: msp.MSPIdentityAnonymity_ANONYMOUS}), false},
		{"unknown class", &msp.MSPPrincipal{PrincipalClassification: 99}, false},
		{"garbage", &msp.MSPPrincipal{Principal: []byte{0xff}}, false},
		{"nil", nil, false},
	} {
		if err := set.Satisfies(id, c.p); (err == nil) != c.want {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}
