package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"google.golang.org/protobuf/proto"

	"github.com/weft-network/weft/node/mesh"
	"github.com/weft-network/weft/p2p"
	"github.com/weft-network/weft/p2p/wire"
)

// orderPatience is how long an orderer may leave everything unanswered before
// its stream is given up and others are tried. One under load answers something
// all the time; one that lost its quorum says so after its election timeout.
const orderPatience = 10 * time.Second

// orderQueue lets callers hand over an envelope without waiting for the network.
const orderQueue = 64

// broadcaster passes envelopes to one orderer on one channel over one stream,
// which is opened on first use and again after it broke. Envelopes are
// pipelined; the orderer answers in order.
type broadcaster struct {
	open     func(ctx context.Context) (frames, error)
	patience time.Duration

	// turn is held by whoever looks at or replaces live; a channel, so that
	// waiting for another's dial ends with the context.
	turn chan struct{}
	live *broadcastStream
}

// frames is what a broadcaster needs of a *p2p.Stream.
type frames interface {
	Send(msgs ...[]byte) error
	Recv() ([]byte, error)
	Close() error
}

// broadcastStream is one stream and the replies it still owes, oldest first.
type broadcastStream struct {
	s    frames
	out  chan question // sender: ask; receiver: write
	done chan struct{} // closed by fail

	mu    sync.Mutex
	wait  []chan *wire.BroadcastReply
	err   error // why done; nil while it lives
	stall *time.Timer
	grace time.Duration
}

type question struct {
	raw   []byte
	reply chan *wire.BroadcastReply // buffered for the one reply
}

func newBroadcaster(host *p2p.Host, to p2p.ID, channel string) *broadcaster {
	return &broadcaster{
		open: func(ctx context.Context) (frames, error) {
			return host.Open(ctx, to, mesh.Broadcast, channel)
		},
		patience: orderPatience,
		turn:     make(chan struct{}, 1),
	}
}

// Broadcast sends an envelope and waits for the orderer's answer. An error
// means that the answer is unknown.
func (b *broadcaster) Broadcast(ctx context.Context, env *common.Envelope) (*wire.BroadcastReply, error) {
	raw, err := proto.Marshal(env)
	if err == nil {
		raw, err = proto.Marshal(&wire.BroadcastRequest{Envelope: raw})
	}
	if err != nil {
		return nil, err
	}
	st, err := b.stream(ctx)
	if err != nil {
		return nil, err
	}
	return st.ask(ctx, raw)
}

func (b *broadcaster) stream(ctx context.Context) (*broadcastStream, error) {
	select {
	case b.turn <- struct{}{}:
		defer func() { <-b.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if b.live != nil && b.live.lives() {
		return b.live, nil
	}
	s, err := b.open(ctx)
	if err != nil {
		return nil, fmt.Errorf("open a stream to the orderer: %w", err)
	}
	b.live = newBroadcastStream(s, b.patience)
	return b.live, nil
}

func newBroadcastStream(s frames, patience time.Duration) *broadcastStream {
	st := &broadcastStream{s: s, out: make(chan question, orderQueue), done: make(chan struct{}), grace: patience}
	st.stall = time.AfterFunc(patience, func() {
		st.fail(fmt.Errorf("the orderer has answered nothing for %s", patience))
	})
	st.stall.Stop() // nothing is owed yet
	go st.write()
	go st.read()
	return st
}

func (st *broadcastStream) lives() bool {
	select {
	case <-st.done:
		return false
	default:
		return true
	}
}

func (st *broadcastStream) broke() error {
	st.mu.Lock()
	defer st.mu.Unlock()
	return fmt.Errorf("the stream to the orderer broke: %w", st.err)
}

func (st *broadcastStream) ask(ctx context.Context, raw []byte) (*wire.BroadcastReply, error) {
	q := question{raw, make(chan *wire.BroadcastReply, 1)}
	select {
	case st.out <- q:
	case <-st.done:
		return nil, st.broke()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	select {
	case r := <-q.reply:
		return r, nil
	case <-st.done:
		select {
		case r := <-q.reply: // it came just before the end
			return r, nil
		default:
			return nil, st.broke()
		}
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// write sends questions; the order on the wire is that in wait.
func (st *broadcastStream) write() {
	for {
		select {
		case q := <-st.out:
			if err := st.s.Send(st.owed(q)...); err != nil {
				st.fail(err)
				return
			}
		case <-st.done:
			return
		}
	}
}

// owed is a question and those behind it that are there already, all of them
// waiting for an answer.
func (st *broadcastStream) owed(q question) [][]byte {
	raw := [][]byte{q.raw}
	st.owe(q.reply)
	for {
		select {
		case q := <-st.out:
			raw = append(raw, q.raw)
			st.owe(q.reply)
		default:
			return raw
		}
	}
}

func (st *broadcastStream) owe(reply chan *wire.BroadcastReply) {
	st.mu.Lock()
	defer st.mu.Unlock()
	if len(st.wait) == 0 && st.err == nil {
		st.stall.Reset(st.grace)
	}
	st.wait = append(st.wait, reply)
}

func (st *broadcastStream) read() {
	for {
		raw, err := st.s.Recv()
		r := new(wire.BroadcastReply)
		if err == nil {
			err = proto.Unmarshal(raw, r)
		}
		if err == nil {
			err = st.deliver(r)
		}
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = errors.New("the orderer closed it")
			}
			st.fail(err)
			return
		}
	}
}

func (st *broadcastStream) deliver(r *wire.BroadcastReply) error {
	st.mu.Lock()
	defer st.mu.Unlock()
	if len(st.wait) == 0 {
		return errors.New("the orderer answered more than it was asked")
	}
	st.wait[0] <- r
	st.wait = st.wait[1:]
	st.stall.Stop()
	if len(st.wait) > 0 && st.err == nil {
		st.stall.Reset(st.grace)
	}
	return nil
}

// fail ends the stream once; everybody who waits learns that the answer is
// unknown.
func (st *broadcastStream) fail(err error) {
	st.mu.Lock()
	first := st.err == nil
	if first {
		st.err, st.wait = err, nil
		st.stall.Stop()
		close(st.done)
	}
	st.mu.Unlock()
	if first {
		_ = st.s.Close()
	}
}
