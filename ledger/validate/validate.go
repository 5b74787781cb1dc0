// Package validate decides what becomes of every transaction of a block: all of
// Fabric's checks, in Fabric's order, as functions of (block, configuration in
// force, committed state). No clock, no randomness, no map order, no wasm: two
// honest peers can never disagree. docs/validation.md has the rules by number.
//
// Prepare does what needs no state and may run ahead of the commit; Finish does
// the rest on the state before the block. Neither changes anything: a crash
// between them, or calling them again, costs time only.
package validate

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"github.com/weft-network/weft/ledger"
	"github.com/weft-network/weft/ledger/channel"
	"github.com/weft-network/weft/ledger/ident"
	"github.com/weft-network/weft/ledger/state"
	"golang.org/x/sync/errgroup"
)

// Ledger is what validation reads of the committed ledger.
type Ledger interface {
	state.Reader
	// HasTx reports whether a transaction id is on the ledger already.
	HasTx(txID string) (bool, error)
}

// Prepared is a block whose state-independent checks have been made: structure,
// creator and endorsement signatures. It can be made while the block before is
// still being committed, as long as the configuration in force is the same.
type Prepared struct {
	block *ledger.Block
	cfg   *channel.Config
	txs   []prepared
}

// prepared is one transaction after the rules that need no state.
type prepared struct {
	early verdict // of rules 1 to 7
	late  verdict // of rules 10 to 13: rule 9, the duplicate id, comes between
	// endorsers are the distinct identities whose endorsement is good.
	endorsers []*ident.Identity
}

// verdict is why a transaction is invalid. Nil is VALID.
type verdict = *ledger.Finding

func invalid(code ledger.Code, format string, args ...any) verdict {
	return &ledger.Finding{Code: code, Text: clip(fmt.Sprintf(format, args...), maxText)}
}

// Prepare runs the checks that need no state, in parallel over at most workers
// goroutines. An error is that of ctx.
func Prepare(ctx context.Context, b *ledger.Block, cfg *channel.Config, workers int) (*Prepared, error) {
	p := &Prepared{block: b, cfg: cfg, txs: make([]prepared, len(b.Txs))}
	if b.Header.GetNumber() == 0 {
		return p, nil // a genesis block is taken on trust by whoever joins with it
	}
	var next atomic.Int64
	work := func() error {
		for i := next.Add(1) - 1; i < int64(len(b.Txs)); i = next.Add(1) - 1 {
			if err := ctx.Err(); err != nil {
				return err
			}
			p.txs[i] = prepareTx(b.Txs[i], cfg)
		}
		return nil
	}
	workers = min(workers, len(b.Txs)/worthWorker)
	if workers <= 1 {
		return p, work()
	}
	var g errgroup.Group
	for range workers {
		g.Go(work)
	}
	return p, g.Wait()
}

// worthWorker is how many transactions are worth a goroutine of their own. The
// signatures of a transaction take a fifth of a millisecond; on busy processors
// starting goroutines and waiting for them takes longer than those of a few.
const worthWorker = 4

// Result is the outcome of a block.
type Result struct {
	Codes   []ledger.Code
	Updates state.Batch
	// Findings explain codes for people, by transaction index; nil where VALID.
	Findings []*ledger.Finding
	// Config is the configuration in force after the block, if the block
	// changed it. Of a genesis block it is nil: who joins with one reads it.
	Config *channel.Config
}

// Finish runs duplicate, policy, configuration and MVCC checks on the state
// before the block. An error is a fault of this peer (I/O) or a configuration
// that must not be skipped: the channel must halt, nothing may be committed. It
// does not name the block: callers do.
func (p *Prepared) Finish(l Ledger) (*Result, error) {
	number := p.block.Header.GetNumber()
	if number == 0 {
		return genesis(p.block)
	}
	before := newCommitted(l, p.block)
	j := newJudge(p, l, before)
	if err := j.judge(); err != nil {
		return nil, err
	}
	markDuplicates(p.block.Txs, j.verdicts)
	w := newWorld(before, number)
	for i, t := range p.block.Txs {
		if j.verdicts[i] != nil {
			continue
		}
		v, err := w.commit(t, i)
		if err != nil {
			return nil, fmt.Errorf("transaction %d: %w", i, err)
		}
		j.verdicts[i] = v
	}
	r := result(j.verdicts, w.batch())
	r.Config = j.changed
	return r, nil
}

func result(verdicts []verdict, updates state.Batch) *Result {
	r := &Result{Codes: make([]ledger.Code, len(verdicts)), Findings: verdicts, Updates: updates}
	for i, v := range verdicts {
		r.Codes[i] = peer.TxValidationCode_VALID
		if v != nil {
			r.Codes[i] = v.Code
		}
	}
	return r
}
