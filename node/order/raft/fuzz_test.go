package raft

import (
	"errors"
	"log/slog"
	"testing"

	"github.com/hyperledger/fabric-protos-go-apiv2/orderer/etcdraft"
	"github.com/weft-network/weft/ledger/block"
	"github.com/weft-network/weft/ledger/channel"
	pb "go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"
)

func FuzzStep(f *testing.F) {
	genesis := block.New(0, nil, [][]byte{[]byte("genesis")})
	settings := &channel.Config{Consenters: make([]*etcdraft.Consenter, 3)}
	raw, err := proto.Marshal(&pb.Message{Type: pb.MsgHeartbeat.Enum(), From: new(uint64(2)), To: new(uint64(1))})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, raw []byte) {
		n, err := New(Config{
			ID: 1, Ledger: newModel(genesis), Genesis: genesis, Settings: func() *channel.Config { return settings },
			Send: func(uint64, []byte) {}, Log: slog.New(slog.DiscardHandler),
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := n.Step(2, raw); err != nil {
			return
		}
		for _, m := range n.in.take().net {
			if m.GetFrom() != 2 || m.GetTo() != 1 || !passable(m) {
				t.Errorf("taken: %v", m)
			}
		}
	})
}

// FuzzRecord replays two records that the disk may hold: no panic, and a state
// that settles is one that Raft can read.
func FuzzRecord(f *testing.F) {
	snap := &pb.Snapshot{Metadata: &pb.SnapshotMetadata{ConfState: &pb.ConfState{}, Index: new(uint64(1)), Term: new(uint64(1))}}
	first, err1 := record(nil).reset(snap)
	first, err2 := first.section(kindHard, &pb.HardState{Term: new(uint64(1)), Commit: new(uint64(1))})
	second, err3 := record(nil).section(kindEntry, &pb.Entry{Index: new(uint64(2)), Term: new(uint64(1)), Data: []byte("x")})
	third, err4 := record(nil).section(kindStart, &pb.Entry{Index: new(uint64(2)), Term: new(uint64(1))})
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(first), []byte(second))
	f.Add([]byte(append(first, second...)), []byte(third))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		var s state
		for _, r := range [][]byte{a, b} {
			if _, err := s.replay(r); err != nil {
				return
			}
		}
		if s.settle() != nil {
			return
		}
		for i, e := range s.ents {
			if e.GetIndex() != s.start.GetIndex()+uint64(i)+1 {
				t.Fatalf("entry %d has index %d, the start %d", i, e.GetIndex(), s.start.GetIndex())
			}
		}
		if c := s.hard.GetCommit(); c < s.start.GetIndex() || c > s.last() {
			t.Fatalf("entry %d is committed, of %d to %d", c, s.start.GetIndex(), s.last())
		}
	})
}
