package chain

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/weft-network/weft/ledger/store"
)

// rollbackFile is in a ledger's directory while a rollback is under way. It says
// what is to be done, so that whoever opens the ledger after a crash does it.
const rollbackFile = "ROLLBACK"

// rollback is what the file says: keep height blocks, which end at a place of
// the log.
type rollback struct {
	height uint64
	end    store.Position
}

const rollbackText = "weft rollback 1 height %d position %d\n"

// Rollback cuts the ledger in dir back to its first height blocks, of which the
// genesis block is one, and makes everything else again from them. It fails and
// changes nothing when somebody has the ledger open, when it has no block of
// that number, or when it is an orderer's, whose Raft log counts on its blocks.
//
// A crash before the plan is written leaves the ledger as it was; after that the
// next Open completes the rollback, or calling Rollback again does.
func Rollback(dir string, height uint64, o Options) error {
	if err := rollBackTo(dir, height, o); err != nil {
		return fmt.Errorf("roll back ledger %s to height %d: %w", dir, height, err)
	}
	c, err := Open(dir, o) // replays
	if err != nil {
		return err
	}
	return c.Close()
}

func rollBackTo(dir string, height uint64, o Options) error {
	switch {
	case o.Replay == nil:
		return errors.New("an orderer's blocks are not taken back: they belong to its Raft log; remove the orderer's data directory and have it join again instead")
	case height == 0:
		return errors.New("a ledger keeps at least its genesis block; to leave the channel remove the directory")
	}
	if err := finishRollback(dir, o); err != nil {
		return fmt.Errorf("complete an earlier rollback: %w", err)
	}
	log, err := store.OpenLog(filepath.Join(dir, blocksDir), o.store())
	if err != nil {
		return err
	}
	plan := rollback{height: height}
	plan.end, err = endOf(log, height)
	if err == nil {
		text := fmt.Sprintf(rollbackText, plan.height, plan.end)
		err = store.WriteFile(filepath.Join(dir, rollbackFile), []byte(text), o.store())
	}
	if err == nil {
		err = plan.apply(dir, log, o)
	}
	return errors.Join(err, log.Close())
}

// endOf is where the first blocks of a log end: the place of the next one. What
// comes after that place may be damaged.
func endOf(log *store.Log, blocks uint64) (store.Position, error) {
	var last, end store.Position
	n := uint64(0)
	err := log.Walk(0, func(at, _ store.Position) error {
		if n == blocks {
			end = at
			return errEnough
		}
		n, last = n+1, at
		return nil
	})
	switch {
	case err == nil:
		return 0, fmt.Errorf("it has %d blocks, so there is nothing to take back", n)
	case !errors.Is(err, errEnough):
		return 0, err
	}
	raw, err := log.Read(last)
	if err != nil {
		return 0, err
	}
	b, err := decodeBlock(blocks-1, raw)
	if err == nil && b.GetHeader().GetNumber() != blocks-1 {
		err = fmt.Errorf("%s has block %d where block %d belongs", log.Place(last), b.GetHeader().GetNumber(), blocks-1)
	}
	return end, err
}

// apply carries out a plan that is on disk. Every step may be repeated.
func (p rollback) apply(dir string, log *store.Log, o Options) error {
	// The index goes first: it must never be ahead of the log.
	if err := store.Discard(filepath.Join(dir, indexDir), o.store()); err != nil {
		return err
	}
	// A crash here leaves a ledger of the old height without an index. The log
	// may be shorter than planned only if another call came this far.
	if log.End() > p.end {
		if err := log.Truncate(p.end); err != nil {
			return err
		}
	}
	return store.RemoveFile(filepath.Join(dir, rollbackFile), o.store())
}

// finishRollback carries out the plan that a crash left, if there is one.
func finishRollback(dir string, o Options) error {
	p, err := plannedRollback(dir, o)
	if p == nil || err != nil {
		return err
	}
	log, err := store.OpenLog(filepath.Join(dir, blocksDir), o.store())
	if err != nil {
		return err
	}
	return errors.Join(p.apply(dir, log, o), log.Close())
}

// ErrRollback answers the reading of a ledger whose rollback a crash interrupted.
var ErrRollback = errors.New("it is completed when the node is started, or by \"weft ledger rollback\"")

// settleRollback is finishRollback for Open: who only reads is told instead. It
// also removes what a crash left of a plan that was never written, or of an index
// that was on its way out.
func settleRollback(dir string, o Options) error {
	if !o.ReadOnly {
		err := errors.Join(finishRollback(dir, o),
			store.RemoveUnwritten(filepath.Join(dir, rollbackFile), o.store()),
			store.RemoveDiscarded(filepath.Join(dir, indexDir), o.store()))
		if err != nil {
			return fmt.Errorf("complete a rollback: %w", err)
		}
		return nil
	}
	p, err := plannedRollback(dir, o)
	if err == nil && p != nil {
		err = fmt.Errorf("its rollback to height %d was interrupted: %w", p.height, ErrRollback)
	}
	return err
}

// plannedRollback is the plan in a ledger's directory, nil when there is none.
func plannedRollback(dir string, o Options) (*rollback, error) {
	path := filepath.Join(dir, rollbackFile)
	text, err := store.ReadFile(path, o.store())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	p := &rollback{}
	if _, err := fmt.Sscanf(text, rollbackText, &p.height, &p.end); err != nil || p.height == 0 || p.end == 0 {
		return nil, fmt.Errorf("%s is damaged: it says %q", path, text)
	}
	return p, nil
}

// DropIndex removes what the ledger in dir derives from its blocks: state,
// indexes, history and findings. The next Open makes all of it again but the
// findings. It fails when somebody has the ledger open.
func DropIndex(dir string, o Options) error {
	log, err := store.OpenLog(filepath.Join(dir, blocksDir), o.store()) // for its lock
	if err != nil {
		return fmt.Errorf("drop the index of ledger %s: %w", dir, err)
	}
	if err := errors.Join(store.Discard(filepath.Join(dir, indexDir), o.store()), log.Close()); err != nil {
		return fmt.Errorf("drop the index of ledger %s: %w", dir, err)
	}
	return nil
}
