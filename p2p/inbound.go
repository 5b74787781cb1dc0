package p2p

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"log/slog"

	pb "github.com/libp2p/go-libp2p-pubsub/pb"
	"github.com/libp2p/go-libp2p/core/network"
	"google.golang.org/protobuf/proto"
)

// inbound is the stream on which a peer gossips to us, as the router reads it.
// Frames pass through whole, so that others can be put between them: the router
// has no other door to make it look at a peer's subscriptions again.
type inbound struct {
	network.Stream
	r    io.Reader // what the router reads: a look at "", then out
	out  *io.PipeReader
	in   *io.PipeWriter
	done chan struct{} // closed when the router has let go of the stream
	// wants are the topics that the peer has subscribed to; true for those that
	// the router counts it to. Guarded by gossip.mu.
	wants map[string]bool
}

func newInbound(s network.Stream) *inbound {
	in := &inbound{Stream: s, done: make(chan struct{}), wants: map[string]bool{}}
	in.out, in.in = io.Pipe()
	in.r = io.MultiReader(bytes.NewReader(look("")), in.out)
	return in
}

// serve leads a gossip stream of a proven peer to the router until it ends. A peer
// has one: an older one is ended first, and the router hears of the newer when it
// has let go of the older. Else it could learn of the older's end after it has
// read the newer's subscriptions, and forget these.
func (g *gossip) serve(s network.Stream) {
	id := s.Conn().RemotePeer()
	in := newInbound(s)
	defer close(in.done)
	g.mu.Lock()
	older := g.inbound[id]
	g.inbound[id] = in
	g.mu.Unlock()
	defer func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		if g.inbound[id] == in {
			delete(g.inbound, id)
		}
	}()
	if older != nil {
		older.Reset()
		<-older.done
	}

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

// recall makes the router look at topics of the peer again. Each write to the pipe
// is read whole before the next, so frames do not mix; it returns when the router
// has read it, or given up the stream.
func (in *inbound) recall(topics ...string) { in.in.Write(look(topics...)) }

// look is a frame that makes the router look at topics again; that of the empty
// name stands before all that a stream brings, and forgets what an older stream
// brought. A mark, a flag that gossip without extensions has no use for, tells it
// from the peer's own words; a peer that sets it has us look again, no more.
func look(topics ...string) []byte {
	var rpc pb.RPC
	for _, topic := range topics {
		rpc.Subscriptions = append(rpc.Subscriptions, &pb.RPC_SubOpts{
			Topicid: proto.String(topic), RequestsPartial: proto.Bool(true),
		})
	}
	frame, err := proto.Marshal(&rpc)
	if err != nil {
		return nil // a topic name that is not UTF-8 was never read from a peer
	}
	return appendFrame(nil, frame)
}

func (in *inbound) Read(p []byte) (int, error) { return in.r.Read(p) }

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
