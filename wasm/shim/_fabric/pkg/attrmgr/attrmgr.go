// Package attrmgr reads the attributes that a Fabric CA puts into certificates.
package attrmgr

import (
	"crypto/x509"
	"encoding/asn1"
	"encoding/json"
	"fmt"
	"slices"
)

var (
	// AttrOID is the extension that holds the attributes.
	AttrOID = asn1.ObjectIdentifier{1, 2, 3, 4, 5, 6, 7, 8, 1}
	// AttrOIDString is AttrOID as text.
	AttrOIDString = "1.2.3.4.5.6.7.8.1"
)

// Mgr reads attributes; it has no state.
type Mgr struct{}

// New makes a Mgr.
func New() *Mgr { return &Mgr{} }

// Attributes are names and values.
type Attributes struct {
	Attrs map[string]string `json:"attrs"`
}

// GetAttributesFromCert answers the attributes of the certificate, which may be
// none.
func (mgr *Mgr) GetAttributesFromCert(cert *x509.Certificate) (*Attributes, error) {
	attrs := &Attributes{}
	for _, extension := range cert.Extensions {
		if !extension.Id.Equal(AttrOID) {
			continue
		}
		if err := json.Unmarshal(extension.Value, attrs); err != nil {
			return nil, fmt.Errorf("attributes of the certificate: %w", err)
		}
		break
	}
	return attrs, nil
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
