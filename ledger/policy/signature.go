package policy

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/weft-network/weft/ledger/ident"
)

// FromSignature compiles a signature policy. It refuses other versions than 0,
// principals that are not there, and policies that are nested too deeply.
func FromSignature(set *ident.Set, env *common.SignaturePolicyEnvelope) (Policy, error) {
	if env == nil || env.Rule == nil {
		return nil, errors.New("compile policy: it is empty")
	}
	if env.Version != 0 {
		return nil, fmt.Errorf("compile policy: version %d is unknown; only 0 is", env.Version)
	}
	if len(env.Identities) > maxRules {
		return nil, fmt.Errorf("compile policy: it has %d principals, more than %d", len(env.Identities), maxRules)
	}
	p := &signature{set: set, env: env, principals: make([]*ident.Principal, len(env.Identities))}
	for i, principal := range env.Identities {
		p.principals[i] = ident.NewPrincipal(principal)
	}
	left := maxRules
	var err error
	if p.root, err = compile(env.Rule, len(env.Identities), maxDepth, &left); err != nil {
		return nil, fmt.Errorf("compile policy: %w", err)
	}
	return p, nil
}

// signature is a compiled signature policy.
type signature struct {
	set        *ident.Set
	env        *common.SignaturePolicyEnvelope
	principals []*ident.Principal
	root       rule
}

// rule is a gate over subs, or one principal if it is a leaf.
type rule struct {
	leaf      bool
	principal int
	n         int
	subs      []rule
}

func compile(r *common.SignaturePolicy, principals, depth int, left *int) (rule, error) {
	if *left--; *left < 0 {
		return rule{}, fmt.Errorf("it has more than %d parts", maxRules)
	}
	switch t := r.GetType().(type) {
	case *common.SignaturePolicy_SignedBy:
		if t.SignedBy < 0 || int(t.SignedBy) >= principals {
			return rule{}, fmt.Errorf("it asks for principal %d, but has %d", t.SignedBy, principals)
		}
		return rule{leaf: true, principal: int(t.SignedBy)}, nil
	case *common.SignaturePolicy_NOutOf_:
		if depth == 0 {
			return rule{}, fmt.Errorf("gates are nested more than %d deep", maxDepth)
		}
		gate := rule{n: int(t.NOutOf.GetN()), subs: make([]rule, 0, len(t.NOutOf.GetRules()))}
		for _, sub := range t.NOutOf.GetRules() {
			c, err := compile(sub, principals, depth-1, left)
			if err != nil {
				return rule{}, err
			}
			gate.subs = append(gate.subs, c)
		}
		return gate, nil
	}
	return rule{}, errors.New("it has an empty part")
}

// Evaluate is greedy, from left to right, exactly as Fabric is: a principal
// takes the first identity not yet used that fits; a gate that holds keeps what
// it used, one that does not gives it back; and a gate goes through all its
// rules even when it has enough.
func (p *signature) Evaluate(ids []*ident.Identity) error {
	matches := func(principal, id int) bool {
		return p.set.Matches(ids[id], p.principals[principal]) == nil
	}
	if p.root.holds(make([]bool, len(ids)), matches) {
		return nil
	}
	return &unsatisfied{p, ids}
}

// holds marks the identities that it uses; when it fails, used is as it was.
func (r rule) holds(used []bool, matches func(principal, id int) bool) bool {
	if r.leaf {
		for id := range used {
			if !used[id] && matches(r.principal, id) {
				used[id] = true
				return true
			}
		}
		return false
	}
	before := slices.Clone(used)
	held := 0
	for _, sub := range r.subs {
		if sub.holds(used, matches) {
			held++
		}
	}
	if held < r.n {
		copy(used, before)
		return false
	}
	return true
}

// unsatisfied is worded only when somebody reads it.
type unsatisfied struct {
	p   *signature
	ids []*ident.Identity
}

// maxNamed is how many identities or principals an error lists.
const maxNamed = 10

func (u *unsatisfied) Error() string {
	return fmt.Sprintf("signature set did not satisfy policy %s: %s; %s", shorten(String(u.p.env)), u.missing(), u.signers())
}

// missing names the principals that nobody is.
func (u *unsatisfied) missing() string {
	var names []string
	for _, p := range u.p.principals {
		fits := func(id *ident.Identity) bool { return u.p.set.Matches(id, p) == nil }
		if !slices.ContainsFunc(u.ids, fits) && !slices.Contains(names, p.String()) {
			names = append(names, p.String())
		}
	}
	if len(names) == 0 {
		return "there are too few signers, and each counts once"
	}
	return "nobody signed as " + list(names, " or ")
}

func (u *unsatisfied) signers() string {
	if len(u.ids) == 0 {
		return "there is no valid signature"
	}
	names := make([]string, len(u.ids))
	for i, id := range u.ids {
		names[i] = fmt.Sprintf("%s (%s)", id, strings.Join(id.Roles(), ", "))
	}
	return "signed by " + list(names, ", ")
}

func list(names []string, sep string) string {
	if len(names) > maxNamed {
		names = append(names[:maxNamed:maxNamed], fmt.Sprintf("%d more", len(names)-maxNamed))
	}
	return strings.Join(names, sep)
}
