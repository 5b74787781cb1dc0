package validate

import (
	"fmt"

	"github.com/weft-network/weft/ledger/channel"
	"github.com/weft-network/weft/ledger/definition"
	"github.com/weft-network/weft/ledger/ident"
	"github.com/weft-network/weft/ledger/policy"
	"github.com/weft-network/weft/ledger/state"
)

// policies finds the endorsement policy of a namespace, from definitions as
// they were before the block. It serves one block and remembers what it found.
type policies struct {
	cfg    *channel.Config
	get    definition.Getter
	byName map[string]nsPolicy
	inline map[string]policy.Policy // compiled, by the validation parameter's bytes
}

// nsPolicy is the policy of a namespace, or nil with what is missing.
type nsPolicy struct {
	policy  policy.Policy
	missing string
}

func newPolicies(cfg *channel.Config, r state.Reader) *policies {
	return &policies{
		cfg: cfg,
		get: func(ns, key string) ([]byte, error) {
			value, _, err := r.Get(ns, key)
			return value, err
		},
		byName: make(map[string]nsPolicy),
		inline: make(map[string]policy.Policy),
	}
}

// of returns the policy of a namespace. An error halts the channel.
func (p *policies) of(namespace string) (nsPolicy, error) {
	if found, ok := p.byName[namespace]; ok {
		return found, nil
	}
	found, err := p.find(namespace)
	if err == nil {
		p.byName[namespace] = found
	}
	return found, err
}

func (p *policies) find(namespace string) (nsPolicy, error) {
	if namespace == definition.Namespace {
		return nsPolicy{policy: p.cfg.LifecycleEndorsementPolicy()}, nil
	}
	d, err := definition.Read(p.get, namespace)
	switch {
	case err != nil:
		return nsPolicy{}, err
	case d == nil:
		return nsPolicy{missing: fmt.Sprintf("chaincode %q is not defined on this channel", namespace)}, nil
	case d.ValidationPlugin == "":
		return nsPolicy{missing: fmt.Sprintf("the definition of chaincode %q names no validation plugin", namespace)}, nil
	case len(d.ValidationParameter) == 0:
		return nsPolicy{missing: fmt.Sprintf("the definition of chaincode %q has no endorsement policy", namespace)}, nil
	case d.ValidationPlugin != definition.DefaultValidationPlugin:
		return nsPolicy{}, fmt.Errorf("chaincode %s: this peer has no validation plugin %q", namespace, d.ValidationPlugin)
	}
	return nsPolicy{policy: p.compile(d)}, nil
}

// compile makes the policy of a definition. What cannot be compiled is a policy
// that nothing satisfies: the definition exists, so its code is not "missing".
func (p *policies) compile(d *definition.Definition) policy.Policy {
	key := string(d.ValidationParameter)
	if compiled, ok := p.inline[key]; ok {
		return compiled
	}
	env, reference, err := d.SignaturePolicy()
	var compiled policy.Policy
	switch {
	case err != nil:
	case env == nil:
		compiled = p.cfg.Policy(definition.PolicyPath(reference))
	default:
		compiled, err = policy.FromSignature(p.cfg.MSPs, env)
	}
	if err != nil {
		compiled = never{err}
	}
	p.inline[key] = compiled
	return compiled
}

// never is satisfied by nobody.
type never struct{ reason error }

func (n never) Evaluate([]*ident.Identity) error { return n.reason }
