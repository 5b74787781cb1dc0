package cid_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/hyperledger/fabric-chaincode-go/v2/pkg/attrmgr"
	"github.com/hyperledger/fabric-chaincode-go/v2/pkg/cid"
	"github.com/hyperledger/fabric-protos-go-apiv2/msp"
	"google.golang.org/protobuf/proto"
)

type stub struct {
	creator []byte
	err     error
}

func (s stub) GetCreator() ([]byte, error) { return s.creator, s.err }

// client is a certificate of that subject with the attributes, JSON as a
// Fabric CA writes it.
func client(t *testing.T, subject pkix.Name, attributes string) stub {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	authority := &x509.Certificate{Subject: pkix.Name{CommonName: "ca.org1, the root", Country: []string{"CH"}}, SerialNumber: big.NewInt(1)}
	template := &x509.Certificate{Subject: subject, SerialNumber: big.NewInt(2), NotAfter: time.Now().Add(time.Hour)}
	if attributes != "" {
		template.ExtraExtensions = []pkix.Extension{{Id: attrmgr.AttrOID, Value: []byte(attributes)}}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, authority, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return identity(t, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

func identity(t *testing.T, idBytes []byte) stub {
	t.Helper()
	creator, err := proto.Marshal(&msp.SerializedIdentity{Mspid: "Org1MSP", IdBytes: idBytes})
	if err != nil {
		t.Fatal(err)
	}
	return stub{creator: creator}
}

func TestAClientWithACertificate(t *testing.T) {
	s := client(t, pkix.Name{CommonName: "user", OrganizationalUnit: []string{"client", "dept"}, Country: []string{"US"}}, `{"attrs":{"role":"buyer","empty":""}}`)
	if id, err := cid.GetMSPID(s); id != "Org1MSP" || err != nil {
		t.Errorf("MSP id %q, %v", id, err)
	}
	for name, want := range map[string]bool{"client": true, "dept": true, "Client": false, "": false} {
		if has, err := cid.HasOUValue(s, name); has != want || err != nil {
			t.Errorf("unit %q: %v, %v", name, has, err)
		}
	}
	for name, want := range map[string]string{"role": "buyer true", "empty": " true", "absent": " false"} {
		value, found, err := cid.GetAttributeValue(s, name)
		if got := value + " " + map[bool]string{true: "true", false: "false"}[found]; got != want || err != nil {
			t.Errorf("attribute %s: %q, %v", name, got, err)
		}
	}
	for _, c := range []struct{ name, value, text string }{
		{"role", "buyer", ""},
		{"role", "seller", "attribute 'role' equals 'buyer', not 'seller'"},
		{"absent", "", "attribute 'absent' was not found"},
	} {
		if got := text(cid.AssertAttributeValue(s, c.name, c.value)); got != c.text {
			t.Errorf("assert %s=%s: %q", c.name, c.value, got)
		}
	}
	cert, err := cid.GetX509Certificate(s)
	if err != nil || cert.Subject.CommonName != "user" {
		t.Errorf("certificate %v, %v", cert, err)
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// The id is what contracts keep to know an owner again: its form must not
// change by a byte.
func TestTheIDOfAClient(t *testing.T) {
	for _, c := range []struct {
		subject pkix.Name
		want    string
	}{
		{pkix.Name{CommonName: "user", Organization: []string{"Org"}, OrganizationalUnit: []string{"a", "b"}, Country: []string{"US"}, Province: []string{"NC"}},
			"CN=user,OU=a+OU=b,O=Org,ST=NC,C=US"},
		{pkix.Name{CommonName: ` a,b+c"d\e<f>g;h `}, `CN=\ a\,b\+c\"d\\e\<f\>g\;h\ `},
		{pkix.Name{CommonName: "#1", SerialNumber: "7", Locality: []string{"L"}, StreetAddress: []string{"S"}, PostalCode: []string{"P"}},
			`SERIALNUMBER=7,CN=\#1,POSTALCODE=P,STREET=S,L=L`},
		{pkix.Name{CommonName: "x", ExtraNames: []pkix.AttributeTypeAndValue{{Type: asn1.ObjectIdentifier{0, 9, 2342, 19200300, 100, 1, 1}, Value: "uid"}}},
			"CN=x"}, // other parts of a name have never been in the id
	} {
		id, err := cid.GetID(client(t, c.subject, ""))
		if err != nil {
			t.Fatal(err)
		}
		raw, err := base64.StdEncoding.DecodeString(id)
		if err != nil {
			t.Fatal(err)
		}
		subject, issuer, ok := strings.Cut(strings.TrimPrefix(string(raw), "x509::"), "::")
		if !ok || !sameParts(subject, c.want) || issuer != `CN=ca.org1\, the root,C=CH` {
			t.Errorf("id %s, want %s", raw, c.want)
		}
	}
}

// sameParts compares names whose order the certificate decides.
func sameParts(a, b string) bool {
	return len(a) == len(b) && strings.Count(a, ",") == strings.Count(b, ",") && bytes.Equal(sorted(a), sorted(b))
}

func sorted(s string) []byte {
	b := []byte(s)
	for i := range b {
		for j := i; j > 0 && b[j] < b[j-1]; j-- {
			b[j], b[j-1] = b[j-1], b[j]
		}
	}
	return b
}

func TestAClientWithAnIdemixCredential(t *testing.T) {
	raw := func(m proto.Message) []byte {
		b, err := proto.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	s := identity(t, raw(&msp.SerializedIdemixIdentity{
		Ou:   raw(&msp.OrganizationUnit{OrganizationalUnitIdentifier: "org1.department1"}),
		Role: raw(&msp.MSPRole{Role: msp.MSPRole_ADMIN}),
	}))
	c, err := cid.New(s)
	if err != nil {
		t.Fatal(err)
	}
	if cert, err := c.GetX509Certificate(); cert != nil || err != nil {
		t.Errorf("certificate %v, %v", cert, err)
	}
	if id, err := cid.GetID(s); id != "" || text(err) != "cannot determine identity" {
		t.Errorf("id %q, %v", id, err)
	}
	if has, err := c.HasOUValue("org1.department1"); has || text(err) != "cannot obtain an X509 certificate for the identity" {
		t.Errorf("unit: %v, %v", has, err)
	}
	for name, want := range map[string]string{"ou": "org1.department1", "role": "admin", "id": ""} {
		if value, found, err := c.GetAttributeValue(name); value != want || found != (want != "") || err != nil {
			t.Errorf("%s: %q, %v, %v", name, value, found, err)
		}
	}
}

func TestACreatorThatIsNone(t *testing.T) {
	fault := errors.New("no stub")
	for name, c := range map[string]struct {
		stub stub
		text string
	}{
		"none":           {stub{}, "failed to get transaction invoker's identity from the chaincode stub: "},
		"fault":          {stub{err: fault}, "failed to get transaction invoker's identity from the chaincode stub: no stub"},
		"no protobuf":    {stub{creator: []byte("foo")}, "failed to unmarshal transaction invoker's identity: "},
		"no credential":  {identity(t, []byte("foo")), "identity bytes are neither X509 PEM format nor an idemix credential: "},
		"no certificate": {identity(t, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("foo")})), "failed to parse certificate: "},
		"attributes":     {client(t, pkix.Name{CommonName: "x"}, "no json"), "failed to get attributes from the transaction invoker's certificate: failed to unmarshal attributes from certificate: "},
	} {
		_, err := cid.New(c.stub)
		if !strings.HasPrefix(text(err), c.text) {
			t.Errorf("%s: %v", name, err)
		}
		if c.stub.err != nil && !errors.Is(err, fault) {
			t.Errorf("%s: the stub's error is lost", name)
		}
		for _, err := range []error{second(cid.GetID(c.stub)), second(cid.GetMSPID(c.stub)), second(cid.HasOUValue(c.stub, "")), cid.AssertAttributeValue(c.stub, "", "")} {
			if err == nil {
				t.Errorf("%s: taken", name)
			}
		}
	}
}

func second[T any](_ T, err error) error { return err }
