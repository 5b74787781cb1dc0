// Package policy parses and evaluates Fabric's policies: signature policies
// (AND, OR, OutOf over principals), and ImplicitMeta policies over the policies
// of sub-groups. Evaluation is pure.
package policy

import (
	"errors"

	"github.com/weft-network/weft/ledger/ident"
)

// maxSigned is how many signatures of one message are looked at. A policy of
// hundreds of signers is unheard of, and each look costs a signature check.
const maxSigned = 1000

// Signed is a signature over Prefix and Data, joined, by a serialized identity.
// A message that many sign, each with something added, is the Prefix of all.
type Signed struct {
	Prefix, Data, Identity, Signature []byte
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
// Unknown identities and bad signatures are left out, as Fabric does, and so is
// everything after the first thousand signatures.
func Verify(set *ident.Set, signed []Signed) []*ident.Identity {
	signed = signed[:min(len(signed), maxSigned)]
	ids := make([]*ident.Identity, 0, len(signed))
	seen := make(map[string]bool, len(signed))
	var joined []byte // one piece of memory, however many sign
	for _, s := range signed {
		id, err := set.Identity(s.Identity)
		// Known before its signature is checked: repeating one good signature
		// must not buy work.
		if err != nil || seen[id.Key()] {
			continue
		}
		data := s.Data
		if len(s.Prefix) > 0 {
			joined = append(append(joined[:0], s.Prefix...), s.Data...)
			data = joined
		}
		if id.Verify(data, s.Signature) != nil {
			continue
		}
		seen[id.Key()] = true
		ids = append(ids, id)
	}
	return ids
}

// Never is a policy that nobody satisfies, for that reason.
func Never(why string) Policy { return never{errors.New(why)} }

type never struct{ why error }

func (n never) Evaluate([]*ident.Identity) error { return n.why }
