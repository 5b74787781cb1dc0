package order

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/weft-network/weft/p2p"
	"github.com/weft-network/weft/p2p/wire"
	"golang.org/x/sync/errgroup"
	"google.golang.org/protobuf/proto"
)

// Protocols between orderers, and from peers to orderers.
const (
	ProtocolRaft      p2p.Protocol = "raft"
	ProtocolSubmit    p2p.Protocol = "submit"
	ProtocolBroadcast p2p.Protocol = "broadcast"
)

// Stream is what this package uses of *p2p.Stream.
type Stream interface {
	Send(msg []byte) error
	Recv() ([]byte, error)
	CloseSend() error
	Close() error
}

// Dial opens a stream of a protocol to another consenter of a channel, which
// it knows by its id: its place in the channel's consenters, from 1.
type Dial func(ctx context.Context, p p2p.Protocol, c *Channel, to uint64) (Stream, error)

const (
	// maxUnsent bounds the messages that wait to be sent to one consenter; the
	// oldest are dropped, for Raft sends again what matters.
	maxUnsent = 1024
	// dialPause is the least time between two attempts to reach a consenter.
	dialPause = 200 * time.Millisecond
)

// links are a channel's streams to its other consenters.
type links struct {
	c *Channel

	mu      sync.Mutex
	raft    map[uint64]*outbox[[]byte]
	submits map[uint64]*outbox[forwarded]
	begin   func(func()) // runs a link's goroutine; nil while not running
}

func newLinks(c *Channel) *links {
	return &links{c: c, raft: map[uint64]*outbox[[]byte]{}, submits: map[uint64]*outbox[forwarded]{}}
}

// run keeps the links alive until ctx ends, then waits for their goroutines.
func (l *links) run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	l.mu.Lock()
	l.begin = func(f func()) { g.Go(func() error { f(); return nil }) }
	for to, o := range l.raft {
		l.begin(func() { l.sendAll(ctx, to, o) })
	}
	for to, o := range l.submits {
		l.begin(func() { l.forwardAll(ctx, to, o) })
	}
	l.mu.Unlock()
	<-ctx.Done()
	l.mu.Lock()
	l.begin = nil
	for _, o := range l.submits {
		o.refuse()
	}
	l.mu.Unlock()
	return g.Wait()
}

// prepare makes the outboxes, one per other consenter. Before run.
func (l *links) prepare() {
	for i := range l.c.Config().Consenters {
		if to := uint64(i) + 1; to != l.c.number {
			l.raft[to], l.submits[to] = newOutbox[[]byte](), newOutbox[forwarded]()
		}
	}
}

func (l *links) send(to uint64, msg []byte) {
	if o := l.raft[to]; o != nil {
		o.put(msg, maxUnsent)
	}
}

// forwarded is a message on its way to the leader.
type forwarded struct {
	m    Message
	done func(error)
}

func (l *links) forward(to uint64, m Message, done func(error)) {
	o := l.submits[to]
	if o == nil || !o.put(forwarded{m, done}, 0) {
		done(ErrNoLeader)
	}
}

// sendAll writes a consenter's messages to a stream, dialled when needed.
func (l *links) sendAll(ctx context.Context, to uint64, o *outbox[[]byte]) {
	var s Stream
	defer func() {
		if s != nil {
			s.Close()
		}
	}()
	for o.wait(ctx) {
		if s == nil {
			var err error
			if s, err = l.c.cfg.Dial(ctx, ProtocolRaft, l.c, to); err != nil {
				l.c.log.Debug("consenter not reached", "consenter", to, "error", err)
				s = nil
				pause(ctx, dialPause)
				o.take() // what is this old helps nobody
				continue
			}
		}
		for _, msg := range o.take() {
			frame, err := proto.Marshal(&wire.RaftFrame{Message: msg})
			if err == nil {
				err = s.Send(frame)
			}
			if err != nil {
				l.c.log.Debug("stream to consenter ended", "consenter", to, "error", err)
				s.Close()
				s = nil
				break
			}
		}
	}
}

