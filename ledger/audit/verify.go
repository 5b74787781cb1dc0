package audit

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"google.golang.org/protobuf/proto"

	"github.com/weft-network/weft/ledger"
	"github.com/weft-network/weft/ledger/block"
	"github.com/weft-network/weft/ledger/chain"
	"github.com/weft-network/weft/ledger/state"
)

// VerifyOptions of Verify.
type VerifyOptions struct {
	// Workers bounds the goroutines that check signatures; 0 is one.
	Workers int
	// Temp is where a temporary directory for the state is made; "" is the
	// system's place for them. It takes about as much room as the ledger's index.
	Temp string
	// Progress, if set, is told what is being checked and how far that is.
	Progress func(what string, done, of uint64)
}

// Verification is what Verify found.
type Verification struct {
	Dir          string `json:"dir"`
	Channel      string `json:"channel"`
	Kind         Kind   `json:"kind"`
	Height       uint64 `json:"height"`
	Transactions uint64 `json:"transactions"`
	// Genesis is the hash of the first block, Hash that of the last one that
	// was checked, CommitHash what validation gives for it.
	Genesis    Hash     `json:"genesisHash"`
	Hash       Hash     `json:"hash"`
	CommitHash Hash     `json:"commitHash,omitempty"`
	Results    []Result `json:"checks"`
	// Notes say what is unusual and no fault.
	Notes []string `json:"notes,omitempty"`
}

// Result is the outcome of one check.
type Result struct {
	Check string `json:"check"`
	// Checked is how much of it was found good, in blocks, transactions or
	// entries.
	Checked uint64 `json:"checked"`
	Unit    string `json:"unit"`
	// Complete tells that everything was checked and is good.
	Complete bool   `json:"complete"`
	Fault    *Fault `json:"fault,omitempty"`
}

// Fault is the first fault of all, nil when the ledger is what it should be.
func (v *Verification) Fault() *Fault {
	for _, r := range v.Results {
		if r.Fault != nil {
			return r.Fault
		}
	}
	return nil
}

// Verify checks the ledger in dir, of a node that is stopped: every record and
// block, what every transaction comes to, and what is derived from that. It
// changes no byte of it. A fault of the ledger is part of the result; the error
// is about anything else that kept Verify from its work, such as a ledger that
// is in use or a full temporary directory.
func Verify(ctx context.Context, dir string, o VerifyOptions) (*Verification, error) {
	v := &verifier{ctx: ctx, o: o, Verification: Verification{Dir: dir}}
	if _, err := os.Stat(dir); err != nil {
		return nil, fmt.Errorf("verify ledger: %w", err)
	}
	if err := v.files(); err != nil {
		return nil, fmt.Errorf("verify ledger %s: %w", dir, err)
	}
	v.begin()
	if v.blocks == 0 {
		return &v.Verification, nil // nothing but the fault is known
	}
	if err := v.contents(); err != nil {
		return nil, fmt.Errorf("verify ledger %s: %w", dir, err)
	}
	return &v.Verification, nil
}

// verifier is one run of Verify.
type verifier struct {
	ctx context.Context
	o   VerifyOptions
	Verification

	blocks  uint64 // whole records
	torn    int64
	damaged error // of a file, found by files
	judge   *judge
}

func (v *verifier) tell(what string, done, of uint64) {
	if v.o.Progress != nil {
		v.o.Progress(what, done, of)
	}
}

// files reads every record.
func (v *verifier) files() error {
	var stopped error
	torn, err := chain.ReadLog(v.Dir, chain.Options{}, func(n uint64, raw []byte, done, of uint64) error {
		if stopped = v.ctx.Err(); stopped != nil {
			return stopped
		}
		if n == 0 {
			v.identify(raw)
		}
		v.blocks++
		v.tell("bytes of block files", done, of)
		return nil
	})
	v.torn = torn
	switch {
	case stopped != nil:
		return stopped
	case errors.Is(err, ErrInUse):
		return err
	}
	v.damaged = err
	return nil
}

// identify learns what it can from the first block. A fault in it is found when
// it is checked.
func (v *verifier) identify(raw []byte) {
	b := &common.Block{}
	if proto.Unmarshal(raw, b) != nil || b.Header == nil {
		return
	}
	v.Kind, v.Genesis = kindOf(b), ledger.HeaderHash(b.Header)
	if id, err := block.ChannelID(b); err == nil {
		v.Channel = id
	}
}

// begin lists the checks, with the outcome of the first.
func (v *verifier) begin() {
	v.Results = []Result{{Check: CheckLog, Checked: v.blocks, Unit: "records", Complete: v.damaged == nil}}
	if v.damaged != nil {
		v.Results[0].Fault = &Fault{Tx: none, Text: v.damaged.Error()}
	}
	if v.damaged == nil && v.blocks == 0 {
		v.Results[0].Complete, v.Results[0].Fault = false, &Fault{Tx: none, Text: "there are no blocks"}
	}
	v.Notes = notes(chain.Recovery{TornBytes: v.torn}, 0)
	checks := []string{CheckChain, CheckData, CheckSignatures}
	if v.Kind == Peer {
		checks = append(checks, CheckCodes, CheckCommit, CheckState)
	}
	for _, c := range append(checks, CheckIndexes) {
		v.Results = append(v.Results, Result{Check: c, Unit: unitOf(c)})
	}
}

