package policy

import (
	"maps"
	"slices"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/msp"
	"google.golang.org/protobuf/proto"
)

// Layouts lists the smallest sets of organisations (MSP ids, sorted) whose
// peers can satisfy the policy, fewest signers first, at most limit of them. A
// layout maps an MSP id to how many of its peers must sign. Principals that no
// peer is, such as clients or single identities, are in no layout. Of a policy
// with very many layouts only some are found.
//
// Every layout satisfies the policy when evaluated, which asks for more than
// counting: AND(OR('A.peer','B.peer'),'A.peer') is satisfied by two peers of A,
// but not by one of A and one of B, because OR uses up both.
func Layouts(env *common.SignaturePolicyEnvelope, limit int) []map[string]int {
	left := maxRules
	root, err := compile(env.GetRule(), len(env.GetIdentities()), maxDepth, &left)
	if err != nil || limit <= 0 {
		return nil
	}
	names := make([]string, len(env.Identities))
	for i, p := range env.Identities {
		names[i] = peerOrg(p)
	}
	s := newSearch(names)
	orgs := make([]int, len(names)) // by principal; -1: no peer's
	for i, name := range names {
		orgs[i] = s.index(name)
	}
	return s.maps(s.solve(root, orgs, limit))
}

// peerOrg is the organisation whose peers are the principal, or "".
func peerOrg(p *msp.MSPPrincipal) string {
	var role msp.MSPRole
	if p.GetPrincipalClassification() != msp.MSPPrincipal_ROLE || proto.Unmarshal(p.GetPrincipal(), &role) != nil {
		return ""
	}
	if role.Role != msp.MSPRole_MEMBER && role.Role != msp.MSPRole_PEER {
		return ""
	}
	return role.MspIdentifier
}

// solve finds layouts by counting and keeps those that hold when evaluated.
// Where one does not, one signer more of some organisation may do.
func (s *search) solve(root rule, orgs []int, limit int) []layout {
	var good []layout
	queue := s.layouts(root, orgs)
	for tried := 0; tried < len(queue) && tried < maxCandidates && len(good) < limit; tried++ {
		candidate := queue[tried]
		if dominated(candidate, good) {
			continue
		}
		if root.satisfiedBy(candidate, orgs) {
			good = append(good, candidate)
			continue
		}
		for org, n := range candidate.n {
			if n > 0 {
				queue = append(queue, candidate.with(org, 1))
			}
		}
		rest := queue[tried+1:]
		slices.SortFunc(rest, compare)
		queue = append(queue[:tried+1], slices.CompactFunc(rest, func(a, b layout) bool { return compare(a, b) == 0 })...)
	}
	if len(good) == 0 {
		return s.fallback(root, orgs)
	}
	return good
}

// fallback serves the odd policies that use up so many signers that solve does
// not reach them: it lets everybody sign, and takes away whom it can.
func (s *search) fallback(root rule, orgs []int) []layout {
	all := layout{n: make([]uint16, len(s.names))}
	root.eachLeaf(func(principal int) {
		if org := orgs[principal]; org >= 0 {
			all = all.with(org, 1)
		}
	})
	if all.total > maxCandidates || !root.satisfiedBy(all, orgs) {
		return nil
	}
	for org := range all.n {
		for all.n[org] > 0 && root.satisfiedBy(all.with(org, -1), orgs) {
			all = all.with(org, -1)
		}
	}
	return []layout{all}
}

// ImplicitMetaLayouts are the layouts of an ImplicitMeta policy, given those of
// its sub-policies. One signer may serve several sub-policies.
func ImplicitMetaLayouts(rule common.ImplicitMetaPolicy_Rule, subs [][]map[string]int, limit int) []map[string]int {
	n, err := thresholdOf(rule, len(subs))
	if err != nil || limit <= 0 {
		return nil
	}
	var names []string
	for _, sub := range subs {
		for _, l := range sub {
			names = slices.AppendSeq(names, maps.Keys(l))
		}
	}
	s := newSearch(names)
	all := make([][]layout, len(subs))
	for i, sub := range subs {
		for _, l := range sub {
			all[i] = append(all[i], s.layout(l))
		}
	}
	found := s.choose(n, all, func(a, b uint16) uint16 { return max(a, b) })
	return s.maps(found[:min(len(found), limit)])
}
