package validate

import (
	"fmt"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"github.com/weft-network/weft/ledger/channel"
	"github.com/weft-network/weft/ledger/definition"
	"github.com/weft-network/weft/ledger/policy"
	"github.com/weft-network/weft/ledger/state"
	"google.golang.org/protobuf/proto"
)

// policies finds endorsement policies in definitions as they were before the
// block. It serves one block and remembers what it found.
type policies struct {
	cfg    *channel.Config
	get    definition.Getter
	byName map[string]*namespace
	inline map[string]*rule // of chaincodes and collections, by their ApplicationPolicy
	keys   map[string]*rule // of keys, by their SignaturePolicyEnvelope
	left   int              // searches that findings may still make: see explain
}

// namespace is the policies of one namespace.
type namespace struct {
	*policies
	name        string
	chaincode   *rule // nil with what is missing
	missing     string
	definition  *definition.Definition // nil for _lifecycle
	collections map[string]*rule       // found so far
}

func newPolicies(cfg *channel.Config, r state.Reader) *policies {
	return &policies{
		cfg: cfg,
		get: func(ns, key string) ([]byte, error) {
			value, _, err := r.Get(ns, key)
			return value, err
		},
		byName: make(map[string]*namespace),
		inline: make(map[string]*rule),
		keys:   make(map[string]*rule),
		left:   maxSearches,
	}
}

// of returns the policies of a namespace. An error halts the channel.
func (p *policies) of(name string) (*namespace, error) {
	if found, ok := p.byName[name]; ok {
		return found, nil
	}
	found := &namespace{policies: p, name: name}
	if err := found.read(); err != nil {
		return nil, err
	}
	p.byName[name] = found
	return found, nil
}

// read is rule 14.
func (n *namespace) read() error {
	if n.name == definition.Namespace {
		n.chaincode = n.lifecycle()
		return nil
	}
	d, err := definition.Read(n.get, n.name)
	switch {
	case err != nil:
		return err
	case d == nil:
		n.missing = fmt.Sprintf("chaincode %q is not defined on this channel", n.name)
	case d.ValidationPlugin == "":
		n.missing = fmt.Sprintf("the definition of chaincode %q names no validation plugin", n.name)
	case len(d.ValidationParameter) == 0:
		n.missing = fmt.Sprintf("the definition of chaincode %q has no endorsement policy", n.name)
	case d.ValidationPlugin != definition.DefaultValidationPlugin:
		return fmt.Errorf("chaincode %s: this peer has no validation plugin %q", n.name, d.ValidationPlugin)
	default:
		n.definition = d
		n.chaincode = n.application(d.ValidationParameter)
	}
	return nil
}

// of is the policy of a collection that has no key's own one before it, and of
// public keys if the name is empty; nil if the chaincode has no such collection.
func (n *namespace) of(collection string) (*rule, error) {
	if collection == "" {
		return n.chaincode, nil
	}
	if found, ok := n.collections[collection]; ok {
		return found, nil
	}
	found, err := n.collection(collection)
	if err != nil {
		return nil, err
	}
	if n.collections == nil {
		n.collections = make(map[string]*rule)
	}
	n.collections[collection] = found
	return found, nil
}

func (n *namespace) collection(name string) (*rule, error) {
	if org, ok := definition.ImplicitCollectionOrg(name); ok {
		return n.implicit(org), nil
	}
	if n.definition == nil {
		return nil, nil
	}
	c, err := n.definition.Collection(name)
	if c == nil || err != nil {
		return nil, err
	}
	// A policy without any content is none, as in Fabric.
	if own := c.GetEndorsementPolicy(); own != nil && proto.Size(own) > 0 {
		raw, err := proto.Marshal(own)
		if err != nil {
			return nil, fmt.Errorf("endorsement policy of collection %q of chaincode %s: %w", name, n.name, err)
		}
		return n.application(raw), nil
	}
	return n.chaincode, nil
}

// lifecycle is the policy of definitions.
func (p *policies) lifecycle() *rule {
	return &rule{
		Policy:  p.cfg.LifecycleEndorsementPolicy(),
		words:   func() string { return channel.LifecycleEndorsementPath },
		layouts: p.cfg.LifecycleLayouts,
	}
}

// implicit is the policy of an organisation's own collection: its Endorsement,
// or any member of it where it has none; nil for one that is not of the channel.
func (p *policies) implicit(mspID string) *rule {
	org := p.cfg.Application[mspID]
	if org == nil {
		return nil
	}
	if path := "/Channel/Application/" + org.Name + "/Endorsement"; p.cfg.HasPolicy(path) {
		return p.reference(path)
	}
	env, err := policy.Parse("OR('" + mspID + ".member')")
	if err != nil {
		return never(fmt.Sprintf("any member of %s", mspID), err)
	}
	return p.signature(env)
}

// application compiles an ApplicationPolicy. What cannot be compiled is a
// policy that nothing satisfies: it exists, so its code is not "missing".
func (p *policies) application(raw []byte) *rule {
	if compiled, ok := p.inline[string(raw)]; ok {
		return compiled
	}
	app := &peer.ApplicationPolicy{}
	var compiled *rule
	if err := proto.Unmarshal(raw, app); err != nil {
		compiled = never("a policy that cannot be read", err)
	} else if env, reference, err := definition.PolicyOf(app); err != nil {
		compiled = never("a policy that cannot be read", err)
	} else if env != nil {
		compiled = p.signature(env)
	} else {
		compiled = p.reference(definition.PolicyPath(reference))
	}
	p.inline[string(raw)] = compiled
	return compiled
}

// ofKey compiles a key's own policy, a SignaturePolicyEnvelope.
func (p *policies) ofKey(raw []byte) *rule {
	if compiled, ok := p.keys[string(raw)]; ok {
		return compiled
	}
	env := &common.SignaturePolicyEnvelope{}
	var compiled *rule
	if err := proto.Unmarshal(raw, env); err != nil {
		compiled = never("a policy that cannot be read", err)
	} else {
		compiled = p.signature(env)
	}
	p.keys[string(raw)] = compiled
	return compiled
}

func (p *policies) reference(path string) *rule {
	return &rule{
		Policy:  p.cfg.Policy(path),
		words:   func() string { return path },
		layouts: func() []map[string]int { return p.cfg.Layouts(path) },
	}
}

func (p *policies) signature(env *common.SignaturePolicyEnvelope) *rule {
	compiled, err := policy.FromSignature(p.cfg.MSPs, env)
	if err != nil {
		return never(clip(policy.String(env), maxWords), err)
	}
	return &rule{
		Policy:  compiled,
		words:   func() string { return policy.String(env) },
		layouts: func() []map[string]int { return policy.Layouts(env, maxLayouts) },
	}
}
