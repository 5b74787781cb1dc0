package channel

import (
	"fmt"
	"strings"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/msp"
	"github.com/weft-network/weft/ledger/ident"
	"github.com/weft-network/weft/ledger/policy"
	"google.golang.org/protobuf/proto"
)

// Paths of the policies that judge blocks, chaincode and its definitions.
const (
	BlockValidationPath      = ordererPath + "/BlockValidation"
	EndorsementPath          = applicationPath + "/Endorsement"
	LifecycleEndorsementPath = applicationPath + "/LifecycleEndorsement"
)

// missing stands for a policy that the channel does not have.
type missing string

func (m missing) Evaluate([]*ident.Identity) error {
	return fmt.Errorf("the channel has no policy %q, so nobody satisfies it", string(m))
}

// Policy returns the policy at a full path such as "/Channel/Application/Writers".
// A missing policy is returned as one that nobody satisfies, and whose error
// names the path.
func (c *Config) Policy(path string) policy.Policy {
	if p, ok := c.policies[path]; ok {
		return p
	}
	return missing(path)
}

// HasPolicy reports whether the path names a policy.
func (c *Config) HasPolicy(path string) bool {
	_, ok := c.policies[path]
	return ok
}

// EndorsementPolicy is /Channel/Application/Endorsement, or a majority of
// members where the channel has none; LifecycleEndorsementPolicy likewise.
func (c *Config) EndorsementPolicy() policy.Policy { return c.policyOrMajority(EndorsementPath) }

// LifecycleEndorsementPolicy guards commits of chaincode definitions.
func (c *Config) LifecycleEndorsementPolicy() policy.Policy {
	return c.policyOrMajority(LifecycleEndorsementPath)
}

func (c *Config) policyOrMajority(path string) policy.Policy {
	if p, ok := c.policies[path]; ok {
		return p
	}
	p, err := policy.FromSignature(c.MSPs, c.majority())
	if err != nil {
		return missing(path)
	}
	return p
}

// majority is Fabric's fallback: a member of more than half the application
// organisations.
func (c *Config) majority() *common.SignaturePolicyEnvelope {
	ids := sortedKeys(c.Application)
	env := &common.SignaturePolicyEnvelope{}
	var rules []*common.SignaturePolicy
	for i, id := range ids {
		role, err := proto.Marshal(&msp.MSPRole{MspIdentifier: id, Role: msp.MSPRole_MEMBER})
		if err != nil { // an MSP id that is no UTF-8 cannot have come out of a proto string
			continue
		}
		env.Identities = append(env.Identities, &msp.MSPPrincipal{PrincipalClassification: msp.MSPPrincipal_ROLE, Principal: role})
		rules = append(rules, &common.SignaturePolicy{Type: &common.SignaturePolicy_SignedBy{SignedBy: int32(i)}})
	}
	env.Rule = &common.SignaturePolicy{Type: &common.SignaturePolicy_NOutOf_{
		NOutOf: &common.SignaturePolicy_NOutOf{N: int32(len(ids)/2 + 1), Rules: rules},
	}}
	return env
}

// readPolicies compiles every policy of the tree, sub-groups first, since a
// group's ImplicitMeta policies are made of those below it.
func (c *Config) readPolicies() error {
	c.policies = map[string]policy.Policy{}
	if err := c.compile(c.groups[rootPath]); err != nil {
		return err
	}
	if !c.HasPolicy(BlockValidationPath) {
		return fmt.Errorf("policy %s: it is missing, and without it no block could be checked", BlockValidationPath)
	}
	return nil
}

func (c *Config) compile(g *group) error {
	for _, sub := range g.children() {
		if err := c.compile(sub); err != nil {
			return err
		}
	}
	for _, name := range sortedKeys(g.Policies) {
		path := g.path + "/" + name
		p, err := c.compileOne(g, g.Policies[name].GetPolicy())
		if err != nil {
			return fmt.Errorf("policy %s: %w", path, err)
		}
		c.policies[path] = p
	}
	return nil
}

func (c *Config) compileOne(g *group, p *common.Policy) (policy.Policy, error) {
	switch common.Policy_PolicyType(p.GetType()) {
	case common.Policy_SIGNATURE:
		env := &common.SignaturePolicyEnvelope{}
		if err := proto.Unmarshal(p.GetValue(), env); err != nil {
			return nil, fmt.Errorf("parse the signature policy: %w", err)
		}
		return policy.FromSignature(c.MSPs, env)
	case common.Policy_IMPLICIT_META:
		meta, err := implicitMeta(p)
		if err != nil {
			return nil, err
		}
		var subs []policy.Policy
		for _, path := range subPaths(g, meta.GetSubPolicy()) {
			subs = append(subs, c.Policy(path))
		}
		return policy.ImplicitMeta(meta.GetRule(), meta.GetSubPolicy(), subs), nil
	}
	return nil, fmt.Errorf("its type is %s, only SIGNATURE and IMPLICIT_META are supported", common.Policy_PolicyType(p.GetType()))
}

func implicitMeta(p *common.Policy) (*common.ImplicitMetaPolicy, error) {
	meta := &common.ImplicitMetaPolicy{}
	if err := proto.Unmarshal(p.GetValue(), meta); err != nil {
		return nil, fmt.Errorf("parse the ImplicitMeta policy: %w", err)
	}
	if _, ok := common.ImplicitMetaPolicy_Rule_name[int32(meta.GetRule())]; !ok {
		return nil, fmt.Errorf("its rule is %d, not ANY, ALL or MAJORITY", meta.GetRule())
	}
	return meta, nil
}

// subPaths are the full paths that a sub-policy's name means in each sub-group,
// in order of the groups.
func subPaths(g *group, name string) []string {
	var paths []string
	for _, sub := range g.children() {
		path := sub.path + "/" + name
		if strings.HasPrefix(name, "/") { // a full path lies in one group at most
			path = name
			if !strings.HasPrefix(name, sub.path+"/") {
				path = sub.path + "/" + name // two slashes: in no group's policies
			}
		}
		paths = append(paths, path)
	}
	return paths
}