// forwardAll passes messages to a consenter while it leads. When the stream
// breaks, the fate of what was sent is unknown and its submitters are told.
func (l *links) forwardAll(ctx context.Context, to uint64, o *outbox[forwarded]) {
	for o.wait(ctx) {
		s, err := l.c.cfg.Dial(ctx, ProtocolSubmit, l.c, to)
		if err != nil {
			l.c.log.Debug("leader not reached", "consenter", to, "error", err)
			for _, f := range o.take() {
				f.done(refuse(common.Status_SERVICE_UNAVAILABLE, fmt.Sprintf("the Raft leader, consenter %d, cannot be reached: %v", to, err)))
			}
			pause(ctx, dialPause)
			continue
		}
		l.forwardOver(ctx, s, o)
	}
}

func (l *links) forwardOver(ctx context.Context, s Stream, o *outbox[forwarded]) {
	var mu sync.Mutex
	sent := map[uint64]func(error){}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { // replies
		for {
			raw, err := s.Recv()
			if err != nil {
				return fmt.Errorf("receive: %w", err)
			}
			reply := &wire.SubmitReply{}
			if err := proto.Unmarshal(raw, reply); err != nil {
				return fmt.Errorf("a reply that does not parse: %w", err)
			}
			mu.Lock()
			done := sent[reply.Id]
			delete(sent, reply.Id)
			mu.Unlock()
			if done != nil {
				done(replyError(reply))
			}
		}
	})
	g.Go(func() error { // requests
		for id := uint64(0); o.wait(ctx); {
			for _, f := range o.take() {
				id++
				mu.Lock()
				sent[id] = f.done
				mu.Unlock()
				raw, err := proto.Marshal(&wire.SubmitRequest{Id: id, Envelope: f.m.Raw, ConfigSequence: f.m.ConfigSequence})
				if err == nil && ctx.Err() == nil {
					err = s.Send(raw)
				}
				if err != nil {
					// The rest of this round is registered and fails below.
					l.c.log.Debug("stream to leader ended", "error", err)
				}
			}
			if ctx.Err() != nil {
				break
			}
		}
		return ctx.Err()
	})
	g.Go(func() error { // Recv does not end with ctx
		<-ctx.Done()
		return s.Close()
	})
	if err := g.Wait(); err != nil {
		l.c.log.Debug("stream to leader ended", "error", err)
	}
	for _, done := range sent {
		done(ErrLeadershipLost)
	}
}

func replyError(r *wire.SubmitReply) error {
	if s := common.Status(r.Status); s != common.Status_SUCCESS {
		return refuse(s, r.Info)
	}
	return nil
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// outbox holds what waits for one consenter.
type outbox[T any] struct {
	wake   chan struct{}
	mu     sync.Mutex
	list   []T
	closed bool
}

func newOutbox[T any]() *outbox[T] { return &outbox[T]{wake: make(chan struct{}, 1)} }

// put adds one; with a limit the oldest give way. False: the outbox is closed.
func (o *outbox[T]) put(v T, limit int) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return false
	}
	if limit > 0 && len(o.list) >= limit {
		o.list = o.list[1:]
	}
	o.list = append(o.list, v)
	select {
	case o.wake <- struct{}{}:
	default:
	}
	return true
}

// wait returns true when something is there, false when ctx has ended.
func (o *outbox[T]) wait(ctx context.Context) bool {
	for ctx.Err() == nil {
		o.mu.Lock()
		n := len(o.list)
		o.mu.Unlock()
		if n > 0 {
			return true
		}
		select {
		case <-ctx.Done():
		case <-o.wake:
		}
	}
	return false
}

func (o *outbox[T]) take() []T {
	o.mu.Lock()
	defer o.mu.Unlock()
	list := o.list
	o.list = nil
	return list
}
