package ledgertest_test

import (
	"flag"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/weft-network/weft/ledger/ledgertest/modeltest"
	"pgregory.net/rapid"
)

// Random histories of blocks: the ledger and the model agree on every code, on
// the state and on the commit hash, also after a crash.
func TestTheLedgerDecidesAsTheModelDoes(t *testing.T) {
	const shards, each = 4, 500
	set(t, "rapid.checks", fmt.Sprint(each))
	if testing.Short() {
		set(t, "rapid.checks", "20")
	}
	set(t, "rapid.nofailfile", "true")
	t.Run("histories", func(t *testing.T) {
		for shard := range shards {
			t.Run(fmt.Sprint(shard+1), func(t *testing.T) {
				t.Parallel()
				w, stats := newWorld(t), map[string]int{}
				rapid.Check(t, func(rt *rapid.T) {
					if d := w.play(rt, modeltest.NoBug, stats); d != "" {
						rt.Fatal(d)
					}
				})
				for _, code := range slices.Sorted(maps.Keys(stats)) {
					t.Logf("%6d %s", stats[code], code)
				}
			})
		}
	})
}

// set changes a flag for as long as the test runs.
func set(t *testing.T, name, value string) {
	f := flag.Lookup(name)
	old := f.Value.String()
	if err := f.Value.Set(value); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Value.Set(old) })
}
