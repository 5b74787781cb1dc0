package raft

import (
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
