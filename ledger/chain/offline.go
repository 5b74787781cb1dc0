package chain

import (
	"errors"
	"path/filepath"

	"github.com/weft-network/weft/ledger/store"
)

// ReadLog reads the blocks of the ledger in dir from its files alone, in their
// order, and changes nothing: raw is a marshalled block, and done how many of
// the log's bytes are read, of how many. It returns how many bytes a crash left
// after the last whole record. An error of f ends it and is returned; one of a
// damaged file names path and offset.
func ReadLog(dir string, o Options, f func(n uint64, raw []byte, done, of uint64) error) (torn int64, err error) {
	log, err := openLogReadOnly(dir, o)
	if err != nil {
		return 0, err
	}
	of, err := log.Size()
	if err != nil {
		return 0, errors.Join(err, log.Close())
	}
	n, done := uint64(0), uint64(0)
	err = log.Scan(0, func(_ store.Position, raw []byte) error {
		n++
		done += uint64(len(raw))
		return f(n-1, raw, done, of)
	})
	return log.Torn(), errors.Join(err, log.Close())
}

func openLogReadOnly(dir string, o Options) (*store.Log, error) {
	o.ReadOnly = true
	if err := settleRollback(dir, o); err != nil {
		return nil, err
	}
	return store.OpenLog(filepath.Join(dir, blocksDir), o.store())
}

// Rederived is a ledger's blocks with everything that derives from them made
// anew, away from the ledger, of which nothing changes. It is used by one
// goroutine.
type Rederived struct {
	c    *Chain
	each func(raw []byte) error
}

// Rederive begins to make what derives from the blocks of the ledger in dir in
// another directory, which is empty. Nothing is made yet: see Advance. Of the
// options FS, Logger and Replay count. each, which may be nil, is given every
// marshalled block before Replay is.
func Rederive(dir, index string, o Options, each func(raw []byte) error) (*Rederived, error) {
	log, err := openLogReadOnly(dir, o)
	if err != nil {
		return nil, err
	}
	db, err := store.OpenDBWith(index, o.store())
	if err != nil {
		return nil, errors.Join(err, log.Close())
	}
	c := newChain(log, db, Options{FS: o.FS, Logger: o.Logger, Replay: o.Replay})
	c.tip.Store(&savepoint{})
	c.fillFilter()
	return &Rederived{c, each}, nil
}

// LogError is a fault of the block files, and of nothing else.
type LogError struct{ error }

// Unwrap is the fault.
func (e *LogError) Unwrap() error { return e.error }

// Advance makes what derives from the blocks up to a height, or up to the last
// one if there are fewer. An error of a function that it calls is wrapped; one of
// the block files is a *LogError.
func (r *Rederived) Advance(height uint64) error {
	if r.c.Height() >= height {
		return nil
	}
	var at store.Position
	var raw []byte
	var ended error // by the function below
	err := r.c.log.Scan(r.c.tip.Load().end, func(next store.Position, payload []byte) error {
		// One behind, since only the next record tells where a block ends.
		ended = r.derive(at, raw, next)
		if at, raw = next, payload; ended == nil && r.c.Height() >= height {
			ended = errEnough
		}
		return ended
	})
	switch {
	case errors.Is(ended, errEnough):
		return nil
	case ended != nil:
		return ended
	case err != nil:
		return &LogError{err}
	}
	return r.derive(at, raw, r.c.log.End())
}

func (r *Rederived) derive(at store.Position, raw []byte, end store.Position) error {
	if raw != nil && r.each != nil {
		if err := r.each(raw); err != nil {
			return err
		}
	}
	return r.c.replayBlock(at, raw, end)
}

var errEnough = errors.New("enough")

// Height is how many blocks Advance has done.
func (r *Rederived) Height() uint64 { return r.c.Height() }

// CommitHash is that of the newest of them.
func (r *Rederived) CommitHash() []byte { return r.c.CommitHash() }

// LastHash is the header hash of the newest of them.
func (r *Rederived) LastHash() []byte { return r.c.LastHash() }

// Close closes both directories.
func (r *Rederived) Close() error { return r.c.Close() }
