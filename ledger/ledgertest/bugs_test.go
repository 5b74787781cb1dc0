package ledgertest_test

import (
	"slices"
	"testing"

	"github.com/weft-network/weft/ledger/ledgertest/modeltest"
	"pgregory.net/rapid"
)

// seeds are those of histories that noticed something the last time that all
// were tried: tried first, they spare the others. They are no promise.
var seeds = []int{1, 2, 3}

// The histories would notice if the ledger left out a rule: they notice each
// time that the model does.
func TestHistoriesFindARuleThatIsLeftOut(t *testing.T) {
	if testing.Short() {
		t.Skip("some hundred histories")
	}
	const most = 2000 // as many as are played against the whole model
	w := newWorld(t)
	order := slices.Clone(seeds)
	for seed := 1; seed <= most; seed++ {
		order = append(order, seed)
	}
	for _, bug := range modeltest.Bugs {
		base, err := modeltest.New(w.n.Genesis) // with nothing in its caches
		if err != nil {
			t.Fatal(err)
		}
		w.base = base
		run := rapid.Custom(func(t *rapid.T) string { return w.play(t, bug, map[string]int{}) })
		found := slices.IndexFunc(order, func(seed int) bool {
			d := run.Example(seed)
			if d != "" {
				t.Logf("%s: history %d: %.200s", bug, seed, d)
			}
			return d != ""
		})
		if found < 0 {
			t.Errorf("%s: %d histories did not notice", bug, most)
		}
	}
}
