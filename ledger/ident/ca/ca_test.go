package ca_test

import (
	"crypto/x509"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/weft-network/weft/ledger/ident/ca"
	"github.com/weft-network/weft/ledger/ident/catest"
)

func TestSameSeedMakesSameMaterial(t *testing.T) {
	a, b := catest.New(t, "Org1"), catest.New(t, "Org1")
	if string(a.User("User1").CertPEM) != string(b.User("User1").CertPEM) {
		t.Fatal("two runs differ")
	}
	if first, second := a.User("User1"), a.User("User1"); first != second {
		t.Fatal("asking twice makes two users")
	}
}

func TestTLSCertificateServesEveryHost(t *testing.T) {
	org := catest.New(t, "Org1")
	cert := org.Peer("peer0").TLSCert.Leaf
	for _, host := range []string{"peer0.org1.example.com", "peer0", "localhost", "127.0.0.1", "::1"} {
		for _, use := range []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth} {
			_, err := cert.Verify(x509.VerifyOptions{DNSName: host, Roots: org.TLSRoots(),
				CurrentTime: catest.Epoch().Add(time.Hour), KeyUsages: []x509.ExtKeyUsage{use}})
			if err != nil {
				t.Errorf("%s: %v", host, err)
			}
		}
	}
}

func TestExpiredMember(t *testing.T) {
	org := catest.New(t, "Org1")
	end := catest.Epoch().Add(-24 * time.Hour)
	cert := org.User("Old", ca.ValidUntil(end)).Cert()
	if !cert.NotAfter.Equal(end) || !cert.NotBefore.Before(end) {
		t.Fatalf("valid from %s to %s", cert.NotBefore, cert.NotAfter)
	}
}

func TestWriteLaysOutCryptogensFolders(t *testing.T) {
	org := catest.New(t, "Org1")
	org.Peer("peer0")
	org.User("User1")
	ord := catest.NewOrderer(t)
	ord.Orderer("orderer")
	dir := t.TempDir()
	for _, o := range []*catest.Org{org, ord} {
		if _, err := o.Write(dir); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && (!d.IsDir() || d.Name() == "admincerts") {
			rel, _ := filepath.Rel(dir, path)
			got = append(got, rel)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"ordererOrganizations/example.com/ca/ca.example.com-cert.pem",
		"ordererOrganizations/example.com/ca/priv_sk",
		"ordererOrganizations/example.com/msp/admincerts",
		"ordererOrganizations/example.com/msp/cacerts/ca.example.com-cert.pem",
		"ordererOrganizations/example.com/msp/config.yaml",
		"ordererOrganizations/example.com/msp/tlscacerts/tlsca.example.com-cert.pem",
		"ordererOrganizations/example.com/orderers/orderer.example.com/msp/admincerts",
		"ordererOrganizations/example.com/orderers/orderer.example.com/msp/cacerts/ca.example.com-cert.pem",
		"ordererOrganizations/example.com/orderers/orderer.example.com/msp/config.yaml",
		"ordererOrganizations/example.com/orderers/orderer.example.com/msp/keystore/priv_sk",
		"ordererOrganizations/example.com/orderers/orderer.example.com/msp/signcerts/orderer.example.com-cert.pem",
		"ordererOrganizations/example.com/orderers/orderer.example.com/msp/tlscacerts/tlsca.example.com-cert.pem",
		"ordererOrganizations/example.com/orderers/orderer.example.com/tls/ca.crt",
		"ordererOrganizations/example.com/orderers/orderer.example.com/tls/server.crt",
		"ordererOrganizations/example.com/orderers/orderer.example.com/tls/server.key",
		"ordererOrganizations/example.com/tlsca/priv_sk",
		"ordererOrganizations/example.com/tlsca/tlsca.example.com-cert.pem",
		"peerOrganizations/org1.example.com/ca/ca.org1.example.com-cert.pem",
		"peerOrganizations/org1.example.com/ca/priv_sk",
		"peerOrganizations/org1.example.com/msp/admincerts",
		"peerOrganizations/org1.example.com/msp/cacerts/ca.org1.example.com-cert.pem",
		"peerOrganizations/org1.example.com/msp/config.yaml",
		"peerOrganizations/org1.example.com/msp/tlscacerts/tlsca.org1.example.com-cert.pem",
		"peerOrganizations/org1.example.com/peers/peer0.org1.example.com/msp/admincerts",
		"peerOrganizations/org1.example.com/peers/peer0.org1.example.com/msp/cacerts/ca.org1.example.com-cert.pem",
		"peerOrganizations/org1.example.com/peers/peer0.org1.example.com/msp/config.yaml",
		"peerOrganizations/org1.example.com/peers/peer0.org1.example.com/msp/keystore/priv_sk",
		"peerOrganizations/org1.example.com/peers/peer0.org1.example.com/msp/signcerts/peer0.org1.example.com-cert.pem",
		"peerOrganizations/org1.example.com/peers/peer0.org1.example.com/msp/tlscacerts/tlsca.org1.example.com-cert.pem",
		"peerOrganizations/org1.example.com/peers/peer0.org1.example.com/tls/ca.crt",
		"peerOrganizations/org1.example.com/peers/peer0.org1.example.com/tls/server.crt",
		"peerOrganizations/org1.example.com/peers/peer0.org1.example.com/tls/server.key",
		"peerOrganizations/org1.example.com/tlsca/priv_sk",
		"peerOrganizations/org1.example.com/tlsca/tlsca.org1.example.com-cert.pem",
		"peerOrganizations/org1.example.com/users/User1@org1.example.com/msp/admincerts",
		"peerOrganizations/org1.example.com/users/User1@org1.example.com/msp/cacerts/ca.org1.example.com-cert.pem",
		"peerOrganizations/org1.example.com/users/User1@org1.example.com/msp/config.yaml",
		"peerOrganizations/org1.example.com/users/User1@org1.example.com/msp/keystore/priv_sk",
		"peerOrganizations/org1.example.com/users/User1@org1.example.com/msp/signcerts/User1@org1.example.com-cert.pem",
		"peerOrganizations/org1.example.com/users/User1@org1.example.com/msp/tlscacerts/tlsca.org1.example.com-cert.pem",
		"peerOrganizations/org1.example.com/users/User1@org1.example.com/tls/ca.crt",
		"peerOrganizations/org1.example.com/users/User1@org1.example.com/tls/client.crt",
		"peerOrganizations/org1.example.com/users/User1@org1.example.com/tls/client.key",
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Fatalf("got %q", got)
	}
	info, err := os.Stat(filepath.Join(dir, "peerOrganizations/org1.example.com/ca/priv_sk"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("the CA's key is readable by others: %v %v", info.Mode(), err)
	}
	if _, err := org.Write(dir); err == nil {
		t.Fatal("a second Write overwrites keys")
	}
}
