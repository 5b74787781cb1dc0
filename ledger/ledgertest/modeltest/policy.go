package modeltest

import (
	"bytes"
	"slices"
	"strings"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/msp"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"google.golang.org/protobuf/proto"
)

// config is a configuration as it came.
type config struct {
	root     *common.ConfigGroup
	sequence uint64
	orgs     map[string]*org // by MSP id
	members  map[string]*member
	checked  map[string]bool
}

func readConfig(raw []byte) (*config, error) {
	env := &common.ConfigEnvelope{}
	if err := proto.Unmarshal(raw, env); err != nil {
		return nil, err
	}
	c := &config{
		root: env.Config.GetChannelGroup(), sequence: env.Config.GetSequence(),
		orgs: map[string]*org{}, members: map[string]*member{}, checked: map[string]bool{},
	}
	for _, side := range []string{"Application", "Orderer"} {
		for _, g := range c.root.Groups[side].GetGroups() {
			id, o, err := readOrg(g.Values["MSP"].GetValue())
			if err != nil {
				return nil, err
			}
			c.orgs[id] = o
		}
	}
	return c, nil
}

// holds evaluates the channel's policy at a path such as
// /Channel/Application/Writers, or one below /Channel.
func (c *config) holds(bug Bug, path string, all []signature) bool {
	return c.at(bug, path, c.signers(bug, all))
}

func (c *config) has(path string) bool {
	g, name := c.walk(path)
	return g != nil && g.Policies[name] != nil
}

func (c *config) walk(path string) (*common.ConfigGroup, string) {
	if rest, absolute := strings.CutPrefix(path, "/Channel/"); absolute {
		path = rest
	} else if strings.HasPrefix(path, "/") {
		return nil, ""
	}
	parts := strings.Split(path, "/")
	g := c.root
	for _, name := range parts[:len(parts)-1] {
		g = g.GetGroups()[name]
	}
	return g, parts[len(parts)-1]
}

func (c *config) at(bug Bug, path string, signers []*member) bool {
	g, name := c.walk(path)
	if g == nil {
		return false
	}
	return c.evaluate(bug, g, g.Policies[name].GetPolicy(), signers)
}

func (c *config) evaluate(bug Bug, g *common.ConfigGroup, p *common.Policy, signers []*member) bool {
	switch p.GetType() {
	case int32(common.Policy_SIGNATURE):
		env := &common.SignaturePolicyEnvelope{}
		return proto.Unmarshal(p.Value, env) == nil && c.signedBy(bug, env, signers)
	case int32(common.Policy_IMPLICIT_META):
		meta := &common.ImplicitMetaPolicy{}
		if proto.Unmarshal(p.Value, meta) != nil {
			return false
		}
		held := 0
		for _, sub := range g.Groups {
			if c.evaluate(bug, sub, sub.Policies[meta.SubPolicy].GetPolicy(), signers) {
				held++
			}
		}
		need := map[common.ImplicitMetaPolicy_Rule]int{
			common.ImplicitMetaPolicy_ANY: 1, common.ImplicitMetaPolicy_ALL: len(g.Groups),
			common.ImplicitMetaPolicy_MAJORITY: len(g.Groups)/2 + 1,
		}[meta.Rule]
		return held >= need || len(g.Groups) == 0
	}
	return false
}

// signedBy evaluates a signature policy; a broken one holds for nobody.
func (c *config) signedBy(bug Bug, env *common.SignaturePolicyEnvelope, signers []*member) bool {
	if env.GetRule() == nil || env.Version != 0 || !sound(env.Rule, len(env.Identities)) {
		return false
	}
	ok, _ := c.rule(bug, env, env.Rule, signers, nil)
	return ok
}

func sound(r *common.SignaturePolicy, principals int) bool {
	switch t := r.GetType().(type) {
	case *common.SignaturePolicy_SignedBy:
		return t.SignedBy >= 0 && int(t.SignedBy) < principals
	case *common.SignaturePolicy_NOutOf_:
		return !slices.ContainsFunc(t.NOutOf.GetRules(), func(r *common.SignaturePolicy) bool { return !sound(r, principals) })
	}
	return false
}

// rule takes the signers used so far and returns those used after it. A leaf
// takes the first unused one that fits; a gate asks all of its rules, in order,
// and uses nobody if it fails.
func (c *config) rule(bug Bug, env *common.SignaturePolicyEnvelope, r *common.SignaturePolicy, signers []*member, used []int) (bool, []int) {
	gate := r.GetNOutOf()
	if gate == nil {
		for i, s := range signers {
			if (bug == AnyOrder || !slices.Contains(used, i)) && c.fits(s, env.Identities[r.GetSignedBy()], bug) {
				return true, append(slices.Clone(used), i)
			}
		}
		return false, used
	}
	held, now := 0, used
	for _, sub := range gate.Rules {
		ok, after := c.rule(bug, env, sub, signers, now)
		if ok {
			held, now = held+1, after
		}
	}
	if held < int(gate.N) {
		return false, used
	}
	return true, now
}

func (c *config) fits(m *member, p *msp.MSPPrincipal, bug Bug) bool {
	switch p.GetPrincipalClassification() {
	case msp.MSPPrincipal_ROLE:
		role := &msp.MSPRole{}
		if proto.Unmarshal(p.Principal, role) != nil || role.MspIdentifier != m.mspID {
			return false
		}
		return role.Role == msp.MSPRole_MEMBER || strings.EqualFold(role.Role.String(), m.roles[0])
	case msp.MSPPrincipal_IDENTITY:
		other := c.member(p.Principal, bug)
		return other != nil && bytes.Equal(other.cert.Raw, m.cert.Raw)
	}
	return false
}

// policy evaluates a marshalled ApplicationPolicy.
func (c *config) policy(bug Bug, raw []byte, signers []*member) bool {
	p := &peer.ApplicationPolicy{}
	if proto.Unmarshal(raw, p) != nil {
		return false
	}
	switch t := p.Type.(type) {
	case *peer.ApplicationPolicy_SignaturePolicy:
		return c.signedBy(bug, t.SignaturePolicy, signers)
	case *peer.ApplicationPolicy_ChannelConfigPolicyReference:
		return c.has(t.ChannelConfigPolicyReference) && c.at(bug, t.ChannelConfigPolicyReference, signers)
	}
	return false
}

// lifecycle guards the namespace _lifecycle: the channel's policy, or members
// of more than half the application organisations.
func (c *config) lifecycle(bug Bug, signers []*member) bool {
	if path := "/Channel/Application/LifecycleEndorsement"; c.has(path) {
		return c.at(bug, path, signers)
	}
	held := 0
	orgs := c.root.Groups["Application"].Groups
	for _, g := range orgs {
		id, _, _ := readOrg(g.Values["MSP"].GetValue())
		if slices.ContainsFunc(signers, func(m *member) bool { return m.mspID == id }) {
			held++
		}
	}
	return held >= len(orgs)/2+1
}

// implicit guards the implicit collection of an organisation: its own
// Endorsement policy, or any member of it.
func (c *config) implicit(bug Bug, mspID string, signers []*member) bool {
	if path := "/Channel/Application/" + c.application(mspID) + "/Endorsement"; c.has(path) {
		return c.at(bug, path, signers)
	}
	return slices.ContainsFunc(signers, func(m *member) bool { return m.mspID == mspID })
}

// application is the name of the application organisation with that MSP id, or
// "".
func (c *config) application(mspID string) string {
	for name, g := range c.root.Groups["Application"].Groups {
		if id, _, _ := readOrg(g.Values["MSP"].GetValue()); id == mspID {
			return name
		}
	}
	return ""
}
