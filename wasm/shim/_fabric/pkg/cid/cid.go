// Package cid tells a chaincode who submitted the transaction.
package cid

import (
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"

	"github.com/hyperledger/fabric-chaincode-go/v2/pkg/attrmgr"
	"github.com/hyperledger/fabric-protos-go-apiv2/msp"
	"google.golang.org/protobuf/proto"
)

// ChaincodeStubInterface is what is needed of the stub.
type ChaincodeStubInterface interface {
	// GetCreator answers the marshalled identity of the client.
	GetCreator() ([]byte, error)
}

// ClientIdentity is the client that submitted the transaction.
type ClientIdentity interface {
	// GetID answers an id that is unique within the MSP.
	GetID() (string, error)
	GetMSPID() (string, error)
	GetAttributeValue(attrName string) (value string, found bool, err error)
	// AssertAttributeValue answers an error unless the attribute has the value.
	AssertAttributeValue(attrName, attrValue string) error
	GetX509Certificate() (*x509.Certificate, error)
}

// ClientID is the client that submitted the transaction: by a certificate, or
// by an Idemix credential, which names no single client.
type ClientID struct {
	mspID string
	cert  *x509.Certificate // nil for Idemix
	attrs *attrmgr.Attributes
}

var _ ClientIdentity = (*ClientID)(nil)

// New reads the client's identity from the stub.
func New(stub ChaincodeStubInterface) (*ClientID, error) {
	creator, err := stub.GetCreator()
	if err == nil && creator == nil {
		err = errors.New("there is none")
	}
	if err != nil {
		return nil, fmt.Errorf("failed to get transaction invoker's identity from the chaincode stub: %w", err)
	}
	id := &msp.SerializedIdentity{}
	if err := proto.Unmarshal(creator, id); err != nil {
		return nil, fmt.Errorf("failed to unmarshal transaction invoker's identity: %w", err)
	}
	c := &ClientID{mspID: id.Mspid}
	der, ok := certificate(id.IdBytes)
	if !ok {
		if c.attrs, err = attrmgr.New().GetAttributesFromIdemix(creator); err != nil {
			return nil, fmt.Errorf("identity bytes are neither X509 PEM format nor an idemix credential: failed to get attributes from the transaction invoker's idemix credential: %w", err)
		}
		return c, nil
	}
	if c.cert, err = x509.ParseCertificate(der); err != nil {
		return nil, fmt.Errorf("failed to parse certificate: %w", err)
	}
	if c.attrs, err = attrmgr.New().GetAttributesFromCert(c.cert); err != nil {
		return nil, fmt.Errorf("failed to get attributes from the transaction invoker's certificate: %w", err)
	}
	return c, nil
}

// GetID answers, in base64, the names of the certificate's subject and issuer.
// It stays the same when the certificate is renewed.
func (c *ClientID) GetID() (string, error) {
	if c.cert == nil {
		return "", errors.New("cannot determine identity")
	}
	id := "x509::" + c.cert.Subject.ToRDNSequence().String() + "::" + c.cert.Issuer.ToRDNSequence().String()
	return base64.StdEncoding.EncodeToString([]byte(id)), nil
}

// GetMSPID answers the MSP id of the client.
func (c *ClientID) GetMSPID() (string, error) { return c.mspID, nil }

// GetAttributeValue answers an attribute of the certificate, or the "ou" or
// "role" of an Idemix credential.
func (c *ClientID) GetAttributeValue(attrName string) (value string, found bool, err error) {
	return c.attrs.Value(attrName)
}

// AssertAttributeValue answers an error unless the attribute has the value.
func (c *ClientID) AssertAttributeValue(attrName, attrValue string) error {
	value, found, err := c.GetAttributeValue(attrName)
	if err != nil {
		return err
	}
	if !found {
		return fmt.Errorf("attribute '%s' was not found", attrName)
	}
	if value != attrValue {
		return fmt.Errorf("attribute '%s' equals '%s', not '%s'", attrName, value, attrValue)
	}
	return nil
}

// HasOUValue says whether the certificate names the organisational unit.
func (c *ClientID) HasOUValue(OUValue string) (bool, error) {
	if c.cert == nil {
		return false, errors.New("cannot obtain an X509 certificate for the identity")
	}
	return slices.Contains(c.cert.Subject.OrganizationalUnit, OUValue), nil
}

// GetX509Certificate answers the client's certificate, nil for Idemix.
func (c *ClientID) GetX509Certificate() (*x509.Certificate, error) { return c.cert, nil }

// GetID is New and ClientID.GetID.
func GetID(stub ChaincodeStubInterface) (string, error) {
	c, err := New(stub)
	if err != nil {
		return "", err
	}
	return c.GetID()
}

// GetMSPID is New and ClientID.GetMSPID.
func GetMSPID(stub ChaincodeStubInterface) (string, error) {
	c, err := New(stub)
	if err != nil {
		return "", err
	}
	return c.GetMSPID()
}

// GetAttributeValue is New and ClientID.GetAttributeValue.
func GetAttributeValue(stub ChaincodeStubInterface, attrName string) (value string, found bool, err error) {
	c, err := New(stub)
	if err != nil {
		return "", false, err
	}
	return c.GetAttributeValue(attrName)
}

// AssertAttributeValue is New and ClientID.AssertAttributeValue.
func AssertAttributeValue(stub ChaincodeStubInterface, attrName, attrValue string) error {
	c, err := New(stub)
	if err != nil {
		return err
	}
	return c.AssertAttributeValue(attrName, attrValue)
}

// HasOUValue is New and ClientID.HasOUValue.
func HasOUValue(stub ChaincodeStubInterface, OUValue string) (bool, error) {
	c, err := New(stub)
	if err != nil {
		return false, err
	}
	return c.HasOUValue(OUValue)
}

// GetX509Certificate is New and ClientID.GetX509Certificate.
func GetX509Certificate(stub ChaincodeStubInterface) (*x509.Certificate, error) {
	c, err := New(stub)
	if err != nil {
		return nil, err
	}
	return c.GetX509Certificate()
}
