package validate

import (
	"maps"
	"slices"

	"github.com/weft-network/weft/ledger/ident"
	"github.com/weft-network/weft/ledger/policy"
)

// maxLayouts is how many ways to satisfy a policy are looked at for a finding,
// smallest first: enough to name the nearest one.
const maxLayouts = 64

// rule is a policy with what people want to know when it does not hold.
type rule struct {
	policy.Policy
	words   string                  // in the policy language, or its path in the configuration
	layouts func() []map[string]int // asked for once; nil for none
	found   []map[string]int
}

// never is satisfied by nobody.
func never(words string, reason error) *rule {
	return &rule{Policy: policy.Never(reason.Error()), words: words}
}

// missing are the organisations that endorsed, and those that would have had to
// as well for the policy to hold, by the shortest way: none if nobody knows.
func (r *rule) missing(endorsers []*ident.Identity) (signed, missing []string) {
	anybody, peers := map[string]int{}, map[string]int{}
	for _, id := range endorsers {
		anybody[id.MSPID]++
		if !id.Has(ident.RoleClient) && !id.Has(ident.RoleAdmin) && !id.Has(ident.RoleOrderer) {
			peers[id.MSPID]++
		}
	}
	signed = slices.Sorted(maps.Keys(anybody))
	if r.layouts != nil {
		r.found, r.layouts = r.layouts(), nil
	}
	if missing = nearest(r.found, anybody); len(missing) == 0 {
		missing = nearest(r.found, peers) // somebody signed who is not the peer that is asked for
	}
	return signed, missing
}

// nearest is what have lacks of the layout that it lacks least of.
func nearest(layouts []map[string]int, have map[string]int) (lacks []string) {
	least := -1
	for _, l := range layouts {
		var missing []string
		n := 0
		for _, org := range slices.Sorted(maps.Keys(l)) {
			if more := l[org] - have[org]; more > 0 {
				missing = append(missing, org)
				n += more
			}
		}
		if least < 0 || n < least {
			least, lacks = n, missing
		}
	}
	return lacks
}
