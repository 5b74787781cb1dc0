package raft

import (
	"context"
	"fmt"

	"go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"
)

// saver makes what Raft wants stored durable.
type saver struct {
	log    *diskLog
	ledger Ledger
	fetch  Fetch
}

// save stores the messages' contents in order, with one sync for as many as
// possible, and returns the responses that may go out now, in order. When it
// fails nothing may go out; it may be called again with the same messages.
func (s *saver) save(ctx context.Context, ms []*pb.Message) ([]*pb.Message, error) {
	var responses []*pb.Message
	var hard *pb.HardState
	var ents []*pb.Entry
	sync := false
	flush := func() error {
		if hard == nil && len(ents) == 0 {
			return nil
		}
		err := s.log.save(hard, ents, nil, sync)
		hard, ents, sync = nil, nil, false
		return err
	}
	for _, m := range ms {
		if !raft.IsEmptySnap(m.GetSnapshot()) {
			if err := flush(); err != nil {
				return nil, err
			}
			if err := s.install(ctx, m); err != nil {
				return nil, err
			}
		} else {
			ents = join(ents, m.GetEntries())
			if h := hardState(m); h != nil {
				hard = h
			}
			sync = sync || len(m.GetResponses()) > 0
		}
		responses = append(responses, m.GetResponses()...)
	}
	return responses, flush()
}

// install takes a snapshot over: first the blocks that it stands for, then the
// snapshot itself. A crash in between leaves blocks that the log will pass over.
func (s *saver) install(ctx context.Context, m *pb.Message) error {
	data, err := decodeSnapData(m.GetSnapshot().GetData())
	if err != nil {
		return err
	}
	if err := catchUp(ctx, s.ledger, s.fetch, data); err != nil {
		return fmt.Errorf("catch up with the leader's snapshot: %w", err)
	}
	return s.log.save(hardState(m), m.GetEntries(), m.GetSnapshot(), true)
}

// hardState is what a MsgStorageAppend wants stored, nil when nothing.
func hardState(m *pb.Message) *pb.HardState {
	h := &pb.HardState{Term: new(m.GetTerm()), Vote: new(m.GetVote()), Commit: new(m.GetCommit())}
	if raft.IsEmptyHardState(h) {
		return nil
	}
	return h
}

// join appends entries to those of earlier messages, of which it drops the ones
// that the new entries replace.
func join(ents, more []*pb.Entry) []*pb.Entry {
	if len(more) == 0 {
		return ents
	}
	first := more[0].GetIndex()
	for len(ents) > 0 && ents[len(ents)-1].GetIndex() >= first {
		ents = ents[:len(ents)-1]
	}
	return append(ents, more...)
}
