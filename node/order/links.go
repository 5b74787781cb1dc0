package order

import (
	"context"
	"time"

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
	// Send sends messages in order, together if it can.
	Send(msgs ...[]byte) error
	Recv() ([]byte, error)
	Close() error
}

// Dial opens a stream of a protocol to another consenter of a channel, which
// it knows by its id: its place in the channel's consenters, from 1.
type Dial func(ctx context.Context, p p2p.Protocol, c *Channel, to uint64) (Stream, error)

const (
	// maxUnsent bounds the consensus messages that wait to be sent to one
	// consenter; the oldest are dropped, for Raft repeats what matters.
	maxUnsent = 1024
	// dialPause is the least time between two attempts to reach a consenter:
	// well below an election, and no burden.
	dialPause = 100 * time.Millisecond
)

// links are a channel's streams to its other consenters.
type links struct {
	c       *Channel
	raft    map[uint64]*outbox[[]byte]
	submits map[uint64]*outbox[forwarded]
}

func newLinks(c *Channel) *links {
	l := &links{c: c, raft: map[uint64]*outbox[[]byte]{}, submits: map[uint64]*outbox[forwarded]{}}
	for i := range c.Config().Consenters {
		if to := uint64(i) + 1; to != c.number {
			l.raft[to], l.submits[to] = newOutbox[[]byte](maxUnsent), newOutbox[forwarded](0)
		}
	}
	return l
}

// run serves the links until ctx ends.
func (l *links) run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	for to, o := range l.raft {
		g.Go(func() error { l.sendAll(ctx, to, o); return nil })
	}
	for to, o := range l.submits {
		g.Go(func() error { l.forwardAll(ctx, to, o); return nil })
	}
	return g.Wait()
}

func (l *links) send(to uint64, msg []byte) {
	if o := l.raft[to]; o != nil {
		o.put(msg)
	}
}

// sendAll writes the messages for a consenter to streams, dialled when needed.
func (l *links) sendAll(ctx context.Context, to uint64, o *outbox[[]byte]) {
	for o.wait(ctx) {
		s, err := l.c.cfg.Dial(ctx, ProtocolRaft, l.c, to)
		if err == nil {
			err = l.sendOver(ctx, s, o)
		}
		l.c.log.Debug("no stream to consenter", "consenter", to, "error", err)
		pause(ctx, dialPause)
		o.take() // what is this old helps nobody
	}
}

func (l *links) sendOver(ctx context.Context, s Stream, o *outbox[[]byte]) error {
	defer s.Close()
	// A stream on which nothing is read would not show that the other side left.
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { _, err := s.Recv(); return err })
	g.Go(func() error { <-ctx.Done(); return s.Close() })
	g.Go(func() error {
		for o.wait(ctx) {
			frames := o.take()
			for i, msg := range frames {
				frame, err := proto.Marshal(&wire.RaftFrame{Message: msg})
				if err != nil {
					return err
				}
				frames[i] = frame
			}
			if err := s.Send(frames...); err != nil {
				return err
			}
		}
		return ctx.Err()
	})
	return g.Wait()
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}
