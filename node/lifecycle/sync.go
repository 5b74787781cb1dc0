package lifecycle

import (
	"context"
	"errors"
	"fmt"

	"github.com/weft-network/weft/node/endorse"
	"github.com/weft-network/weft/p2p"
	"github.com/weft-network/weft/p2p/wire"
	"golang.org/x/sync/errgroup"
	"google.golang.org/protobuf/proto"
)

// Protocol is the libp2p protocol by which the peers of one organisation keep
// their approvals equal. Its streams name no channel; admit members of the own
// organisation only.
const Protocol p2p.Protocol = "approvals"

// maxSyncBytes bounds one message, beyond its first record.
const maxSyncBytes = 1 << 20

// Sync keeps this peer and the one at the other end of s equal until the stream
// or ctx ends: each sends all its records, then every new one, and each verifies
// what it receives. Both ends run Sync, whoever opened the stream. A record that
// does not hold ends the stream: the other peer broke its promise.
func (a *Approvals) Sync(ctx context.Context, s endorse.Stream) error {
	g, ctx := errgroup.WithContext(ctx)
	stop := context.AfterFunc(ctx, func() { _ = s.Close() })
	defer stop()
	g.Go(func() error { return a.send(ctx, s) })
	g.Go(func() error { return a.receive(s) })
	return g.Wait()
}

func (a *Approvals) send(ctx context.Context, s endorse.Stream) error {
	var sent uint64
	for {
		records, more := a.since(sent)
		for len(records) > 0 {
			n := chunk(records)
			if err := sendRecords(s, records[:n]); err != nil {
				return err
			}
			sent, records = records[n-1].number, records[n:]
		}
		select {
		case <-more:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// chunk is how many of the records go into one message, at least one.
func chunk(records []*Approval) int {
	size := 0
	for i, r := range records {
		size += len(r.signed)
		if i > 0 && size > maxSyncBytes {
			return i
		}
	}
	return len(records)
}

func sendRecords(s endorse.Stream, records []*Approval) error {
	msg := &wire.ApprovalSync{}
	for _, r := range records {
		msg.SignedProposals = append(msg.SignedProposals, r.signed)
	}
	raw, err := proto.Marshal(msg)
	if err != nil {
		return fmt.Errorf("marshal approvals: %w", err)
	}
	if err := s.Send(raw); err != nil {
		return fmt.Errorf("send approvals: %w", err)
	}
	return nil
}

func (a *Approvals) receive(s endorse.Stream) error {
	for {
		raw, err := s.Recv()
		if err != nil {
			return fmt.Errorf("receive approvals: %w", err)
		}
		msg := &wire.ApprovalSync{}
		if err := proto.Unmarshal(raw, msg); err != nil {
			return fmt.Errorf("receive approvals: %w", err)
		}
		for _, signed := range msg.SignedProposals {
			if err := a.receiveOne(signed); err != nil {
				return fmt.Errorf("receive approvals: %w", err)
			}
		}
	}
}

func (a *Approvals) receiveOne(signed []byte) error {
	r, err := verifyApproval(signed, a.local)
	if err != nil {
		return err
	}
	switch err := a.add(r); {
	case errors.Is(err, errOlder):
		return nil
	case err != nil:
		return err
	}
	a.log.Info("chaincode approval received", "channel", r.Channel, "chaincode", r.Definition.Name,
		"sequence", r.Definition.Sequence, "package", r.PackageID)
	return nil
}
