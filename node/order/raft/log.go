package raft

import (
	"errors"
	"fmt"
	"sync"

	"github.com/weft-network/weft/ledger/store"
	"go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"
)

// segmentBytes is the size of the Raft log's files, which are removed whole.
const segmentBytes = 8 << 20

// errLog is in the error of a write after which the log takes no more.
var errLog = errors.New("write the Raft log")

// diskLog is the durable Raft log of one channel, with a copy in memory that
// Raft reads (raft.Storage). It is two snapshot intervals long, and a file or two.
//
// On disk it is a sequence of changes, appended and never rewritten: what is
// ordered is large and soon forgotten, and a store that sorts it would write it
// several times. Opening replays the changes.
//
// The saver and the applier write, one at a time; Raft's loop reads meanwhile
// and never waits for the disk.
type diskLog struct {
	disk *store.Log

	writing sync.Mutex // held over a write to disk and the following change in memory
	record  record     // a buffer
	places  []place    // of the records that have entries, oldest first

	mu sync.RWMutex
	state
}

// place is where a record with entries is, and the index of the last one.
type place struct {
	at   store.Position
	last uint64
}

// openLog reads the log, or begins one whose members are voters and whose first
// snapshot is the channel's genesis block.
func openLog(disk *store.Log, voters []uint64, genesis snapData) (*diskLog, error) {
	l := &diskLog{disk: disk}
	err := disk.Scan(0, func(at store.Position, payload []byte) error {
		last, err := l.state.replay(payload)
		if err != nil {
			return fmt.Errorf("%s: %w", disk.Place(at), err)
		}
		if last > 0 {
			l.places = append(l.places, place{at, last})
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the Raft log: %w", err)
	}
	if l.snap == nil && l.hard == nil && len(l.ents) == 0 {
		return l, l.bootstrap(voters, genesis)
	}
	if err := l.state.settle(); err != nil {
		return nil, fmt.Errorf("read the Raft log: %w", err)
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

// save makes a change durable (with sync) and then visible: entries replace
// everything from the first one's index on; a snapshot replaces the whole log.
// After an error, which is errLog, the log takes no more.
func (l *diskLog) save(hard *pb.HardState, ents []*pb.Entry, snap *pb.Snapshot, sync bool) error {
	l.writing.Lock()
	defer l.writing.Unlock()
	if raft.IsEmptySnap(snap) {
		snap = nil
		// Entries that a snapshot has replaced come again when a save is retried.
		for len(ents) > 0 && ents[0].GetIndex() <= l.start.GetIndex() {
			ents = ents[1:]
		}
	}
	if raft.IsEmptyHardState(hard) {
		hard = nil
	}
	size, err := l.write(hard, ents, snap)
	if err == nil && sync {
		err = l.disk.Sync()
	}
	if err != nil {
		return fmt.Errorf("%w: %w", errLog, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if snap != nil {
		l.reset(snap)
	}
	if hard != nil {
		l.hard = hard
	}
	l.add(ents, size)
	return nil
}

// write appends a change, in one record unless it is large: of several, any
// first ones are a sound log too. It returns the size of the entries.
func (l *diskLog) write(hard *pb.HardState, ents []*pb.Entry, snap *pb.Snapshot) (size uint64, err error) {
	r := l.record[:0]
	if snap != nil {
		r, err = r.reset(snap)
	}
	if err == nil && hard != nil {
		r, err = r.section(kindHard, hard)
	}
	for i := 0; i < len(ents) && err == nil; i++ {
		before := len(r)
		if r, err = r.section(kindEntry, ents[i]); err != nil {
			break
		}
		size += uint64(len(r) - before)
		if len(r) >= enoughForRecord || i == len(ents)-1 {
			err = l.append(r, ents[i].GetIndex())
			r = r[:0]
		}
	}
	if err == nil && len(r) > 0 {
		err = l.append(r, 0)
		r = r[:0]
	}
	if l.record = r[:0]; cap(r) > 2*enoughForRecord {
		l.record = nil
	}
	return size, err
}

func (l *diskLog) append(r record, last uint64) error {
	at, err := l.disk.Append(r)
	if err == nil && last > 0 {
		l.places = append(l.places, place{at, last})
	}
	return err
}

// compact makes data the snapshot at index, which has been applied, and forgets
// the entries up to the snapshot before it: a follower that is at most one
// snapshot behind needs no snapshot.
func (l *diskLog) compact(index uint64, data snapData) error {
	l.writing.Lock()
	defer l.writing.Unlock()
	l.mu.RLock()
	old, hard := l.snap.GetMetadata(), l.hard
	l.mu.RUnlock()
	forget := old.GetIndex()
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
	if err := l.shorten(hard, snap, start); err != nil {
		return fmt.Errorf("compact the Raft log: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.snap = snap
	l.begin(start)
	return nil
}

// shorten notes durably where the log begins, with all that the records before
// its first entry may say, and then removes those.
func (l *diskLog) shorten(hard *pb.HardState, snap *pb.Snapshot, start *pb.Entry) error {
	r, err := l.record[:0].section(kindHard, hard)
	if err == nil {
		r, err = r.section(kindSnapshot, snap)
	}
	if err == nil {
		r, err = r.section(kindStart, start)
	}
	if err != nil {
		return err
	}
	at, err := l.disk.Append(r)
	if err == nil {
		err = l.disk.Sync()
	}
	if err != nil {
		return fmt.Errorf("%w: %w", errLog, err)
	}
	for len(l.places) > 0 && l.places[0].last <= start.GetIndex() {
		l.places = l.places[1:]
	}
	if len(l.places) > 0 {
		at = l.places[0].at
	}
	return l.disk.Forget(at)
}
