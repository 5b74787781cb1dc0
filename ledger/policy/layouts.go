package policy

import (
	"cmp"
	"maps"
	"slices"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/msp"
	"google.golang.org/protobuf/proto"
)

const (
	// maxCandidates bounds the layouts kept at each step of the search, smallest
	// first; policies of real networks have a dozen.
	maxCandidates = 256
	// maxCombinations bounds the whole search, some tenths of a second. A search
	// that ends early has found fewer layouts, not wrong ones.
	maxCombinations = 1 << 16
)

// Layouts lists the smallest sets of organisations (MSP ids, sorted) whose
// peers can satisfy the policy, fewest signers first, at most limit of them. A
// layout maps an MSP id to how many of its peers must sign. Principals that no
// peer is, such as clients or single identities, are in no layout.
//
// Every layout satisfies the policy when evaluated, which asks for more than
// counting: AND(OR('A.peer','B.peer'),'A.peer') is satisfied by two peers of A,
// but not by one of A and one of B, because OR uses up both.
func Layouts(env *common.SignaturePolicyEnvelope, limit int) []map[string]int {
	orgs := make([]string, len(env.GetIdentities()))
	for i, p := range env.GetIdentities() {
		orgs[i] = peerOrg(p)
	}
	left := maxRules
	root, err := compile(env.GetRule(), len(orgs), maxDepth, &left)
	if err != nil {
		return nil
	}
	var good []map[string]int
	queue := root.layouts(orgs, &search{left: maxCombinations})
	for tried := 0; tried < len(queue) && tried < maxCandidates && len(good) < limit; tried++ {
		candidate := queue[tried]
		if dominated(candidate, good) {
			continue
		}
		if root.satisfiedBy(candidate, orgs) {
			good = append(good, candidate)
			continue
		}
		for org := range candidate { // one signer more of some organisation may do
			more := maps.Clone(candidate)
			more[org]++
			queue = append(queue, more)
		}
		slices.SortStableFunc(queue[tried+1:], compare)
	}
	return good
}

// ImplicitMetaLayouts are the layouts of an ImplicitMeta policy, given those of
// its sub-policies. One signer may serve several sub-policies.
func ImplicitMetaLayouts(rule common.ImplicitMetaPolicy_Rule, subs [][]map[string]int, limit int) []map[string]int {
	n, err := thresholdOf(rule, len(subs))
	if err != nil {
		return nil
	}
	s := &search{left: maxCombinations}
	all := s.choose(n, subs, func(a, b int) int { return max(a, b) })
	return all[:min(len(all), limit)]
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

// layouts counts signers: every principal below takes one of its own.
func (r rule) layouts(orgs []string, s *search) []map[string]int {
	if r.leaf {
		if orgs[r.principal] == "" {
			return nil
		}
		return []map[string]int{{orgs[r.principal]: 1}}
	}
	subs := make([][]map[string]int, len(r.subs))
	for i, sub := range r.subs {
		subs[i] = sub.layouts(orgs, s)
	}
	return s.choose(r.n, subs, func(a, b int) int { return a + b })
}

// search counts down the combinations that it may still try.
type search struct{ left int }

// choose combines the layouts of n of the subs, in all ways, joining counts.
func (s *search) choose(n int, subs [][]map[string]int, join func(a, b int) int) []map[string]int {
	if n <= 0 {
		return []map[string]int{{}}
	}
	if n > len(subs) {
		return nil
	}
	// chosen[k] are the ways to choose k of the subs seen so far.
	chosen := make([][]map[string]int, n+1)
	chosen[0] = []map[string]int{{}}
	for _, sub := range subs {
		for k := n; k > 0; k-- {
			ways := chosen[k]
			for _, a := range chosen[k-1] {
				for _, b := range sub {
					if s.left--; s.left >= 0 {
						ways = append(ways, combine(a, b, join))
					}
				}
			}
			chosen[k] = smallest(ways)
		}
	}
	return chosen[n]
}

func combine(a, b map[string]int, join func(a, b int) int) map[string]int {
	c := maps.Clone(a)
	for org, n := range b {
		c[org] = join(c[org], n)
	}
	return c
}

// smallest sorts layouts and drops those that ask for more than another.
func smallest(ways []map[string]int) []map[string]int {
	slices.SortStableFunc(ways, compare)
	var kept []map[string]int
	for _, w := range ways {
		if len(kept) == maxCandidates {
			break
		}
		if !dominated(w, kept) {
			kept = append(kept, w)
		}
	}
	return kept
}

// dominated reports whether one of others needs no more than w of anybody.
func dominated(w map[string]int, others []map[string]int) bool {
	return slices.ContainsFunc(others, func(o map[string]int) bool {
		for org, n := range o {
			if n > w[org] {
				return false
			}
		}
		return true
	})
}

// compare puts layouts with fewer signers first, then with fewer organisations,
// then by name.
func compare(a, b map[string]int) int {
	if c := cmp.Or(cmp.Compare(signers(a), signers(b)), cmp.Compare(len(a), len(b))); c != 0 {
		return c
	}
	x, y := slices.Sorted(maps.Keys(a)), slices.Sorted(maps.Keys(b))
	if c := slices.Compare(x, y); c != 0 {
		return c
	}
	for _, org := range x {
		if c := cmp.Compare(b[org], a[org]); c != 0 {
			return c
		}
	}
	return 0
}

func signers(layout map[string]int) int {
	sum := 0
	for _, n := range layout {
		sum += n
	}
	return sum
}

// satisfiedBy evaluates the rule with that many peers of each organisation.
// Their order does not matter, since a principal fits one organisation only.
func (r rule) satisfiedBy(layout map[string]int, orgs []string) bool {
	var ids []string
	for org, n := range layout {
		for range n {
			ids = append(ids, org)
		}
	}
	return r.holds(make([]bool, len(ids)), func(principal, id int) bool { return orgs[principal] == ids[id] })
}
