// Package policy parses and evaluates Fabric's policies: signature policies
// (AND, OR, OutOf over principals), and ImplicitMeta policies over the policies
// of sub-groups. Evaluation is pure.
package policy

import (
	"errors"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/weft-network/weft/ledger/ident"
)

// Signed is a signature over Data by a serialized identity.
type Signed struct {
	Data, Identity, Signature []byte
}

// Policy decides whether a set of identities is enough. Implementations are
// immutable and safe for concurrent use.
type Policy interface {
	// Evaluate is nil when the identities satisfy the policy; the error says
	// what is missing in words a user understands. Every identity counts once:
	// pass the result of Verify.
	Evaluate(ids []*ident.Identity) error
}

// Verify returns the distinct identities whose signature is good, in order.
// Unknown identities and bad signatures are left out, as Fabric does.
func Verify(set *ident.Set, signed []Signed) []*ident.Identity { return nil }

// Parse reads Fabric's policy language: AND('Org1MSP.peer', OR(…)), OutOf(2,…).
func Parse(dsl string) (*common.SignaturePolicyEnvelope, error) {
	return nil, errors.New("not built yet")
}

// String writes an envelope in the policy language.
func String(env *common.SignaturePolicyEnvelope) string { return "" }

// FromSignature compiles a signature policy.
func FromSignature(set *ident.Set, env *common.SignaturePolicyEnvelope) (Policy, error) {
	return nil, errors.New("not built yet")
}

// ImplicitMeta is ANY, ALL or MAJORITY over the sub-policies; a missing
// sub-policy counts as one that is never satisfied. No sub-policies: satisfied.
func ImplicitMeta(rule common.ImplicitMetaPolicy_Rule, name string, subs []Policy) Policy {
	return nil
}

// Layouts lists the smallest sets of organisations (MSP ids, sorted) whose
// peers can satisfy the policy, fewest first, at most max of them. A layout
// maps an MSP id to how many of its peers must sign.
func Layouts(env *common.SignaturePolicyEnvelope, max int) []map[string]int { return nil }
