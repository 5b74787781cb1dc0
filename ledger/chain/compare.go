package chain

import (
	"bytes"
	"errors"
	"path/filepath"

	"github.com/weft-network/weft/ledger/store"
)

// The parts of what derives from blocks, as Difference and Part name them.
const (
	PartState        = "state"
	PartHashedState  = "hashes of private data"
	PartHistory      = "history"
	PartTransactions = "transaction ids"
	PartNumbers      = "block numbers"
	PartHashes       = "block hashes"
	PartFindings     = "reasons of invalid transactions"
	PartSavepoint    = "savepoint"
	PartOther        = "other"
)

// Difference is one entry in which an index is not what its blocks give.
type Difference struct {
	Part string
	Text string // a sentence
}

// IndexHeight is how many blocks the index on disk of the ledger in dir covers.
// It may be behind the blocks: the next Open makes the rest.
func IndexHeight(dir string, o Options) (height uint64, err error) {
	err = withIndex(dir, o, func(db *store.DB) error {
		v, err := db.Get(savepointKey)
		if err != nil || v == nil {
			return err
		}
		s, err := decodeSavepoint(v)
		if err == nil {
			height = s.height
		}
		return err
	})
	return height, err
}

func withIndex(dir string, o Options, f func(*store.DB) error) error {
	so := o.store()
	so.ReadOnly = true
	db, err := store.OpenDBWith(filepath.Join(dir, indexDir), so)
	if err != nil {
		return err
	}
	return errors.Join(f(db), db.Close())
}

// Compare compares all that derives from the blocks so far with what the ledger
// in dir, which is at the same height, has on disk. It returns how many entries
// of each part are equal, and the first difference of each part. Findings are
// not compared: they do not derive from blocks.
func (r *Rederived) Compare(dir string, o Options, progress func(done, of uint64)) (equal map[string]uint64, differ []Difference, err error) {
	of, err := r.c.count()
	if err != nil {
		return nil, nil, err
	}
	equal = map[string]uint64{}
	err = withIndex(dir, o, func(disk *store.DB) error {
		w := comparison{equal: equal, seen: map[string]bool{}, lenient: r.c.blocksOnly(), of: of, progress: progress}
		err := w.run(r.c.db, disk)
		differ = w.differ
		return err
	})
	return equal, differ, err
}

// count is the number of entries of the index.
func (c *Chain) count() (n uint64, err error) {
	err = c.db.Scan(nil, nil, func(_, _ []byte) bool { n++; return true })
	return n, err
}

// comparison walks two indexes side by side.
type comparison struct {
	equal  map[string]uint64
	differ []Difference
	seen   map[string]bool // parts with a difference
	// lenient passes hashes of blocks that a crash took from an unsynced log.
	lenient  bool
	done, of uint64
	progress func(done, of uint64)
}

// tellEvery so many entries.
const tellEvery = 4096

func (w *comparison) run(fresh, disk *store.DB) error {
	a, closeA, err := allOf(fresh)
	if err != nil {
		return err
	}
	b, closeB, err := allOf(disk)
	if err != nil {
		return errors.Join(err, closeA())
	}
	w.walk(a, b)
	return errors.Join(a.Err(), b.Err(), closeA(), closeB())
}

// allOf walks all of a store; closing it closes the snapshot, too.
func allOf(db *store.DB) (*store.Iter, func() error, error) {
	s, err := db.Snapshot()
	if err != nil {
		return nil, nil, err
	}
	it, err := s.Iter(nil, nil)
	if err != nil {
		return nil, nil, errors.Join(err, s.Close())
	}
	return it, func() error { return errors.Join(it.Close(), s.Close()) }, nil
}

func (w *comparison) walk(fresh, disk *store.Iter) {
	a, b := fresh.Next(), disk.Next()
	for a || b {
		order := 0
		switch {
		case !a:
			order = 1
		case !b:
			order = -1
		default:
			order = bytes.Compare(fresh.Key(), disk.Key())
		}
		switch {
		case order < 0:
			w.differs(fresh.Key(), "is missing")
			a = fresh.Next()
		case order > 0:
			w.extra(disk.Key())
			b = disk.Next()
		default:
			if bytes.Equal(fresh.Value(), disk.Value()) {
				w.equal[partOf(fresh.Key())]++
			} else {
				w.differs(fresh.Key(), "is "+valueText(disk.Key(), disk.Value())+", but the blocks give "+valueText(fresh.Key(), fresh.Value()))
			}
			a, b = fresh.Next(), disk.Next()
		}
		if w.done++; w.done%tellEvery == 0 && w.progress != nil {
			w.progress(min(w.done, w.of), w.of)
		}
	}
}

func (w *comparison) extra(key []byte) {
	part := partOf(key)
	if part == PartFindings || part == PartHashes && w.lenient {
		return
	}
	w.differs(key, "is there, but the blocks give none")
}

// differs notes the first difference of a part.
func (w *comparison) differs(key []byte, how string) {
	part := partOf(key)
	if part == PartFindings || w.seen[part] {
		return
	}
	w.seen[part] = true
	w.differ = append(w.differ, Difference{part, keyText(key) + " " + how})
}
