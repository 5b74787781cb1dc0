package raft

import (
	"encoding/binary"
	"errors"
	"fmt"

	pb "go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"
)

// record is one change of the Raft log, which becomes durable as a whole:
// sections of a kind, a length (uvarint) and a protobuf message, in the order in
// which they count.
type record []byte

// Kinds of sections.
const (
	kindReset    = 'r' // empty: forget the entries; a snapshot and a start follow
	kindHard     = 'h' // raftpb.HardState
	kindSnapshot = 's' // raftpb.Snapshot
	kindStart    = 'b' // raftpb.Entry without data, the one before the first that is kept
	kindEntry    = 'e' // raftpb.Entry; replaces all from its index on
)

// enoughForRecord is the size from which on a record takes no further entry. An
// entry alone is smaller than what remains up to the store's limit.
const enoughForRecord = 4 << 20

func (r record) section(kind byte, m proto.Message) (record, error) {
	r = binary.AppendUvarint(append(r, kind), uint64(proto.Size(m)))
	r, err := proto.MarshalOptions{}.MarshalAppend(r, m)
	if err != nil {
		return r, fmt.Errorf("marshal Raft state: %w", err)
	}
	return r, nil
}

// reset appends the replacement of the whole log by a snapshot.
func (r record) reset(snap *pb.Snapshot) (record, error) {
	r, err := append(r, kindReset, 0).section(kindSnapshot, snap)
	if err != nil {
		return r, err
	}
	return r.section(kindStart, startOf(snap))
}

func startOf(snap *pb.Snapshot) *pb.Entry {
	return &pb.Entry{Index: snap.GetMetadata().Index, Term: snap.GetMetadata().Term}
}

// state is what a log says.
type state struct {
	hard  *pb.HardState
	snap  *pb.Snapshot
	start *pb.Entry   // index and term of the entry before ents[0]
	ents  []*pb.Entry // never changed in place: Raft holds slices of it
	bytes uint64      // of ents, about as they are on disk
}

// replay makes the change of a record, and returns the index of its last entry,
// 0 when it has none. Where the records before it were removed, there are
// entries before the start, or none behind it yet; settle looks at the end.
func (s *state) replay(r record) (last uint64, err error) {
	for len(r) > 1 {
		kind := r[0]
		size, n := binary.Uvarint(r[1:])
		if n <= 0 || size > uint64(len(r)-1-n) {
			return 0, errors.New("a record with a section that is cut off")
		}
		body := r[1+n:][:size]
		r = r[1+n+int(size):]
		if kind == kindEntry {
			last, err = s.replayEntry(body)
		} else {
			err = s.replayState(kind, body)
		}
		if err != nil {
			return 0, err
		}
	}
	if len(r) > 0 {
		return 0, errors.New("a record with something behind its last section")
	}
	return last, nil
}

func (s *state) replayState(kind byte, body []byte) error {
	switch kind {
	case kindReset:
		s.ents, s.bytes = nil, 0
		return nil
	case kindHard:
		s.hard = &pb.HardState{}
		return proto.Unmarshal(body, s.hard)
	case kindSnapshot:
		s.snap = &pb.Snapshot{}
		return proto.Unmarshal(body, s.snap)
	case kindStart:
		start := &pb.Entry{}
		if err := proto.Unmarshal(body, start); err != nil {
			return err
		}
		s.begin(start)
		return nil
	}
	return fmt.Errorf("a section of an unknown kind, %q", kind)
}

func (s *state) replayEntry(body []byte) (uint64, error) {
	e := &pb.Entry{}
	if err := proto.Unmarshal(body, e); err != nil {
		return 0, err
	}
	i := e.GetIndex()
	if n := len(s.ents); n > 0 {
		first := s.ents[0].GetIndex()
		if i > first+uint64(n) {
			return 0, fmt.Errorf("entry %d stands where entry %d is due", i, first+uint64(n))
		}
		s.cut(int(max(i, first) - first))
	}
	s.ents = append(s.ents, e)
	s.bytes += sizeOf(e)
	return i, nil
}

// settle checks what a whole log came to.
func (s *state) settle() error {
	if s.hard == nil || s.snap == nil || s.start == nil {
		return errors.New("it does not say where it begins")
	}
	if len(s.ents) > 0 && s.ents[0].GetIndex() != s.start.GetIndex()+1 {
		return fmt.Errorf("entry %d stands where entry %d is due", s.ents[0].GetIndex(), s.start.GetIndex()+1)
	}
	if last := s.last(); last < max(s.snap.GetMetadata().GetIndex(), s.start.GetIndex()) {
		return fmt.Errorf("it ends at entry %d, before its own snapshot at %d", last, s.snap.GetMetadata().GetIndex())
	}
	// The commit index is written without a sync and may lag; what was
	// compacted or is covered by a snapshot was committed.
	commit := max(s.hard.GetCommit(), s.start.GetIndex(), s.snap.GetMetadata().GetIndex())
	s.hard.Commit = new(min(commit, s.last()))
	return nil
}

// last is the index of the last entry, or the start's.
func (s *state) last() uint64 { return s.start.GetIndex() + uint64(len(s.ents)) }

// reset makes a snapshot the whole log.
func (s *state) reset(snap *pb.Snapshot) {
	s.snap, s.start, s.ents, s.bytes = snap, startOf(snap), nil, 0
}

// add puts entries of so many bytes in the place of those from the first one's
// index on, which is not after the end.
func (s *state) add(ents []*pb.Entry, size uint64) {
	if len(ents) == 0 {
		return
	}
	s.cut(int(ents[0].GetIndex() - s.start.GetIndex() - 1))
	s.ents = append(s.ents, ents...)
	s.bytes += size
}

// cut keeps the first entries only.
func (s *state) cut(keep int) {
	if keep >= len(s.ents) {
		return
	}
	for _, old := range s.ents[keep:] {
		s.bytes -= sizeOf(old)
	}
	s.ents = s.ents[:keep:keep] // so that append copies: Raft may hold the old slice
}

// begin forgets the entries up to a new start.
func (s *state) begin(start *pb.Entry) {
	drop := 0
	for drop < len(s.ents) && s.ents[drop].GetIndex() <= start.GetIndex() {
		s.bytes -= sizeOf(s.ents[drop])
		drop++
	}
	s.start, s.ents = start, append([]*pb.Entry(nil), s.ents[drop:]...)
}

// sizeOf is how many bytes an entry has as a section.
func sizeOf(e *pb.Entry) uint64 {
	n := uint64(proto.Size(e))
	return n + 1 + uint64(len(binary.AppendUvarint(nil, n)))
}
