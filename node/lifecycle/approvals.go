package lifecycle

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"

	"github.com/weft-network/weft/ledger/ident"
	"github.com/weft-network/weft/ledger/store"
)

// MaxApprovals bounds the records of a peer. Only administrators of its own
// organisation make them; a hundred chaincodes upgraded a hundred times fit.
const MaxApprovals = 10_000

// Approvals are the records of what this organisation approved. A record is
// durable before it counts. Safe for concurrent use.
type Approvals struct {
	db    *store.DB
	local *ident.Set
	log   *slog.Logger
	// changed is called after a new record counts.
	changed func(*Approval)

	mu      sync.Mutex
	records map[slot]*Approval
	last    uint64
	news    chan struct{} // closed and replaced when a record is added
}

// OpenApprovals reads the records in db and verifies them again: a record that
// no longer holds, because the organisation's roots have changed, is left out
// and logged. local holds this peer's organisation only.
func OpenApprovals(db *store.DB, local *ident.Set, log *slog.Logger) (*Approvals, error) {
	a := &Approvals{db: db, local: local, log: log, records: map[slot]*Approval{}, news: make(chan struct{}), changed: func(*Approval) {}}
	end := []byte(approvalPrefix)
	end[len(end)-1]++
	err := db.Scan([]byte(approvalPrefix), end, func(_, value []byte) bool {
		r, err := verifyApproval(slices.Clone(value), local)
		if err != nil {
			log.Error("stored chaincode approval is not valid", "err", err)
			return true
		}
		a.last++
		r.number = a.last
		a.records[r.slot()] = r
		return true
	})
	if err != nil {
		return nil, fmt.Errorf("read chaincode approvals: %w", err)
	}
	return a, nil
}

// OnApproval sets what is called with every record that newly counts, made here
// or received. Before first use only; it must not block.
func (a *Approvals) OnApproval(f func(*Approval)) { a.changed = f }

// Get returns the approval of a sequence, or nil.
func (a *Approvals) Get(channelID, name string, sequence int64) *Approval {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.records[slot{channelID, name, sequence}]
}

// List returns the approvals of a channel, sorted by name and sequence.
func (a *Approvals) List(channelID string) []*Approval {
	a.mu.Lock()
	defer a.mu.Unlock()
	var all []*Approval
	for s, r := range a.records {
		if s.channel == channelID {
			all = append(all, r)
		}
	}
	slices.SortFunc(all, func(x, y *Approval) int {
		return cmp.Or(cmp.Compare(x.Definition.Name, y.Definition.Name), cmp.Compare(x.Definition.Sequence, y.Definition.Sequence))
	})
	return all
}

// errOlder says that a record that counts more is there already.
var errOlder = errors.New("a newer approval of this sequence is on record")

// add makes a verified record count; errOlder when it does not.
func (a *Approvals) add(r *Approval) error {
	a.mu.Lock()
	old := a.records[r.slot()]
	err := a.addLocked(r, old)
	a.mu.Unlock()
	if err == nil {
		a.changed(r)
	}
	return err
}

func (a *Approvals) addLocked(r, old *Approval) error {
	if old != nil && !r.newer(old) {
		return errOlder
	}
	if old == nil && len(a.records) >= MaxApprovals {
		return fmt.Errorf("there are %d chaincode approvals, no more are allowed", MaxApprovals)
	}
	b := a.db.NewBatch()
	b.Set(r.slot().key(), r.signed)
	if err := a.db.Apply(b, true); err != nil {
		return fmt.Errorf("store approval of chaincode %s: %w", r.Definition.Name, err)
	}
	a.last++
	r.number = a.last
	a.records[r.slot()] = r
	close(a.news)
	a.news = make(chan struct{})
	return nil
}

// since returns the records after a number, oldest first, and a channel that is
// closed when there are more.
func (a *Approvals) since(number uint64) ([]*Approval, <-chan struct{}) {
	a.mu.Lock()
	defer a.mu.Unlock()
	var all []*Approval
	for _, r := range a.records {
		if r.number > number {
			all = append(all, r)
		}
	}
	slices.SortFunc(all, func(x, y *Approval) int { return cmp.Compare(x.number, y.number) })
	return all, a.news
}
