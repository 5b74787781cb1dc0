// Package attrmgr reads and writes the attributes that a Fabric CA puts into
// certificates.
package attrmgr

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/hyperledger/fabric-protos-go-apiv2/msp"
	"google.golang.org/protobuf/proto"
)

var (
	// AttrOID is the extension that holds the attributes.
	AttrOID = asn1.ObjectIdentifier{1, 2, 3, 4, 5, 6, 7, 8, 1}
	// AttrOIDString is AttrOID as text.
	AttrOIDString = "1.2.3.4.5.6.7.8.1"
)

// Attribute is a name with a value.
type Attribute interface {
	GetName() string
	GetValue() string
}

// AttributeRequest asks for an attribute.
type AttributeRequest interface {
	GetName() string
	// IsRequired says that it is an error when there is no such attribute.
	IsRequired() bool
}

// Mgr reads and writes attributes; it has no state.
type Mgr struct{}

// New makes a Mgr.
func New() *Mgr { return &Mgr{} }

// Attributes are names and values.
type Attributes struct {
	Attrs map[string]string `json:"attrs"`
}

// ProcessAttributeRequestsForCert adds the attributes asked for to a
// certificate that is being made.
func (mgr *Mgr) ProcessAttributeRequestsForCert(requests []AttributeRequest, attributes []Attribute, cert *x509.Certificate) error {
	attrs, err := mgr.ProcessAttributeRequests(requests, attributes)
	if err != nil {
		return err
	}
	return mgr.AddAttributesToCert(attrs, cert)
}

// ProcessAttributeRequests answers those of the attributes that are asked for.
func (mgr *Mgr) ProcessAttributeRequests(requests []AttributeRequest, attributes []Attribute) (*Attributes, error) {
	found := make(map[string]string)
	missing := []string{}
	for _, request := range requests {
		name := request.GetName()
		i := slices.IndexFunc(attributes, func(a Attribute) bool { return a.GetName() == name })
		switch {
		case i >= 0:
			found[name] = attributes[i].GetValue()
		case request.IsRequired():
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		return nil, fmt.Errorf("the following required attributes are missing: %+v", missing)
	}
	return &Attributes{Attrs: found}, nil
}

// AddAttributesToCert adds the extension to a certificate that is being made.
func (mgr *Mgr) AddAttributesToCert(attrs *Attributes, cert *x509.Certificate) error {
	value, err := json.Marshal(attrs)
	if err != nil {
		return fmt.Errorf("failed to marshal attributes: %s", err)
	}
	cert.Extensions = append(cert.Extensions, pkix.Extension{Id: AttrOID, Value: value})
	return nil
}

// GetAttributesFromCert answers the attributes of the certificate, which may be
// none.
func (mgr *Mgr) GetAttributesFromCert(cert *x509.Certificate) (*Attributes, error) {
	attrs := &Attributes{}
	i := slices.IndexFunc(cert.Extensions, func(e pkix.Extension) bool { return e.Id.Equal(AttrOID) })
	if i < 0 || cert.Extensions[i].Value == nil {
		return attrs, nil
	}
	if err := json.Unmarshal(cert.Extensions[i].Value, attrs); err != nil {
		return nil, fmt.Errorf("failed to unmarshal attributes from certificate: %s", err)
	}
	return attrs, nil
}

// roles are the names of msp.MSPRole's first values.
var roles = map[msp.MSPRole_MSPRoleType]string{
	msp.MSPRole_MEMBER: "member",
	msp.MSPRole_ADMIN:  "admin",
	msp.MSPRole_CLIENT: "client",
	msp.MSPRole_PEER:   "peer",
}

// GetAttributesFromIdemix answers the unit ("ou") and the role of a serialized
// identity that holds an Idemix credential. Nothing of it is proved here.
func (mgr *Mgr) GetAttributesFromIdemix(creator []byte) (*Attributes, error) {
	if creator == nil {
		return nil, errors.New("creator is nil")
	}
	id, idemix := &msp.SerializedIdentity{}, &msp.SerializedIdemixIdentity{}
	unit, role := &msp.OrganizationUnit{}, &msp.MSPRole{}
	for _, part := range []struct {
		message proto.Message
		bytes   func() []byte
		what    string
	}{
		{id, func() []byte { return creator }, "identity"},
		{idemix, func() []byte { return id.IdBytes }, "idemix identity"},
		{unit, func() []byte { return idemix.Ou }, "ou"},
		{role, func() []byte { return idemix.Role }, "role"},
	} {
		if err := proto.Unmarshal(part.bytes(), part.message); err != nil {
			return nil, fmt.Errorf("failed to unmarshal transaction invoker's %s: %s", part.what, err)
		}
	}
	return &Attributes{Attrs: map[string]string{
		"ou":   unit.OrganizationalUnitIdentifier,
		"role": roles[role.Role],
	}}, nil
}

// Names answers the names of the attributes, sorted.
func (a *Attributes) Names() []string {
	names := make([]string, 0, len(a.Attrs))
	for name := range a.Attrs {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Contains says whether there is an attribute of this name.
func (a *Attributes) Contains(name string) bool {
	_, ok := a.Attrs[name]
	return ok
}

// Value answers the value of an attribute, and whether there is one.
func (a *Attributes) Value(name string) (string, bool, error) {
	value, ok := a.Attrs[name]
	return value, ok, nil
}

// True answers nil if the attribute has the value "true".
func (a *Attributes) True(name string) error {
	value, ok := a.Attrs[name]
	if !ok {
		return fmt.Errorf("Attribute '%s' was not found", name)
	}
	if value != "true" {
		return fmt.Errorf("Attribute '%s' is not true", name)
	}
	return nil
}
