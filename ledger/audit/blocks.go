package audit

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"

	"github.com/weft-network/weft/ledger"
	"github.com/weft-network/weft/ledger/block"
	"github.com/weft-network/weft/ledger/channel"
	"github.com/weft-network/weft/ledger/state"
	"github.com/weft-network/weft/ledger/validate"
)

// The checks, in their order. Those of a block are made in this order too, so
// that a block that fails one has passed those before it.
const (
	CheckLog        = "block files"
	CheckChain      = "hash chain"
	CheckData       = "data hashes"
	CheckSignatures = "orderers' signatures"
	CheckCodes      = "validation codes"
	CheckCommit     = "commit hashes"
	CheckState      = "state"
	CheckIndexes    = "indexes"
)

// judge checks the blocks of one channel, one after the other, and says what
// comes of each. It trusts the genesis block, as everybody does who joins with
// it, and nothing else.
type judge struct {
	ctx     context.Context
	workers int
	// validated tells a peer's ledger from an orderer's, which has neither
	// codes nor commit hashes.
	validated bool

	cfg        *channel.Config // in force at the next block
	next       uint64
	previous   []byte // hash of the block before
	commitHash []byte
	txs        uint64
	passed     map[string]uint64 // what each check found good
}

// block makes every check of the next block, on the state before it, and returns
// its updates. The first fault ends it.
func (j *judge) block(b *ledger.Block, before state.Reader) (state.Batch, error) {
	if err := j.ctx.Err(); err != nil {
		return nil, err
	}
	if err := j.shape(b); err != nil {
		return nil, err
	}
	if err := j.signatures(b.Block); err != nil {
		return nil, err
	}
	updates, err := j.outcome(b, before)
	if err != nil {
		return nil, err
	}
	j.next, j.previous = j.next+1, b.Hash
	j.txs += uint64(len(b.Data.Data))
	return updates, nil
}

// shape is the block's place on the chain and its form.
func (j *judge) shape(b *ledger.Block) error {
	n := j.next
	switch {
	case b.GetHeader() == nil:
		return at(CheckChain, n, "it has no header")
	case b.Header.Number != n:
		return at(CheckChain, n, "its number is %d", b.Header.Number)
	case !bytes.Equal(b.Header.PreviousHash, j.previous):
		return at(CheckChain, n, "its previous hash is %x, but the block before has %x", b.Header.PreviousHash, j.previous)
	}
	j.passed[CheckChain]++
	if hash := block.DataHash(b.Data); !bytes.Equal(b.Header.DataHash, hash) {
		return at(CheckData, n, "its header says %x, but its data has %x", b.Header.DataHash, hash)
	}
	if err := block.Check(b, n, j.previous, nil, nil); err != nil {
		return at(CheckData, n, "%v", errors.Unwrap(err))
	}
	j.passed[CheckData]++
	return nil
}

// signatures are the orderers', under the configuration in force. Nobody signs
// the genesis block.
func (j *judge) signatures(b *common.Block) error {
	if b.Header.Number == 0 {
		j.passed[CheckSignatures]++
		return nil
	}
	if err := block.CheckSignatures(b, j.cfg.MSPs, j.cfg.Policy("/Channel/Orderer/BlockValidation")); err != nil {
		return at(CheckSignatures, b.Header.Number, "under configuration %d %v", j.cfg.Sequence, errors.Unwrap(err))
	}
	j.passed[CheckSignatures]++
	return nil
}

// outcome is what comes of a block: its updates and, of a config block, another
// configuration in force.
func (j *judge) outcome(b *ledger.Block, before state.Reader) (state.Batch, error) {
	if b.Header.Number == 0 || !j.validated && block.IsConfig(b.Block) {
		config, err := channel.FromBlock(b.Block)
		if err != nil {
			return nil, at(CheckData, b.Header.Number, "its configuration: %v", err)
		}
		j.cfg = config
	}
	if !j.validated {
		return nil, nil
	}
	result, err := j.validate(b, before)
	if err != nil {
		return nil, err
	}
	if result.Config != nil {
		j.cfg = result.Config
	}
	return result.Updates, j.commit(b, result)
}

// validate decides about every transaction anew and compares.
func (j *judge) validate(b *ledger.Block, before state.Reader) (*validate.Result, error) {
	n := b.Header.Number
	l, ok := before.(validate.Ledger)
	if !ok {
		return nil, fmt.Errorf("validate block %d: the state does not know transaction ids", n)
	}
	prepared, err := validate.Prepare(j.ctx, b, j.cfg, j.workers)
	if err != nil {
		return nil, err
	}
	result, err := prepared.Finish(l)
	if err != nil {
		return nil, at(CheckCodes, n, "a peer would halt: %v", err)
	}
	codes := block.Codes(b.Block)
	if len(codes) != len(result.Codes) {
		return nil, at(CheckCodes, n, "it has %d codes for %d transactions", len(codes), len(result.Codes))
	}
	for i, code := range result.Codes {
		if codes[i] == code {
			j.passed[CheckCodes]++
			continue
		}
		why := ""
		if f := result.Findings[i]; f != nil {
			why = ": " + f.Text
		}
		return nil, checkFault{CheckCodes, &Fault{Block: &n, Tx: i, TxID: b.Txs[i].TxID(),
			Text: fmt.Sprintf("its code is %s, but validation gives %s%s", codes[i], code, why)}}
	}
	return result, nil
}

// commit compares the commit hash.
func (j *judge) commit(b *ledger.Block, result *validate.Result) error {
	if b.Header.Number > 0 { // the genesis block has none
		j.commitHash = state.CommitHash(j.commitHash, result.Codes, result.Updates)
	}
	if stored := block.CommitHash(b.Block); !bytes.Equal(stored, j.commitHash) {
		return at(CheckCommit, b.Header.Number, "its commit hash is %x, but validation gives %x", stored, j.commitHash)
	}
	j.passed[CheckCommit]++
	return nil
}
