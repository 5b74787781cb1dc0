package attrmgr_test

import (
	"crypto/x509"
	"slices"
	"testing"

	"github.com/hyperledger/fabric-chaincode-go/v2/pkg/attrmgr"
)

type attribute struct{ name, value string }

func (a attribute) GetName() string  { return a.name }
func (a attribute) GetValue() string { return a.value }

type request struct {
	name     string
	required bool
}

func (r request) GetName() string  { return r.name }
func (r request) IsRequired() bool { return r.required }

func TestACertificateHoldsTheAttributesAskedFor(t *testing.T) {
	mgr, cert := attrmgr.New(), &x509.Certificate{}
	if attrs, err := mgr.GetAttributesFromCert(cert); err != nil || len(attrs.Names()) != 0 {
		t.Fatalf("a new certificate has %v, %v", attrs, err)
	}
	all := []attrmgr.Attribute{attribute{"a", "1"}, attribute{"b", "true"}, attribute{"c", "3"}}
	err := mgr.ProcessAttributeRequestsForCert([]attrmgr.AttributeRequest{request{"a", false}, request{"b", true}, request{"d", false}}, all, cert)
	if err != nil {
		t.Fatal(err)
	}
	attrs, err := mgr.GetAttributesFromCert(cert)
	if err != nil {
		t.Fatal(err)
	}
	if names := slices.Sorted(slices.Values(attrs.Names())); !slices.Equal(names, []string{"a", "b"}) {
		t.Errorf("names %q", names)
	}
	if value, ok, err := attrs.Value("a"); value != "1" || !ok || err != nil || !attrs.Contains("a") {
		t.Errorf("a is %q, %v, %v", value, ok, err)
	}
	if value, ok, err := attrs.Value("c"); value != "" || ok || err != nil || attrs.Contains("c") {
		t.Errorf("c, which nobody asked for, is %q, %v, %v", value, ok, err)
	}
	for name, want := range map[string]string{"b": "", "a": "Attribute 'a' is not true", "c": "Attribute 'c' was not found"} {
		if err := attrs.True(name); (err == nil) != (want == "") || err != nil && err.Error() != want {
			t.Errorf("%s is true: %v", name, err)
		}
	}
}

func TestARequiredAttributeThatIsMissingIsNamed(t *testing.T) {
	requests := []attrmgr.AttributeRequest{request{"x", true}, request{"y", false}, request{"z", true}}
	err := attrmgr.New().ProcessAttributeRequestsForCert(requests, nil, &x509.Certificate{})
	if err == nil || err.Error() != "the following required attributes are missing: [x z]" {
		t.Errorf("got %v", err)
	}
}

func TestWhatIsNoIdemixCredential(t *testing.T) {
	for _, creator := range [][]byte{nil, []byte("foo")} {
		if attrs, err := attrmgr.New().GetAttributesFromIdemix(creator); err == nil {
			t.Errorf("%q is taken: %v", creator, attrs)
		}
	}
}
