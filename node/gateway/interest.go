package gateway

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
)

// maxCalled bounds the chaincodes of one transaction whose policies are planned
// for: more than they can call each other in a row, and what a peer says is not
// believed without end.
const maxCalled = 32

// cover plans for what the first endorsements tell and nobody can know before:
// the chaincodes that the proposal's own one called. The policy of each has to
// be satisfied too. A name that is no chaincode of the channel is passed over;
// a transaction that wrote there would be invalid whoever endorsed it.
func (c *collection) cover(interest *peer.ChaincodeInterest, layoutsOf func(name string) ([]map[string]int, error)) {
	if c.named {
		return // the client knows better
	}
	if c.covered == nil {
		c.covered = map[string]bool{c.p.chaincode: true}
	}
	for _, call := range interest.GetChaincodes() {
		name := call.GetName()
		if c.covered[name] || len(c.covered) > maxCalled {
			continue
		}
		c.covered[name] = true
		layouts, err := layoutsOf(name)
		if err != nil {
			c.s.cfg.Log.Warn("the policy of a called chaincode is not planned for", "channel", c.p.channel, "tx", c.p.txID, "chaincode", name, "err", err)
			continue
		}
		c.layouts = both(c.layouts, layouts)
	}
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
