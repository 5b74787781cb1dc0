package order

import (
	"context"
	"fmt"
	"sync"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/weft-network/weft/p2p/wire"
	"golang.org/x/sync/errgroup"
	"google.golang.org/protobuf/proto"
)

// forwarded is a message on its way to the leader. How many there are is
// bounded by the consensus, which counts them until they are answered.
type forwarded struct {
	m    Message
	done func(error)
}

func (l *links) forward(to uint64, m Message, done func(error)) {
	o := l.submits[to]
	if o == nil || !o.put(forwarded{m, done}) {
		done(ErrNoLeader)
	}
}

// forwardAll passes messages to a consenter while it leads.
func (l *links) forwardAll(ctx context.Context, to uint64, o *outbox[forwarded]) {
	defer func() { refuseAll(o.close(), ErrStopped) }()
	for o.wait(ctx) {
		s, err := l.c.cfg.Dial(ctx, ProtocolSubmit, l.c, to)
		if err != nil {
			refuseAll(o.take(), refuse(common.Status_SERVICE_UNAVAILABLE,
				fmt.Sprintf("the Raft leader, consenter %d, cannot be reached: %v", to, err)))
			pause(ctx, dialPause)
			continue
		}
		f := forwarder{s: s, sent: map[uint64]func(error){}}
		err = f.run(ctx, o)
		l.c.log.Debug("stream to the leader ended", "consenter", to, "error", err)
	}
}

func refuseAll(list []forwarded, err error) {
	for _, f := range list {
		f.done(err)
	}
}

// forwarder is one "submit" stream to the leader.
type forwarder struct {
	s    Stream
	mu   sync.Mutex
	next uint64
	sent map[uint64]func(error) // not answered yet, by id
}

// run passes messages until the stream breaks. The fate of what was sent and
// not answered is unknown then, and its submitters are told so.
func (f *forwarder) run(ctx context.Context, o *outbox[forwarded]) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return f.receive() })
	g.Go(func() error { <-ctx.Done(); return f.s.Close() }) // ends receive
	g.Go(func() error {
		for o.wait(ctx) {
			if err := f.send(o.take()); err != nil {
				return err
			}
		}
		return ctx.Err()
	})
	err := g.Wait()
	for _, done := range f.sent {
		done(ErrLeadershipLost)
	}
	return err
}

func (f *forwarder) send(list []forwarded) error {
	frames := make([][]byte, len(list))
	for i, m := range list {
		f.mu.Lock()
		f.next++
		id := f.next
		f.sent[id] = m.done
		f.mu.Unlock()
		var err error
		if frames[i], err = proto.Marshal(&wire.SubmitRequest{Id: id, Envelope: m.m.Raw, ConfigSequence: m.m.ConfigSequence}); err != nil {
			refuseAll(list[i+1:], ErrLeadershipLost)
			return err
		}
	}
	return f.s.Send(frames...)
}

func (f *forwarder) receive() error {
	for {
		raw, err := f.s.Recv()
		if err != nil {
			return fmt.Errorf("receive: %w", err)
		}
		reply := &wire.SubmitReply{}
		if err := proto.Unmarshal(raw, reply); err != nil {
			return fmt.Errorf("a reply that does not parse: %w", err)
		}
		f.mu.Lock()
		done := f.sent[reply.Id]
		delete(f.sent, reply.Id)
		f.mu.Unlock()
		if done == nil {
			return fmt.Errorf("a reply to message %d, which was not sent", reply.Id)
		}
		done(replyError(reply))
	}
}

func replyError(r *wire.SubmitReply) error {
	if s := common.Status(r.Status); s != common.Status_SUCCESS {
		return refuse(s, r.Info)
	}
	return nil
}
