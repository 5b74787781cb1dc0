package raft

import (
	"go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"
)

var _ raft.Storage = (*diskLog)(nil)

// InitialState implements raft.Storage.
func (l *diskLog) InitialState() (*pb.HardState, *pb.ConfState, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return proto.CloneOf(l.hard), proto.CloneOf(l.snap.GetMetadata().GetConfState()), nil
}

// Entries implements raft.Storage: lo ≤ index < hi, at least one, then as many
// as fit into maxSize.
func (l *diskLog) Entries(lo, hi, maxSize uint64) ([]*pb.Entry, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	first := l.start.GetIndex() + 1
	if lo < first {
		return nil, raft.ErrCompacted
	}
	if lo >= hi || hi > l.last()+1 {
		return nil, raft.ErrUnavailable
	}
	ents := l.ents[lo-first : hi-first]
	size := uint64(0)
	for i, e := range ents {
		size += uint64(proto.Size(e))
		if i > 0 && size > maxSize {
			return ents[:i:i], nil
		}
	}
	return ents[:len(ents):len(ents)], nil
}

// Term implements raft.Storage.
func (l *diskLog) Term(i uint64) (uint64, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	switch start := l.start.GetIndex(); {
	case i < start:
		return 0, raft.ErrCompacted
	case i > l.last():
		return 0, raft.ErrUnavailable
	case i == start:
		return l.start.GetTerm(), nil
	default:
		return l.ents[i-start-1].GetTerm(), nil
	}
}

// LastIndex implements raft.Storage.
func (l *diskLog) LastIndex() (uint64, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.last(), nil
}

// FirstIndex implements raft.Storage.
func (l *diskLog) FirstIndex() (uint64, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.start.GetIndex() + 1, nil
}

// Snapshot implements raft.Storage.
func (l *diskLog) Snapshot() (*pb.Snapshot, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return proto.CloneOf(l.snap), nil
}
