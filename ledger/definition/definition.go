// Package definition reads and writes committed chaincode definitions under
// Fabric's _lifecycle keys. It is pure: state comes in through a getter.
package definition

import (
	"errors"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/weft-network/weft/ledger"
)

// Namespace is the namespace of chaincode definitions.
const Namespace = "_lifecycle"

// Definition is a committed chaincode definition.
type Definition struct {
	Name              string
	Version           string
	Sequence          int64
	EndorsementPlugin string
	ValidationPlugin  string
	// ValidationParameter is a marshalled peer.ApplicationPolicy.
	ValidationParameter []byte
	Collections         []byte // marshalled CollectionConfigPackage, or nil
	InitRequired        bool
}

// Getter reads one committed key of a namespace; nil without error is absent.
type Getter func(namespace, key string) ([]byte, error)

// Read returns the committed definition of a chaincode, or nil when there is none.
func Read(get Getter, name string) (*Definition, error) { return nil, errors.New("not built yet") }

// List returns the names of all committed chaincodes given the keys under
// MetadataPrefix.
const MetadataPrefix = "namespaces/metadata/"

// SequenceKey is the key whose read invalidates transactions endorsed under an
// older definition.
func SequenceKey(name string) string { return "namespaces/fields/" + name + "/Sequence" }

// Writes are the writes that commit d, sorted by key.
func (d *Definition) Writes() ([]ledger.Write, error) { return nil, errors.New("not built yet") }

// SignaturePolicy returns the inline signature policy, or the channel policy
// reference (a path below /Channel/Application), of the validation parameter.
func (d *Definition) SignaturePolicy() (*common.SignaturePolicyEnvelope, string, error) {
	return nil, "", errors.New("not built yet")
}
