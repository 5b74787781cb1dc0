package commit

import (
	"errors"

	"github.com/weft-network/weft/ledger/chain"
	"github.com/weft-network/weft/ledger/state"
)

// ahead is the ledger as it will be: what is committed and, on top, the blocks
// that are validated and queued to be appended. One goroutine uses it.
type ahead struct {
	ledger *chain.Chain
	queued []*work // consecutive; the ledger may have the first of them by now
	// ids are the transaction ids of queued blocks. In flight counts as on the
	// ledger, whatever became of the transaction.
	ids map[string]int
}

func newAhead(l *chain.Chain) *ahead { return &ahead{ledger: l, ids: map[string]int{}} }

// add puts a validated block on top.
func (a *ahead) add(w *work) {
	a.queued = append(a.queued, w)
	for _, tx := range w.block.Txs {
		a.ids[tx.IndexID()]++
	}
}

// view is everything up to the newest block. It must be closed before the next
// one is added.
func (a *ahead) view() *view {
	snap := a.ledger.Snapshot()
	a.forget(snap.Height())
	batches := make([]state.Batch, len(a.queued))
	for i, w := range a.queued {
		batches[i] = w.result.Updates
	}
	return &view{Reader: state.Overlay(snap, batches...), snap: snap, ids: a.ids}
}

// forget drops the blocks that the ledger has.
func (a *ahead) forget(height uint64) {
	for len(a.queued) > 0 && a.queued[0].block.Header.Number < height {
		for _, tx := range a.queued[0].block.Txs {
			if id := tx.IndexID(); a.ids[id] > 1 {
				a.ids[id]--
			} else {
				delete(a.ids, id)
			}
		}
		a.queued[0] = nil
		a.queued = a.queued[1:]
	}
}

// view is what validation reads, a validate.Ledger.
type view struct {
	state.Reader
	snap *chain.Snapshot
	ids  map[string]int
}

// HasTx reports whether a transaction id is on the ledger or in flight.
func (v *view) HasTx(txID string) (bool, error) {
	if v.ids[txID] > 0 {
		return true, nil
	}
	return v.snap.HasTx(txID)
}

func (v *view) close(err error) error { return errors.Join(err, v.snap.Close()) }
