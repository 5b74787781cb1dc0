package ledgertest_test

import (
	"testing"

	"github.com/weft-network/weft/ledger/ledgertest/modeltest"
	"pgregory.net/rapid"
)

// seeds are those of histories that noticed a bug the last time that all were
// tried: they spare the others. They are no promise.
var seeds = map[modeltest.Bug]int{
	modeltest.NoCreatorCheck:    314,
	modeltest.NoTxIDCheck:       5,
	modeltest.NoProposalHash:    12,
	modeltest.NoLedgerDuplicate: 3,
	modeltest.NoBlockDuplicate:  18,
	modeltest.ClaimedIDsOnly:    656,
	modeltest.NoPolicy:          2,
	modeltest.InvokedOnly:       14,
	modeltest.NoKeyPolicy:       6,
	modeltest.NoKeyPolicyChange: 10,
	modeltest.NoCollectionRule:  6,
	modeltest.RepeatedEndorser:  230,
	modeltest.AnyOrder:          34,
	modeltest.NoReadCheck:       13,
	modeltest.NoPendingRead:     9,
	modeltest.NoHashedRead:      105,
	modeltest.NoPhantom:         60,
	modeltest.ExclusiveEnd:      247,
	modeltest.LostMetadata:      133,
	modeltest.SameVersion:       42,
	modeltest.HighS:             178,
	modeltest.StaleConfig:       97,
	modeltest.Revoked:           97,
}

// The histories would notice if the ledger left out a rule: they notice each
// time that the model does.
func TestHistoriesFindARuleThatIsLeftOut(t *testing.T) {
	if testing.Short() {
		t.Skip("some hundred histories")
	}
	const most = 2000 // as many as are played against the whole model
	w := newWorld(t)
	for _, bug := range modeltest.Bugs {
		base, err := modeltest.New(w.n.Genesis) // with nothing in its caches
		if err != nil {
			t.Fatal(err)
		}
		w.base = base
		run := rapid.Custom(func(t *rapid.T) string { return w.play(t, bug, map[string]int{}) })
		notices := func(seed int) bool {
			d := run.Example(seed)
			if d != "" {
				t.Logf("%s: history %d: %.200s", bug, seed, d)
			}
			return d != ""
		}
		found := notices(seeds[bug])
		for seed := 1; seed <= most && !found; seed++ {
			found = notices(seed)
		}
		if !found {
			t.Errorf("%s: %d histories did not notice", bug, most)
		}
	}
}
