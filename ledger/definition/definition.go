// Package definition reads and writes committed chaincode definitions under
// Fabric's _lifecycle keys. It is pure: state comes in through a getter.
//
// A definition is spread over one key per field, each with a typed value, and
// one key that lists the fields. Values are Fabric's to the byte, so that
// endorsements of a commit agree between the two, and the read of SequenceKey
// in every endorsement conflicts with a commit.
package definition

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"google.golang.org/protobuf/proto"
)

// Namespace is the namespace of chaincode definitions.
const Namespace = "_lifecycle"

// The built-in plugins, the defaults of a definition.
const (
	DefaultEndorsementPlugin = "escc"
	DefaultValidationPlugin  = "vscc"
)

// DefaultPolicyReference is the channel policy that holds for a definition
// without an own one.
const DefaultPolicyReference = "/Channel/Application/Endorsement"

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

// SetDefaults fills what a user may leave out: the plugins and the policy.
func (d *Definition) SetDefaults() {
	if d.EndorsementPlugin == "" {
		d.EndorsementPlugin = DefaultEndorsementPlugin
	}
	if d.ValidationPlugin == "" {
		d.ValidationPlugin = DefaultValidationPlugin
	}
	if len(d.ValidationParameter) == 0 {
		d.ValidationParameter = ReferencePolicy(DefaultPolicyReference)
	}
}

// ReferencePolicy is the validation parameter that refers to a channel policy.
func ReferencePolicy(reference string) []byte {
	raw, _ := proto.Marshal(&peer.ApplicationPolicy{ // one valid string always encodes
		Type: &peer.ApplicationPolicy_ChannelConfigPolicyReference{ChannelConfigPolicyReference: reference},
	})
	return raw
}

// InlinePolicy is the validation parameter that holds a signature policy.
func InlinePolicy(env *common.SignaturePolicyEnvelope) ([]byte, error) {
	return proto.Marshal(&peer.ApplicationPolicy{
		Type: &peer.ApplicationPolicy_SignaturePolicy{SignaturePolicy: env},
	})
}

// SignaturePolicy returns the inline signature policy, or the channel policy
// reference, of the validation parameter: see PolicyOf.
func (d *Definition) SignaturePolicy() (*common.SignaturePolicyEnvelope, string, error) {
	p := &peer.ApplicationPolicy{}
	if err := proto.Unmarshal(d.ValidationParameter, p); err != nil {
		return nil, "", fmt.Errorf("validation parameter of chaincode %s: %w", d.Name, err)
	}
	env, reference, err := PolicyOf(p)
	if err != nil {
		return nil, "", fmt.Errorf("validation parameter of chaincode %s: %w", d.Name, err)
	}
	return env, reference, nil
}

// PolicyPath resolves a channel policy reference to a full path.
func PolicyPath(reference string) string {
	if strings.HasPrefix(reference, "/") {
		return reference
	}
	return "/Channel/" + reference
}

// MetadataPrefix begins the keys that list a chaincode's fields, one for each
// committed chaincode.
const MetadataPrefix = "namespaces/metadata/"

const fieldsPrefix = "namespaces/fields/"

// MetadataKey is the key that exists for every committed chaincode.
func MetadataKey(name string) string { return MetadataPrefix + name }

// SequenceKey is the key whose read invalidates transactions endorsed under an
// older definition.
func SequenceKey(name string) string { return fieldKey(name, fieldSequence) }

func fieldKey(name, field string) string { return fieldsPrefix + name + "/" + field }

// List returns the names of all committed chaincodes, sorted, given the keys
// under MetadataPrefix; other keys are left out.
func List(keys []string) []string {
	var names []string
	for _, k := range keys {
		if name, ok := strings.CutPrefix(k, MetadataPrefix); ok && name != "" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Getter reads one committed key of a namespace; nil without error is absent.
type Getter func(namespace, key string) ([]byte, error)

// ErrCorrupt says that the committed state holds something else than a
// definition under a definition's keys. No honest peer endorses such writes.
var ErrCorrupt = errors.New("the committed definition cannot be read")
