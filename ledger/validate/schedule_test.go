package validate

import (
	"errors"
	"maps"
	"reflect"
	"sync"
	"testing"

	"github.com/hyperledger/fabric-protos-go-apiv2/ledger/rwset/kvrwset"
	"github.com/weft-network/weft/ledger"
	"github.com/weft-network/weft/ledger/channel"
	"github.com/weft-network/weft/ledger/ledgertest"
	"github.com/weft-network/weft/ledger/state"
	"pgregory.net/rapid"
)

// drawCall is a transaction of cc on few keys, public and private, with reads
// that are often stale and endorsers that are often too few.
func (p *peerOf) drawCall(t *rapid.T, height uint64) []byte {
	key := rapid.SampledFrom([]string{"a", "b", "c"})
	at := func() *kvrwset.Version {
		if block := rapid.Uint64Max(height).Draw(t, "read at"); block > 0 {
			return ledgertest.At(block, rapid.Uint64Max(2).Draw(t, "tx"))
		}
		return nil
	}
	set, ns := cc()
	own := ns.Coll("own")
	for range rapid.IntRange(1, 3).Draw(t, "parts") {
		k := key.Draw(t, "key")
		switch rapid.IntRange(0, 7).Draw(t, "what") {
		case 0:
			ns.Read(k, at())
		case 1, 2:
			ns.Write(k, rapid.SampledFrom([]string{"", "1", "2"}).Draw(t, "value"))
		case 3:
			ns.Metadata(k, ledgertest.ValidationParameter(p.own("OR('Org3MSP.peer')")))
		case 4:
			own.Read(k, at())
		case 5:
			own.Write(k, "1")
		case 6:
			own.Metadata(k)
		case 7:
			ns.Range("a", k)
		}
	}
	by := rapid.SampledFrom([][]int{{org1, org2}, {org3}, {org1, org2, org3}}).Draw(t, "endorsers")
	return p.call(set, by...)
}

// However blocks are prepared, ahead or not, in whatever order and by however
// many workers, and whether the blocks before are applied to the state or still
// laid over it: what becomes of a block is the same.
func TestTheOutcomeDoesNotDependOnTheSchedule(t *testing.T) {
	origin := newCollections(t)
	rapid.Check(t, func(t *rapid.T) {
		p := &peerOf{Network: origin.Network, t: origin.t, blocks: origin.Blocks(), cfg: origin.cfg}
		p.state = &memory{keys: maps.Clone(origin.state.keys)}
		var blocks []*ledger.Block
		var want []*Result
		for range rapid.IntRange(1, 4).Draw(t, "blocks") {
			envelopes := make([][]byte, rapid.IntRange(1, 10).Draw(t, "transactions"))
			for i := range envelopes {
				envelopes[i] = p.drawCall(t, p.blocks.Number()-1)
			}
			b := p.Parse(p.blocks.Next(envelopes...))
			set, err := Prepare(t.Context(), b, p.cfg, 1)
			if err != nil {
				t.Fatal(err)
			}
			r, err := set.Finish(p.state)
			if err != nil {
				t.Fatal(err)
			}
			p.state.apply(r.Updates)
			blocks, want = append(blocks, b), append(want, r)
		}
		checkAhead(t, p.cfg, &memory{keys: maps.Clone(origin.state.keys)}, blocks, want)
	})
}

// checkAhead prepares all the blocks at once, and finishes each on a state that
// lags some blocks behind.
func checkAhead(t *rapid.T, cfg *channel.Config, base *memory, blocks []*ledger.Block, want []*Result) {
	sets := make([]*Prepared, len(blocks))
	errs := make([]error, len(blocks))
	var wg sync.WaitGroup
	for _, i := range rapid.Permutation(indices(len(blocks))).Draw(t, "order") {
		workers := rapid.IntRange(0, 8).Draw(t, "workers")
		wg.Go(func() { sets[i], errs[i] = Prepare(t.Context(), blocks[i], cfg, workers) })
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	var waiting []state.Batch
	for i, set := range sets {
		for len(waiting) > 0 && rapid.Bool().Draw(t, "apply one") {
			base.apply(waiting[0])
			waiting = waiting[1:]
		}
		got, err := set.Finish(overlaid{state.Overlay(base, waiting...)})
		if err != nil || !reflect.DeepEqual(got, want[i]) {
			t.Fatalf("block %d: %v\n%s\nwant%s", i, err, show(got), show(want[i]))
		}
		waiting = append(waiting, got.Updates)
	}
}

func indices(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

// overlaid is a Ledger that knows no transaction ids.
type overlaid struct{ state.Reader }

func (overlaid) HasTx(string) (bool, error) { return false, nil }