func unitOf(check string) string {
	switch check {
	case CheckCodes:
		return "transactions"
	case CheckState:
		return "keys"
	case CheckIndexes:
		return "entries"
	}
	return "blocks"
}

func (v *verifier) result(check string) *Result {
	for i := range v.Results {
		if v.Results[i].Check == check {
			return &v.Results[i]
		}
	}
	return &Result{} // of an orderer's ledger, which has no such check
}

// contents checks the blocks and what is derived from them.
func (v *verifier) contents() (err error) {
	temp, err := os.MkdirTemp(v.o.Temp, "weft-verify-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(temp)) }()
	v.judge = &judge{ctx: v.ctx, workers: max(1, v.o.Workers), validated: v.Kind == Peer, passed: map[string]uint64{}}
	o, each := chain.Options{}, v.orderersBlock
	if v.Kind == Peer {
		o.Replay, each = v.replay, v.parses
	}
	r, err := chain.Rederive(v.Dir, temp, o, each)
	if err != nil {
		return err
	}
	err = v.compareOnTheWay(r)
	for check, n := range v.judge.passed {
		v.result(check).Checked = n
	}
	v.Height, v.Transactions, v.Hash, v.CommitHash = v.judge.next, v.judge.txs, v.judge.previous, v.judge.commitHash
	return errors.Join(err, r.Close())
}

// replay is the Options.Replay of the ledger that is made anew.
func (v *verifier) replay(b *ledger.Block, before state.Reader) (state.Batch, error) {
	updates, err := v.judge.block(b, before)
	v.tell("blocks validated", v.judge.next, v.blocks)
	return updates, err
}

// compareOnTheWay checks the blocks, and compares with the index on disk at the
// height that this has: after a crash it may be behind.
func (v *verifier) compareOnTheWay(r *chain.Rederived) error {
	height, indexErr := chain.IndexHeight(v.Dir, chain.Options{})
	if errors.Is(indexErr, ErrInUse) {
		return indexErr
	}
	if indexErr != nil {
		height = math.MaxUint64
	}
	if good, err := v.advance(r, min(height, v.blocks)); !good || err != nil {
		return err
	}
	switch {
	case indexErr != nil:
		v.fault(checkFault{CheckIndexes, &Fault{Tx: none, Text: indexErr.Error() + "; \"weft ledger rebuild\" makes it again from the blocks"}})
	case height > v.blocks && v.damaged == nil:
		v.fault(elsewhere(CheckIndexes, "the index covers %d blocks, but there are only %d", height, v.blocks))
	case height <= v.blocks:
		if err := v.compare(r); err != nil {
			return err
		}
		if height < v.blocks {
			v.Notes = append(v.Notes, notes(chain.Recovery{IndexHeight: height}, v.blocks)...)
		}
	}
	_, err := v.advance(r, v.blocks)
	return err
}

// advance checks blocks up to a height and tells whether all are good.
func (v *verifier) advance(r *chain.Rederived, height uint64) (good bool, err error) {
	err = r.Advance(height)
	var f checkFault
	switch {
	case errors.As(err, &f):
		v.fault(f)
		return false, nil
	case v.damaged != nil && errors.As(err, new(*chain.LogError)):
		return false, nil // known already
	case err != nil:
		return false, err
	}
	if height == v.blocks && v.damaged == nil {
		for check := range v.judge.passed {
			v.result(check).Complete = true
		}
	}
	return true, nil
}

// parses tells of a block that is none, which a replay could not begin with.
func (v *verifier) parses(raw []byte) error {
	b := &common.Block{}
	err := proto.Unmarshal(raw, b)
	if err == nil && (b.Header == nil || len(b.GetData().GetData()) == 0) {
		err = errors.New("it has no header or no transactions")
	}
	if err != nil {
		return at(CheckChain, v.judge.next, "%v", err)
	}
	return nil
}

// orderersBlock checks a block of a ledger without state.
func (v *verifier) orderersBlock(raw []byte) error {
	b := &common.Block{}
	if err := proto.Unmarshal(raw, b); err != nil {
		return at(CheckChain, v.judge.next, "%v", err)
	}
	parsed, err := ledger.ParseBlock(b)
	if err != nil {
		return at(CheckChain, v.judge.next, "%v", err)
	}
	_, err = v.judge.block(parsed, nil)
	v.tell("blocks checked", v.judge.next, v.blocks)
	return err
}

// fault notes the first fault of a check.
func (v *verifier) fault(err error) {
	var f checkFault
	if errors.As(err, &f) {
		r := v.result(f.check)
		r.Complete, r.Fault = false, f.Fault
	}
}

// compare compares what is derived.
func (v *verifier) compare(r *chain.Rederived) error {
	equal, differ, err := r.Compare(v.Dir, chain.Options{}, func(done, of uint64) { v.tell("entries compared", done, of) })
	if err != nil {
		// The one made anew is good, so it is the one on disk.
		v.fault(elsewhere(CheckIndexes, "%v", err))
		return nil
	}
	for part, n := range equal {
		v.result(checkOf(part)).Checked += n
	}
	v.result(CheckState).Complete, v.result(CheckIndexes).Complete = true, true
	for _, d := range differ {
		if r := v.result(checkOf(d.Part)); r.Fault == nil {
			v.fault(elsewhere(checkOf(d.Part), "%s", d.Text))
		}
	}
	return nil
}

func checkOf(part string) string {
	if part == chain.PartState || part == chain.PartHashedState {
		return CheckState
	}
	return CheckIndexes
}
