package raft

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync"

	"github.com/weft-network/weft/ledger/store"
	"go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"
)

// Keys of the log in its store. Entry keys sort by index.
var (
	keyHardState = []byte("h")
	keySnapshot  = []byte("s")
	keyStart     = []byte("c") // the entry before the first one kept: index and term
	keyEntry     = byte('e')
	keyEntryEnd  = []byte{'e' + 1}
)

func entryKey(index uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte{keyEntry}, index)
}

// diskLog is the durable Raft log of one channel, with a copy in memory that
// Raft reads (raft.Storage). It is at most two snapshot intervals long.
//
// The saver and the applier write, one at a time; Raft's loop reads meanwhile
// and never waits for the disk.
type diskLog struct {
	db *store.DB

	writing sync.Mutex // held over a write to disk and the following change in memory
	// unsure says that a write failed: nobody knows which entries it left on disk.
	unsure bool

	mu    sync.RWMutex
	hard  *pb.HardState
	snap  *pb.Snapshot
	start *pb.Entry   // index and term of the entry before entries[0]
	ents  []*pb.Entry // never changed in place: Raft holds slices of it
	bytes uint64      // of ents, as they were marshalled
}

// openLog reads the log, or begins one whose members are voters and whose first
// snapshot is the channel's genesis block.
func openLog(db *store.DB, voters []uint64, genesis snapData) (*diskLog, error) {
	l := &diskLog{db: db}
	raw, err := db.Get(keySnapshot)
	if err != nil {
		return nil, fmt.Errorf("read the Raft snapshot: %w", err)
	}
	if raw == nil {
		return l, l.bootstrap(voters, genesis)
	}
	l.snap = &pb.Snapshot{}
	if err := proto.Unmarshal(raw, l.snap); err != nil {
		return nil, fmt.Errorf("the Raft snapshot on disk does not parse: %w", err)
	}
	if err := l.load(); err != nil {
		return nil, err
	}
	return l, nil
}

// bootstrap writes the same first state on every consenter: all of them voters,
// nothing but the genesis block agreed, at index 1.
func (l *diskLog) bootstrap(voters []uint64, genesis snapData) error {
	snap := &pb.Snapshot{
		Data: genesis.encode(),
		Metadata: &pb.SnapshotMetadata{
			ConfState: &pb.ConfState{Voters: voters, AutoLeave: new(false)},
			Index:     new(uint64(1)), Term: new(uint64(1)),
		},
	}
	return l.save(&pb.HardState{Term: new(uint64(1)), Vote: new(uint64(0)), Commit: new(uint64(1))}, nil, snap, true)
}

func (l *diskLog) load() error {
	raw, err := l.db.Get(keyHardState)
	if err != nil {
		return fmt.Errorf("read the Raft state: %w", err)
	}
	l.hard = &pb.HardState{}
	if err := proto.Unmarshal(raw, l.hard); err != nil {
		return fmt.Errorf("the Raft state on disk does not parse: %w", err)
	}
	raw, err = l.db.Get(keyStart)
	if err != nil {
		return fmt.Errorf("read the start of the Raft log: %w", err)
	}
	l.start = &pb.Entry{}
	if err := proto.Unmarshal(raw, l.start); err != nil {
		return fmt.Errorf("the start of the Raft log does not parse: %w", err)
	}
	var bad error
	err = l.db.Scan(entryKey(l.start.GetIndex()+1), keyEntryEnd, func(_, value []byte) bool {
		e := &pb.Entry{}
		if bad = proto.Unmarshal(value, e); bad != nil {
			return false
		}
		if want := l.start.GetIndex() + uint64(len(l.ents)) + 1; e.GetIndex() != want {
			bad = fmt.Errorf("entry %d stands where entry %d is due", e.GetIndex(), want)
			return false
		}
		l.ents = append(l.ents, e)
		l.bytes += uint64(len(value))
		return true
	})
	if err = errors.Join(err, bad); err != nil {
		return fmt.Errorf("read the Raft log: %w", err)
	}
	if last := l.last(); last < l.snap.GetMetadata().GetIndex() {
		return fmt.Errorf("the Raft log ends at entry %d, before its own snapshot at %d", last, l.snap.GetMetadata().GetIndex())
	}
	// The commit index is written without a sync and may lag; what was
	// compacted or is covered by a snapshot was committed.
	commit := max(l.hard.GetCommit(), l.start.GetIndex(), l.snap.GetMetadata().GetIndex())
	l.hard.Commit = new(min(commit, l.last()))
	return nil
}

