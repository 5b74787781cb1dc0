package policy

import (
	"fmt"
	"strings"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/weft-network/weft/ledger/ident"
)

// String writes an envelope in the policy language. What Parse made comes out
// such that Parse makes the same of it again. Principals that the language has
// no words for stand in angle brackets.
func String(env *common.SignaturePolicyEnvelope) string {
	w := writer{env: env}
	if env.GetRule().GetNOutOf() == nil {
		return "OR(" + w.rule(env.GetRule(), maxDepth) + ")" // a lone principal
	}
	return w.rule(env.Rule, maxDepth)
}

type writer struct {
	env   *common.SignaturePolicyEnvelope
	parts int
}

func (w *writer) rule(r *common.SignaturePolicy, depth int) string {
	if w.parts++; depth < 0 || w.parts > maxRules {
		return "…"
	}
	switch t := r.GetType().(type) {
	case *common.SignaturePolicy_SignedBy:
		return w.principal(t.SignedBy)
	case *common.SignaturePolicy_NOutOf_:
		rules := t.NOutOf.GetRules()
		args := make([]string, 0, len(rules)+1)
		gate := ""
		switch n := int(t.NOutOf.GetN()); {
		case n == 1 && len(rules) > 0:
			gate = "OR"
		case n == len(rules) && n > 0:
			gate = "AND"
		default:
			gate = "OutOf"
			args = append(args, fmt.Sprint(n))
		}
		for _, sub := range rules {
			args = append(args, w.rule(sub, depth-1))
		}
		return gate + "(" + strings.Join(args, ", ") + ")"
	}
	return "<empty>"
}

func (w *writer) principal(i int32) string {
	if i < 0 || int(i) >= len(w.env.GetIdentities()) {
		return fmt.Sprintf("<principal %d of %d>", i, len(w.env.GetIdentities()))
	}
	return principalText(ident.NewPrincipal(w.env.Identities[i]))
}

func principalText(p *ident.Principal) string {
	if p.IsRole() {
		return "'" + p.String() + "'"
	}
	return "<" + p.String() + ">"
}
