package ledgertest_test

import (
	"bytes"
	"context"
	"slices"
	"testing"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/weft-network/weft/ledger/block"
	"github.com/weft-network/weft/ledger/ledgertest/modeltest"
	"github.com/weft-network/weft/ledger/validate"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"
)

// A chain judged again, years later, by another peer, with other numbers of
// workers and with blocks prepared ahead of their turn, gives the same codes and
// commit hashes.
func TestAChainJudgedTwiceGivesTheSame(t *testing.T) {
	w := newWorld(t)
	chains := rapid.Custom(func(rt *rapid.T) []*common.Block {
		var blocks []*common.Block
		if d := w.playTo(rt, modeltest.NoBug, map[string]int{}, &blocks); d != "" {
			rt.Fatal(d)
		}
		return blocks
	})
	for seed := 1; seed <= 10; seed++ {
		blocks := chains.Example(seed)
		for _, workers := range []int{1, 2, 7} {
			if at := w.again(t, blocks, workers); at != "" {
				t.Errorf("history %d with %d workers: %s", seed, workers, at)
			}
		}
	}
}

// again gives a committed chain to a new node, and says what is different.
func (w *world) again(t *testing.T, blocks []*common.Block, workers int) string {
	h := w.history(map[string]int{})
	if err := h.p.open(); err != nil {
		t.Fatal(err)
	}
	defer func() { h.p.chain.Close() }()
	if d := h.genesis(); d != "" {
		t.Fatal(d)
	}
	var ahead *validate.Prepared
	for i, was := range blocks {
		b := proto.Clone(was).(*common.Block)
		codes, hash := block.Codes(b), block.CommitHash(b)
		block.SetCodes(b, nil)
		block.SetCommitHash(b, nil)
		parsed := w.n.Parse(b)
		if ahead == nil {
			var err error
			if ahead, err = validate.Prepare(context.Background(), parsed, h.p.cfg, workers); err != nil {
				t.Fatal(err)
			}
		}
		prepared := ahead
		ahead = nil
		if i+1 < len(blocks) && !block.IsConfig(b) {
			next, err := validate.Prepare(context.Background(), w.n.Parse(proto.Clone(blocks[i+1]).(*common.Block)), h.p.cfg, workers)
			if err != nil {
				t.Fatal(err)
			}
			ahead = next
		}
		s := h.p.chain.Snapshot()
		r, err := prepared.Finish(s)
		s.Close()
		if err != nil {
			return err.Error()
		}
		if !slices.Equal(r.Codes, codes) {
			return "other codes"
		}
		if err := h.p.commit(parsed, r); err != nil {
			return err.Error()
		}
		if !bytes.Equal(h.p.chain.CommitHash(), hash) {
			return "another commit hash"
		}
	}
	return ""
}