// save makes a change durable (with sync) and then visible: entries replace
// everything from the first one's index on; a snapshot replaces the whole log.
func (l *diskLog) save(hard *pb.HardState, ents []*pb.Entry, snap *pb.Snapshot, sync bool) error {
	l.writing.Lock()
	defer l.writing.Unlock()
	if raft.IsEmptySnap(snap) {
		// Entries that a snapshot has replaced come again when a save is retried.
		for len(ents) > 0 && ents[0].GetIndex() <= l.start.GetIndex() {
			ents = ents[1:]
		}
	}
	batch := l.db.NewBatch()
	if !raft.IsEmptyHardState(hard) {
		if err := set(batch, keyHardState, hard); err != nil {
			return err
		}
	}
	if !raft.IsEmptySnap(snap) {
		start := &pb.Entry{Index: snap.GetMetadata().Index, Term: snap.GetMetadata().Term}
		if err := errors.Join(set(batch, keySnapshot, snap), set(batch, keyStart, start)); err != nil {
			return err
		}
		batch.DeleteRange(entryKey(0), keyEntryEnd)
	}
	var size uint64
	if len(ents) > 0 {
		// Only where there is something to replace: the store has to sort out
		// every overlap of such ranges, so one for each entry costs its square.
		if first := ents[0].GetIndex(); first <= l.last() || l.unsure {
			batch.DeleteRange(entryKey(first), keyEntryEnd)
		}
		for _, e := range ents {
			raw, err := proto.Marshal(e)
			if err != nil {
				return fmt.Errorf("marshal Raft entry %d: %w", e.GetIndex(), err)
			}
			size += uint64(len(raw))
			batch.Set(entryKey(e.GetIndex()), raw)
		}
	}
	if err := l.db.Apply(batch, sync); err != nil {
		l.unsure = true
		return fmt.Errorf("write the Raft log: %w", err)
	}
	l.unsure = l.unsure && len(ents) == 0
	l.show(hard, ents, snap, size)
	return nil
}

func (l *diskLog) show(hard *pb.HardState, ents []*pb.Entry, snap *pb.Snapshot, size uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !raft.IsEmptyHardState(hard) {
		l.hard = hard
	}
	if !raft.IsEmptySnap(snap) {
		l.snap, l.ents, l.bytes = snap, nil, 0
		l.start = &pb.Entry{Index: snap.GetMetadata().Index, Term: snap.GetMetadata().Term}
	}
	if len(ents) == 0 {
		return
	}
	keep := ents[0].GetIndex() - l.start.GetIndex() - 1
	if keep < uint64(len(l.ents)) {
		for _, old := range l.ents[keep:] {
			l.bytes -= uint64(proto.Size(old))
		}
		l.ents = l.ents[:keep:keep] // so that append copies: Raft may hold the old slice
	}
	l.ents = append(l.ents, ents...)
	l.bytes += size
}

// compact makes data the snapshot at index, which has been applied, and forgets
// the entries up to the snapshot before it: a follower that is at most one
// snapshot behind needs no snapshot.
func (l *diskLog) compact(index uint64, data snapData) error {
	l.writing.Lock()
	defer l.writing.Unlock()
	l.mu.RLock()
	old := l.snap.GetMetadata()
	forget := old.GetIndex()
	l.mu.RUnlock()
	if index <= forget {
		return nil // a snapshot of the leader overtook this one
	}
	term, err := l.Term(index)
	if err != nil {
		return fmt.Errorf("snapshot the Raft log at %d: %w", index, err)
	}
	forgetTerm, err := l.Term(forget)
	if err != nil {
		return fmt.Errorf("compact the Raft log to %d: %w", forget, err)
	}
	snap := &pb.Snapshot{Data: data.encode(), Metadata: &pb.SnapshotMetadata{
		ConfState: old.GetConfState(), Index: new(index), Term: new(term),
	}}
	start := &pb.Entry{Index: new(forget), Term: new(forgetTerm)}
	batch := l.db.NewBatch()
	if err := errors.Join(set(batch, keySnapshot, snap), set(batch, keyStart, start)); err != nil {
		return err
	}
	batch.DeleteRange(entryKey(0), entryKey(forget+1))
	if err := l.db.Apply(batch, true); err != nil {
		return fmt.Errorf("compact the Raft log: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	drop := forget - l.start.GetIndex()
	for _, e := range l.ents[:drop] {
		l.bytes -= uint64(proto.Size(e))
	}
	l.ents = append([]*pb.Entry(nil), l.ents[drop:]...)
	l.snap, l.start = snap, start
	return nil
}

func set(b *store.Batch, key []byte, m proto.Message) error {
	raw, err := proto.Marshal(m)
	if err != nil {
		return fmt.Errorf("marshal Raft state: %w", err)
	}
	b.Set(key, raw)
	return nil
}
