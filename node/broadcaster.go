package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"google.golang.org/protobuf/proto"

	"github.com/weft-network/weft/node/mesh"
	"github.com/weft-network/weft/p2p"
	"github.com/weft-network/weft/p2p/wire"
)

// broadcaster passes envelopes to one orderer on one channel over one stream,
// which is opened on first use and again after it broke. Envelopes are
// pipelined; the orderer answers in order.
type broadcaster struct {
	open func(ctx context.Context) (*p2p.Stream, error)

	mu   sync.Mutex
	live *broadcastStream
}

// broadcastStream is one stream and the replies it still owes, oldest first.
type broadcastStream struct {
	s *p2p.Stream

	send sync.Mutex // order on the wire = order in waiting
	mu   sync.Mutex
	wait []chan *wire.BroadcastReply
	err  error
}

func newBroadcaster(host *p2p.Host, to p2p.ID, channel string) *broadcaster {
	return &broadcaster{open: func(ctx context.Context) (*p2p.Stream, error) {
		return host.Open(ctx, to, mesh.Broadcast, channel)
	}}
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
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.live != nil && !b.live.broken() {
		return b.live, nil
	}
	s, err := b.open(ctx)
	if err != nil {
		return nil, fmt.Errorf("open a stream to the orderer: %w", err)
	}
	b.live = &broadcastStream{s: s}
	go b.live.read()
	return b.live, nil
}

func (st *broadcastStream) broken() bool {
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.err != nil
}

func (st *broadcastStream) ask(ctx context.Context, raw []byte) (*wire.BroadcastReply, error) {
	reply := make(chan *wire.BroadcastReply, 1)
	if err := st.write(raw, reply); err != nil {
		return nil, err
	}
	select {
	case r, ok := <-reply:
		if !ok {
			st.mu.Lock()
			defer st.mu.Unlock()
			return nil, fmt.Errorf("the stream to the orderer broke: %w", st.err)
		}
		return r, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (st *broadcastStream) write(raw []byte, reply chan *wire.BroadcastReply) error {
	st.send.Lock()
	defer st.send.Unlock()
	st.mu.Lock()
	if st.err != nil {
		defer st.mu.Unlock()
		return st.err
	}
	st.wait = append(st.wait, reply)
	st.mu.Unlock()
	if err := st.s.Send(raw); err != nil {
		st.fail(err)
		return err
	}
	return nil
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
	return nil
}

// fail ends the stream; everybody who waits learns that the answer is unknown.
func (st *broadcastStream) fail(err error) {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.err != nil {
		return
	}
	st.err = err
	for _, ch := range st.wait {
		close(ch)
	}
	st.wait = nil
	st.s.Close()
}
