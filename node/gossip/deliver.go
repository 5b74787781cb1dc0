package gossip

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"google.golang.org/protobuf/proto"

	"github.com/weft-network/weft/ledger/chain"
	"github.com/weft-network/weft/p2p"
	"github.com/weft-network/weft/p2p/wire"
)

// maxFollow is where a request for "the chain for ever" stops.
const maxFollow = ^uint64(0)

// Serve answers one request of the deliver protocol from a ledger: blocks in
// order, waiting for those that are not there yet when the range asks so.
func Serve(ctx context.Context, s *p2p.Stream, l *chain.Chain) error {
	raw, err := s.Recv()
	if err != nil {
		return err
	}
	req := new(wire.DeliverRequest)
	if err := proto.Unmarshal(raw, req); err != nil {
		return fmt.Errorf("deliver request: %w", err)
	}
	// The requester sends nothing more: a read ends when it leaves.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		defer cancel()
		_, _ = s.Recv()
	}()
	for n := req.Start; ; n++ {
		if req.Stop != maxFollow && n >= l.Height() {
			return sendItem(s, &wire.DeliverItem{Error: fmt.Sprintf("block %d is not here yet", n)})
		}
		if n == maxFollow { // no chain gets there, and n+1 would be 0
			return sendItem(s, &wire.DeliverItem{Error: "there is no such block"})
		}
		if err := l.WaitHeight(ctx, n+1); err != nil {
			return err
		}
		b, err := l.BlockBytes(n)
		if err != nil {
			return errors.Join(err, sendItem(s, &wire.DeliverItem{Error: fmt.Sprintf("block %d cannot be read", n)}))
		}
		if err := sendItem(s, &wire.DeliverItem{Block: b}); err != nil {
			return err
		}
		if n == req.Stop {
			err := s.CloseSend()
			<-ctx.Done() // until the requester has all and leaves
			return err
		}
	}
}

func sendItem(s *p2p.Stream, item *wire.DeliverItem) error {
	raw, err := proto.Marshal(item)
	if err != nil {
		return err
	}
	return s.Send(raw)
}

// Receive asks for blocks start to stop and calls each with every one, in
// order; a stop of the largest uint64 follows the chain until the stream ends.
func Receive(s *p2p.Stream, start, stop uint64, each func(raw []byte, b *common.Block) error) error {
	req, err := proto.Marshal(&wire.DeliverRequest{Start: start, Stop: stop})
	if err != nil {
		return err
	}
	if err := s.Send(req); err != nil {
		return err
	}
	for n := start; ; n++ {
		item, err := recvItem(s)
		if errors.Is(err, io.EOF) && stop != maxFollow && n > stop {
			return nil
		}
		if err != nil {
			return err
		}
		b := new(common.Block)
		if err := proto.Unmarshal(item.Block, b); err != nil || b.Header == nil {
			return fmt.Errorf("block %d from %s does not parse", n, s.Peer().ID)
		}
		if b.Header.Number != n {
			return fmt.Errorf("asked for block %d, got %d from %s", n, b.Header.Number, s.Peer().ID)
		}
		if err := each(item.Block, b); err != nil {
			return err
		}
		if n == stop {
			return nil
		}
	}
}

func recvItem(s *p2p.Stream) (*wire.DeliverItem, error) {
	raw, err := s.Recv()
	if err != nil {
		return nil, err
	}
	item := new(wire.DeliverItem)
	if err := proto.Unmarshal(raw, item); err != nil {
		return nil, fmt.Errorf("deliver item: %w", err)
	}
	if item.Error != "" {
		return nil, errors.New(item.Error)
	}
	return item, nil
}
