// Package validate decides what becomes of every transaction of a block: all of
// Fabric's checks, in Fabric's order, as functions of (block, configuration in
// force, committed state). No clock, no randomness, no map order, no wasm: two
// honest peers can never disagree. docs/validation.md has the rules by number.
package validate

import (
	"context"
	"errors"

	"github.com/weft-network/weft/ledger"
	"github.com/weft-network/weft/ledger/channel"
	"github.com/weft-network/weft/ledger/state"
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
type Prepared struct{}

// Prepare runs the checks that need no state, in parallel over at most workers
// goroutines.
func Prepare(ctx context.Context, b *ledger.Block, cfg *channel.Config, workers int) (*Prepared, error) {
	return nil, errors.New("not built yet")
}

// Result is the outcome of a block.
type Result struct {
	Codes   []ledger.Code
	Updates state.Batch
	// Why explains codes for people, by transaction index; "" where VALID.
	Why []string
}

// Finish runs duplicate, policy and MVCC checks on the state before the block.
// An error is a fault of this peer (I/O) or a bad config block: the channel
// must halt, nothing may be committed.
func (p *Prepared) Finish(l Ledger) (*Result, error) { return nil, errors.New("not built yet") }

// Updates recomputes the updates of a block whose codes are in its metadata:
// what a replay after a crash needs.
func Updates(b *ledger.Block) (state.Batch, error) { return nil, errors.New("not built yet") }
