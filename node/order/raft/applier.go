package raft

import (
	"fmt"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/weft-network/weft/ledger/block"
	pb "go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"
)

// applier writes committed blocks to the ledger.
type applier struct {
	log           *diskLog
	ledger        Ledger
	snapshotBytes uint64
	since         uint64 // bytes applied since the last snapshot
	warn          func(text string, args ...any)
}

// apply takes one MsgStorageApply, and returns what it found in each entry and
// the responses that may go out now.
func (a *applier) apply(m *pb.Message) ([]outcome, []*pb.Message, error) {
	var found []outcome
	for _, e := range m.GetEntries() {
		o, err := a.entry(e)
		if err != nil {
			return nil, nil, fmt.Errorf("apply Raft entry %d: %w", e.GetIndex(), err)
		}
		found = append(found, o)
	}
	return found, m.GetResponses(), a.snapshot(found)
}

func (a *applier) entry(e *pb.Entry) (outcome, error) {
	o := outcome{index: e.GetIndex(), term: e.GetTerm(), bytes: len(e.GetData())}
	if len(e.GetData()) > 0 {
		if err := a.block(e, &o); err != nil {
			return o, err
		}
	}
	o.height, o.last = a.ledger.Height(), a.ledger.LastHash()
	a.since += uint64(o.bytes)
	return o, nil
}

// block writes the entry's block, or finds it out of place and drops it. Every
// consenter decides alike, because the chain follows from the log up to here.
func (a *applier) block(e *pb.Entry, o *outcome) error {
	if e.GetType() != pb.EntryNormal {
		a.warn("a change of the consenters is not supported and was passed over", "index", e.GetIndex())
		return nil
	}
	b := &common.Block{}
	if err := proto.Unmarshal(e.GetData(), b); err != nil || b.Header == nil || b.Data == nil {
		a.warn("a Raft entry that is no block was passed over", "index", e.GetIndex())
		return nil
	}
	o.isBlock, o.number, o.hash, o.messages = true, b.Header.Number, block.HeaderHash(b.Header), len(b.Data.Data)
	written, err := a.ledger.Write(b, e.GetIndex())
	if err != nil {
		return fmt.Errorf("write block %d: %w", o.number, err)
	}
	o.written = written
	return nil
}

// snapshot compacts the log when enough was applied. The ledger is synced
// first: from then on it can no longer be restored from the log.
func (a *applier) snapshot(found []outcome) error {
	if a.since < a.snapshotBytes || len(found) == 0 {
		return nil
	}
	if err := a.ledger.Sync(); err != nil {
		return fmt.Errorf("sync the blocks before the Raft log is compacted: %w", err)
	}
	o := found[len(found)-1]
	if err := a.log.compact(o.index, snapData{number: o.height - 1, hash: o.last}); err != nil {
		return err
	}
	a.since = 0
	return nil
}
