package p2p

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/protocol"
	"github.com/multiformats/go-multistream"

	"github.com/weft-network/weft/p2p/wire"
)

func (p Protocol) id() protocol.ID { return protocol.ID("/weft/" + string(p) + "/1") }

// Handle registers the handler of a protocol; it owns the stream, which is
// closed when it returns. Its ctx ends when the peer disconnects or the host
// stops. Before Run only.
func (h *Host) Handle(p Protocol, f func(ctx context.Context, s *Stream)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.handlers[p.id()] = handler{name: p, serve: f}
}

// accept is where every stream that others open begins: the proof itself, then
// nothing but members.
func (h *Host) accept(raw network.Stream) {
	l := h.links.of(raw.Conn())
	if l == nil || !h.enter() {
		raw.Reset()
		return
	}
	defer h.work.Done()
	raw.SetDeadline(time.Now().Add(openTimeout))
	id, _, err := h.mux.Negotiate(raw)
	if err != nil || raw.SetProtocol(id) != nil {
		raw.Reset()
		return
	}
	if id == helloProtocol {
		h.answerHello(l, raw)
		return
	}
	if err := h.admit(l); err != nil {
		raw.Reset()
		return
	}
	raw.SetDeadline(time.Now().Add(openTimeout)) // the wait was not the stream's fault
	if id == gossipProtocol {
		raw.SetDeadline(time.Time{})
		h.gossip.serve(raw)
		return
	}
	h.serve(l, raw, h.handlers[id])
}

func (h *Host) admit(l *link) error {
	ctx, cancel := context.WithTimeout(l.ctx, helloTimeout)
	defer cancel()
	return h.links.admit(ctx, l)
}

// serve answers the Open of a stream and runs its handler.
func (h *Host) serve(l *link, raw network.Stream, to handler) {
	s := newStream(h, raw, l.peer, to.name)
	var open wire.Open
	if err := readMessage(s.in, maxOpen, &open); err != nil {
		raw.Reset()
		return
	}
	s.channel = open.Channel
	// Counted before Membership is asked, so that Reconsider misses no stream.
	defer h.links.release(l.remote, s)
	if refusal := h.decide(l, s); refusal != "" {
		h.log.Info("stream refused", "peer", s.peer.ID, "org", s.peer.MSPID,
			"protocol", string(s.protocol), "channel", s.channel, "reason", refusal)
		writeMessage(raw, &wire.OpenReply{Refused: refusal})
		flush(raw)
		raw.Close()
		return
	}
	defer s.Close()
	if err := writeMessage(raw, &wire.OpenReply{}); err != nil {
		raw.Reset()
		return
	}
	raw.SetDeadline(time.Time{})
	to.serve(l.ctx, s)
}

// decide is empty when the stream is admitted.
func (h *Host) decide(l *link, s *Stream) string {
	if !h.links.hold(l.remote, s) {
		return fmt.Sprintf("too many %s streams are open, at most %d are allowed", s.protocol, maxStreams)
	}
	if len(s.channel) > maxChannel {
		return fmt.Sprintf("the channel name has %d bytes, at most %d are allowed", len(s.channel), maxChannel)
	}
	if err := h.cfg.Membership.Allow(s.peer.Identity, s.protocol, s.channel); err != nil {
		return reason(err)
	}
	return ""
}

// request is the opener's half: protocol, Open, OpenReply.
func (s *Stream) request() error {
	if err := negotiate(s.raw, s.protocol.id()); err != nil {
		if errors.Is(err, multistream.ErrNotSupported[protocol.ID]{}) {
			return fmt.Errorf("peer %s does not serve the protocol", s.peer.ID)
		}
		return fmt.Errorf("peer %s: %w", s.peer.ID, err)
	}
	if err := writeMessage(s.raw, &wire.Open{Channel: s.channel}); err != nil {
		return fmt.Errorf("peer %s: %w", s.peer.ID, err)
	}
	var reply wire.OpenReply
	if err := readMessage(s.in, maxOpen, &reply); err != nil {
		return fmt.Errorf("peer %s: read its answer: %w", s.peer.ID, err)
	}
	if reply.Refused != "" {
		return &RefusedError{Peer: s.peer.ID, Reason: clean(reply.Refused)}
	}
	return nil
}
