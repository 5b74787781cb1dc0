package endorse

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"github.com/weft-network/weft/p2p"
	"github.com/weft-network/weft/p2p/wire"
	"google.golang.org/protobuf/proto"
)

// Protocol is the libp2p protocol by which peers ask each other for
// endorsements, on a stream for each channel.
const Protocol p2p.Protocol = "endorse"

// maxPerStream bounds the requests of one stream under way: chaincode keeps the
// processors busy with far fewer. A peer that asks has its callers wait (maxAsked).
const maxPerStream = 512

// Stream is what both ends need of a *p2p.Stream.
type Stream interface {
	// Send sends messages in order, together if it can. Several goroutines may.
	Send(msgs ...[]byte) error
	Recv() ([]byte, error)
	Close() error
}

// ChannelStream is a stream that was opened for a channel; *p2p.Stream is one.
type ChannelStream interface {
	Stream
	Channel() string
}

// ServePeer answers the requests of one stream until it ends, in whatever order
// they finish. Requests still running then are cancelled; it returns when all
// have ended. Proposals for another channel than the stream's are refused: the
// stream was admitted for that channel only.
func (e *Endorser) ServePeer(ctx context.Context, s ChannelStream) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { _ = s.Close() })
	defer stop()
	v := &serving{endorser: e, stream: s, running: map[uint64]context.CancelFunc{}}
	err := v.loop(ctx)
	cancel()
	v.wg.Wait()
	if !errors.Is(err, io.EOF) {
		e.cfg.Log.Debug("endorse stream ended", "channel", s.Channel(), "err", err)
	}
}

// serving is one stream being served.
type serving struct {
	endorser *Endorser
	stream   ChannelStream
	wg       sync.WaitGroup

	mu      sync.Mutex
	running map[uint64]context.CancelFunc
}

// loop takes requests until the stream ends, and says why it ended.
func (v *serving) loop(ctx context.Context) error {
	for {
		raw, err := v.stream.Recv()
		if err != nil {
			return err
		}
		req := &wire.EndorseRequest{}
		if err := proto.Unmarshal(raw, req); err != nil {
			return fmt.Errorf("endorse request: %w", err)
		}
		if req.Cancel {
			v.cancel(req.Id)
			continue
		}
		if err := v.start(ctx, req); err != nil {
			return err
		}
	}
}

func (v *serving) cancel(id uint64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if cancel := v.running[id]; cancel != nil {
		cancel()
	}
}

// start runs a request in its own goroutine; an error ends the stream.
func (v *serving) start(ctx context.Context, req *wire.EndorseRequest) error {
	ctx, cancel := context.WithCancel(ctx)
	v.mu.Lock()
	_, used := v.running[req.Id]
	full := len(v.running) >= maxPerStream
	if !used && !full {
		v.running[req.Id] = cancel
	}
	v.mu.Unlock()
	if used || full {
		cancel()
		if used {
			return fmt.Errorf("request id %d is in use", req.Id)
		}
		return v.reply(&wire.EndorseReply{Id: req.Id, Error: fmt.Sprintf("%v, exceeding limit of one stream (%d)", ErrBusy, maxPerStream)})
	}
	v.wg.Go(func() {
		defer cancel()
		reply := v.answer(ctx, req)
		v.mu.Lock()
		delete(v.running, req.Id)
		v.mu.Unlock()
		if err := v.reply(reply); err != nil {
			_ = v.stream.Close() // wakes loop
		}
	})
	return nil
}

func (v *serving) answer(ctx context.Context, req *wire.EndorseRequest) *wire.EndorseReply {
	reply := &wire.EndorseReply{Id: req.Id}
	resp, err := v.process(ctx, req)
	if err != nil {
		reply.Error = err.Error()
	}
	if resp != nil {
		raw, err := proto.Marshal(resp)
		if err != nil {
			reply.Error = fmt.Sprintf("marshal response: %v", err)
			return reply
		}
		reply.Response = raw
	}
	return reply
}

// maxLag is how long a peer waits to reach the height of the one that asks.
// Blocks reach the peers of a channel within milliseconds of each other; one
// that is further behind had better answer for the state it has.
const maxLag = 250 * time.Millisecond

// reach waits for the ledger to have so many blocks, for a moment.
func (v *serving) reach(ctx context.Context, height uint64) {
	ch, ok := v.endorser.cfg.Channel(v.stream.Channel())
	if !ok || ch.Ledger().Height() >= height {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, maxLag)
	defer cancel()
	_ = ch.Ledger().WaitHeight(ctx, height) // too late is no fault: the state there is will do
}

func (v *serving) process(ctx context.Context, req *wire.EndorseRequest) (*peer.ProposalResponse, error) {
	v.reach(ctx, req.Height)
	sp := &peer.SignedProposal{}
	if err := proto.Unmarshal(req.SignedProposal, sp); err != nil {
		return nil, fmt.Errorf("error unmarshaling SignedProposal: %w", err)
	}
	p, err := Unpack(sp)
	if err != nil {
		return failure(err), err
	}
	if p.ChannelID != v.stream.Channel() {
		err := fmt.Errorf("proposal for channel '%s' on a stream of channel '%s'", p.ChannelID, v.stream.Channel())
		return failure(err), err
	}
	return v.endorser.process(ctx, p, v.endorser.answer)
}

func (v *serving) reply(r *wire.EndorseReply) error {
	raw, err := proto.Marshal(r)
	if err != nil {
		return err
	}
	return v.stream.Send(raw)
}
