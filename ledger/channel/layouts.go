package channel

import (
	"maps"
	"slices"
	"strings"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/weft-network/weft/ledger/policy"
	"google.golang.org/protobuf/proto"
)

// maxLayouts bounds the layouts of one policy: a gateway tries a few and gives
// up. maxCombinations bounds the search for them, since a majority of twenty
// organisations has 167,960 combinations.
const (
	maxLayouts      = 64
	maxCombinations = 1024
)

// EndorsementLayouts are the sets of organisations whose peers can satisfy
// EndorsementPolicy, fewest peers first: layouts as policy.Layouts gives them.
func (c *Config) EndorsementLayouts() []map[string]int { return c.layoutsOrMajority(EndorsementPath) }

// LifecycleLayouts are the organisations whose endorsement the gateway asks for
// a chaincode commit: layouts as policy.Layouts gives them.
func (c *Config) LifecycleLayouts() []map[string]int {
	return c.layoutsOrMajority(LifecycleEndorsementPath)
}

func (c *Config) layoutsOrMajority(path string) []map[string]int {
	if c.HasPolicy(path) {
		return c.Layouts(path)
	}
	return policy.Layouts(c.majority(), maxLayouts)
}

// Layouts lists, for the policy at a full path, the smallest sets of
// organisations whose peers can satisfy it, fewest peers first. There are none
// for a missing policy and for one that needs nobody. Of very wide policies
// only the first few are listed.
func (c *Config) Layouts(path string) []map[string]int {
	found := smallest(c.search(path))
	return found[:min(len(found), maxLayouts)]
}

// search lists layouts of the policy at path, not yet sorted nor minimal.
func (c *Config) search(path string) []map[string]int {
	cut := strings.LastIndexByte(path, '/')
	if cut < 0 || !c.HasPolicy(path) {
		return nil
	}
	g := c.groups[path[:cut]]
	p := g.Policies[path[cut+1:]].GetPolicy()
	if common.Policy_PolicyType(p.GetType()) == common.Policy_SIGNATURE {
		env := &common.SignaturePolicyEnvelope{}
		if proto.Unmarshal(p.GetValue(), env) != nil {
			return nil
		}
		return policy.Layouts(env, maxLayouts)
	}
	meta, err := implicitMeta(p)
	if err != nil {
		return nil
	}
	var subs [][]map[string]int
	for _, sub := range subPaths(g, meta.GetSubPolicy()) {
		subs = append(subs, smallest(c.search(sub)))
	}
	return choose(subs, threshold(meta.GetRule(), len(subs)))
}

func threshold(rule common.ImplicitMetaPolicy_Rule, n int) int {
	switch rule {
	case common.ImplicitMetaPolicy_ALL:
		return n
	case common.ImplicitMetaPolicy_MAJORITY:
		return n/2 + 1
	}
	return 1
}

// choose lists the ways to satisfy need of the sub-policies, each way with one
// layout per chosen sub-policy. A sub-policy without layouts cannot be chosen.
func choose(subs [][]map[string]int, need int) []map[string]int {
	subs = slices.DeleteFunc(subs, func(s []map[string]int) bool { return len(s) == 0 })
	var found []map[string]int
	var step func(i, need int, sofar map[string]int)
	step = func(i, need int, sofar map[string]int) {
		if need == 0 {
			found = append(found, sofar)
			return
		}
		if need > len(subs)-i {
			return
		}
		for _, layout := range subs[i] {
			if len(found) >= maxCombinations {
				return
			}
			step(i+1, need-1, merge(sofar, layout))
		}
		if len(found) < maxCombinations {
			step(i+1, need, sofar)
		}
	}
	step(0, need, map[string]int{})
	return found
}

// merge takes the larger number of each organisation: the sub-policies of an
// ImplicitMeta policy all see the same signatures, so one may serve several.
func merge(a, b map[string]int) map[string]int {
	m := maps.Clone(a)
	for id, n := range b {
		m[id] = max(m[id], n)
	}
	return m
}

// smallest sorts layouts by the number of peers, then by name, and drops those
// that ask for all that an earlier one asks for.
func smallest(all []map[string]int) []map[string]int {
	slices.SortStableFunc(all, compareLayouts)
	var kept []map[string]int
	for _, l := range all {
		covers := func(k map[string]int) bool { return covered(k, l) }
		if len(l) > 0 && !slices.ContainsFunc(kept, covers) {
			kept = append(kept, l)
		}
	}
	return kept
}

func compareLayouts(a, b map[string]int) int {
	if d := peers(a) - peers(b); d != 0 {
		return d
	}
	return slices.Compare(sortedKeys(a), sortedKeys(b))
}

func peers(l map[string]int) int {
	n := 0
	for _, k := range l {
		n += k
	}
	return n
}

// covered reports whether l holds everything that k asks for.
func covered(k, l map[string]int) bool {
	for id, n := range k {
		if l[id] < n {
			return false
		}
	}
	return true
}
