package gateway

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/weft-network/weft/ledger/policy"
)

// maxPlanned bounds the policies of one transaction that are planned for, those
// of called chaincodes and those of keys: more than chaincodes can call each
// other in a row, and what a peer says is not believed without end.
const maxPlanned = 32

// lookup finds the layouts of a chaincode's policy.
type lookup func(chaincode string) ([]map[string]int, error)

// planFor makes the layouts of a transaction out of what its first endorsement
// tells and nobody can know before: the chaincodes that the proposal's own one
// called, whose policies have to hold too, and the policies of keys that were
// written. A chaincode's policy need not hold where every key that it wrote has
// one; of the proposal's own chaincode only whom this gateway trusts is believed
// that, since the transaction would be invalid if it were not so.
//
// A name that is no chaincode of the channel is passed over; a transaction that
// wrote there would be invalid whoever endorsed it.
func (c *collection) planFor(interest *peer.ChaincodeInterest, trusted bool, layoutsOf lookup) []map[string]int {
	own := true
	var policies [][]map[string]int
	for _, call := range interest.GetChaincodes() {
		if len(policies) >= maxPlanned {
			break
		}
		keys := keyLayouts(call, maxPlanned-len(policies))
		policies = append(policies, keys...)
		disregard := call.DisregardNamespacePolicy && len(keys) > 0
		switch {
		case call.Name == c.p.chaincode:
			own = own && !(disregard && trusted)
		case !disregard:
			layouts, err := layoutsOf(call.Name)
			if err != nil {
				c.s.cfg.Log.Warn("the policy of a called chaincode is not planned for", "channel", c.p.channel, "tx", c.p.txID, "chaincode", call.Name, "err", err)
				continue
			}
			policies = append(policies, layouts)
		}
	}
	if own {
		policies = slices.Insert(policies, 0, c.layouts)
	}
	plan := policies[0]
	for _, more := range policies[1:] {
		plan = both(plan, more)
	}
	return c.someone(plan)
}

// someone makes sure that a transaction carries an endorsement, also where its
// policies ask for nobody's: then any organisation's will do.
func (c *collection) someone(layouts []map[string]int) []map[string]int {
	if !slices.ContainsFunc(layouts, func(l map[string]int) bool { return len(l) == 0 }) {
		return layouts
	}
	orgs := map[string]int{}
	for _, e := range c.all {
		orgs[e.MSPID]++
	}
	layouts = nil
	for _, org := range sortedKeys(orgs) {
		layouts = append(layouts, map[string]int{org: 1})
	}
	return layouts
}

// unreachable tells that what this organisation's own peer endorsed asks for
// endorsements that no peers alive could give; nil when it does not.
func (c *collection) unreachable() error {
	count := map[string]int{}
	for _, e := range c.all {
		count[e.MSPID]++
	}
	for _, a := range c.answers {
		if c.named || a.has(c.s.cfg.MSPID) == 0 {
			continue
		}
		if c.pick([]*answers{{layouts: a.layouts}}, func(org string) int { return count[org] }) {
			continue
		}
		return status.Errorf(codes.FailedPrecondition, "no combination of peers can be derived which satisfy the endorsement policy: "+
			"the transaction writes keys, or calls chaincode, whose policies %s", missingFrom(a.layouts, count))
	}
	return nil
}

func missingFrom(layouts []map[string]int, count map[string]int) string {
	if len(layouts) == 0 {
		return "no peers can satisfy"
	}
	var orgs []string
	for _, org := range sortedKeys(layouts[0]) {
		if layouts[0][org] > count[org] {
			orgs = append(orgs, org)
		}
	}
	return "ask for more peers than are alive of " + names(orgs)
}

// keyLayouts are the layouts of each key policy of a call, at most so many.
func keyLayouts(call *peer.ChaincodeCall, limit int) (all [][]map[string]int) {
	for _, env := range call.GetKeyPolicies() {
		if len(all) == limit {
			break
		}
		all = append(all, policy.Layouts(env, maxLayouts))
	}
	return all
}

// both are the layouts that satisfy one of each list: the smallest, and among
// equals those that came first.
func both(list, other []map[string]int) []map[string]int {
	var all []map[string]int
	seen := map[string]bool{}
	for _, a := range list {
		for _, b := range other {
			l := maps.Clone(a)
			for org, n := range b {
				l[org] = max(l[org], n)
			}
			if key := fmt.Sprint(l); !seen[key] {
				seen[key] = true
				all = append(all, l)
			}
		}
	}
	slices.SortStableFunc(all, func(a, b map[string]int) int { return cmp.Compare(size(a), size(b)) })
	return all[:min(len(all), maxLayouts)]
}

func size(layout map[string]int) (n int) {
	for _, m := range layout {
		n += m
	}
	return n
}
