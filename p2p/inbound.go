package p2p

import (
	"bufio"
	"context"
	"io"
	"log/slog"

	pb "github.com/libp2p/go-libp2p-pubsub/pb"
	"github.com/libp2p/go-libp2p/core/network"
	"google.golang.org/protobuf/proto"
)

// inbound is the stream on which a peer gossips to us, as the router reads it.
// Frames pass through whole, so that a subscription that was held back can be
// put between them later: a peer announces its topics once, and the router has
// no other door for them.
type inbound struct {
	network.Stream
	out *io.PipeReader
	in  *io.PipeWriter
	// wants are the topics that the peer has subscribed to, also those the
	// router was not told of. Guarded by gossip.mu.
	wants map[string]bool
}

// serve leads a gossip stream of a proven peer to the router until it ends.
func (g *gossip) serve(s network.Stream) {
	id := s.Conn().RemotePeer()
	in := &inbound{Stream: s, wants: map[string]bool{}}
	in.out, in.in = io.Pipe()
	g.mu.Lock()
	g.inbound[id] = in // the router gives up an older one when it is given this
	g.mu.Unlock()
	defer func() {
		g.mu.Lock()
		if g.inbound[id] == in {
			delete(g.inbound, id)
		}
		g.mu.Unlock()
	}()

	pumped := make(chan struct{})
	go func() {
		defer close(pumped)
		in.pump()
	}()
	g.handle(in)
	in.Reset()
	<-pumped
}

func (in *inbound) pump() {
	r := bufio.NewReader(in.Stream)
	for {
		frame, err := readFrame(r, MaxGossip+gossipOverhead)
		if err == nil {
			_, err = in.in.Write(appendFrame(nil, frame))
		}
		if err != nil {
			in.in.CloseWithError(err)
			return
		}
	}
}

// tell the router that the peer subscribes or unsubscribes, as if it had just
// said so. A mark, a flag that gossip without extensions has no use for, lets
// the filter know that these are not the peer's words; a peer that sets it
// itself only keeps us from noting its own wish. Each write to the pipe is read
// whole before the next, so frames do not mix; it returns when the router has
// read it, or given up the stream.
func (in *inbound) tell(topic string, subscribed bool) {
	rpc, err := proto.Marshal(&pb.RPC{Subscriptions: []*pb.RPC_SubOpts{{
		Topicid: proto.String(topic), Subscribe: proto.Bool(subscribed), RequestsPartial: proto.Bool(true),
	}}})
	if err != nil {
		return // a topic name that is not UTF-8 was never read from a peer
	}
	in.in.Write(appendFrame(nil, rpc))
}

func (in *inbound) Read(p []byte) (int, error) { return in.out.Read(p) }

func (in *inbound) Close() error {
	in.out.Close()
	return in.Stream.Close()
}

func (in *inbound) Reset() error {
	in.out.Close()
	return in.Stream.Reset()
}

// debugOnly hands a library's log on at the lowest level: what it reports,
// an operator cannot act on.
func debugOnly(log *slog.Logger) *slog.Logger {
	return slog.New(demoted{log.With("part", "gossip").Handler()})
}

func discardLog() *slog.Logger { return slog.New(slog.DiscardHandler) }

type demoted struct{ slog.Handler }

func (d demoted) Enabled(ctx context.Context, _ slog.Level) bool {
	return d.Handler.Enabled(ctx, slog.LevelDebug)
}

func (d demoted) Handle(ctx context.Context, r slog.Record) error {
	r.Level = slog.LevelDebug
	return d.Handler.Handle(ctx, r)
}

func (d demoted) WithAttrs(attrs []slog.Attr) slog.Handler {
	return demoted{d.Handler.WithAttrs(attrs)}
}

func (d demoted) WithGroup(name string) slog.Handler { return demoted{d.Handler.WithGroup(name)} }
