package validate

import (
	"maps"
	"slices"

	"github.com/weft-network/weft/ledger/ident"
	"github.com/weft-network/weft/ledger/policy"
)

// Findings are for people, and bounded, since any member can cause them.
const (
	// maxLayouts is how many ways to satisfy a policy are looked at for a
	// finding, smallest first: enough to name the nearest one.
	maxLayouts = 64
	// maxSearches is how many policies of a block are searched for such ways: the
	// search takes some tenths of a second for policies made to be hard.
	maxSearches = 16
	// maxText, maxWords and maxShown are how many bytes of a text, of a policy, and
	// of a key within a text are shown.
	maxText  = 4096
	maxWords = 1024
	maxShown = 256
)

// rule is a policy with what people want to know when it does not hold.
type rule struct {
	policy.Policy
	words   func() string           // in the policy language, or its path in the configuration
	layouts func() []map[string]int // nil for none
	search  search
}

// search is what layouts said, if it was asked.
type search struct {
	done  bool
	found []map[string]int
}

// never is satisfied by nobody.
func never(words string, reason error) *rule {
	return &rule{Policy: policy.Never(reason.Error()), words: func() string { return words }}
}

// explain completes a finding: the policy in words, who endorsed, and who would
// have had to as well for the policy to hold, by the shortest way; nobody if
// that is not known. left is how many policies may still be searched.
func (r *rule) explain(v verdict, endorsers []*ident.Identity, left *int) {
	v.Policy = clip(r.words(), maxWords)
	anybody, peers := map[string]int{}, map[string]int{}
	for _, id := range endorsers {
		anybody[id.MSPID]++
		if !id.Has(ident.RoleClient) && !id.Has(ident.RoleAdmin) && !id.Has(ident.RoleOrderer) {
			peers[id.MSPID]++
		}
	}
	v.Signed = slices.Sorted(maps.Keys(anybody))
	if r.layouts != nil && !r.search.done && *left > 0 {
		*left--
		r.search = search{true, r.layouts()}
	}
	if v.Missing = nearest(r.search.found, anybody); len(v.Missing) == 0 {
		v.Missing = nearest(r.search.found, peers) // somebody signed who is not the peer that is asked for
	}
}

func clip(s string, most int) string {
	if len(s) > most {
		return s[:most] + "…"
	}
	return s
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
