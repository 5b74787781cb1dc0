package p2p

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/protocol"
	"github.com/multiformats/go-multiaddr"
	"github.com/multiformats/go-multistream"

	"github.com/weft-network/weft/p2p/wire"
)

// helloProtocol proves who is at the other end. libp2p-TLS has shown that the
// remote holds the key of its peer id; the exchange shows which MSP identity
// has that key, and asks Membership whether a channel here knows it.
const helloProtocol = protocol.ID("/weft/hello/1")

// prove runs the dialler's side, or watches over an inbound connection, until
// the link is settled or its time is up.
func (h *Host) prove(l *link) {
	ctx, cancel := context.WithTimeout(l.ctx, helloTimeout)
	defer cancel()
	if l.conn.Stat().Direction == network.DirOutbound {
		p, err := h.greet(ctx, l)
		if err != nil {
			h.refuse(l, err)
			return
		}
		h.accepted(l, p)
		return
	}
	if err := l.wait(ctx); errors.Is(err, context.DeadlineExceeded) {
		h.refuse(l, errors.New("it did not prove its identity in time"))
	}
}

// greet says hello over a new stream of this very connection: what is proven
// is the connection, and there may be two to one peer.
func (h *Host) greet(ctx context.Context, l *link) (_ Peer, err error) {
	if err := h.waitStarted(ctx); err != nil {
		return Peer{}, err
	}
	s, err := l.conn.NewStream(ctx)
	if err != nil {
		return Peer{}, fmt.Errorf("open hello stream: %w", err)
	}
	defer s.Close()
	defer func() {
		if err != nil {
			h.links.condemn(l, err)
		}
	}()
	stop := context.AfterFunc(ctx, func() { s.Reset() })
	defer stop()
	if err := negotiate(s, helloProtocol); err != nil {
		return Peer{}, err
	}
	if err := writeMessage(s, h.hello()); err != nil {
		return Peer{}, fmt.Errorf("say hello: %w", err)
	}
	var reply wire.HelloReply
	if err := readMessage(bufio.NewReader(s), maxHello, &reply); err != nil {
		return Peer{}, fmt.Errorf("read the answer to hello: %w", err)
	}
	if reply.Refused != "" {
		return Peer{}, &RefusedError{Peer: ID(l.remote.String()), Reason: clean(reply.Refused)}
	}
	p, err := h.check(l, reply.Hello)
	if err != nil {
		h.tellRefused(l, s, err)
		return Peer{}, err
	}
	// From here on the other side may believe us; it admits our streams when
	// it has read this.
	if err := writeMessage(s, &wire.HelloReply{}); err != nil {
		return Peer{}, fmt.Errorf("answer hello: %w", err)
	}
	return p, nil
}

// answerHello is the listener's side. The dialler shows itself first, so a
// stranger does not learn who we are.
func (h *Host) answerHello(l *link, s network.Stream) {
	defer s.Close()
	if l.conn.Stat().Direction != network.DirInbound || !h.links.greet(l) {
		s.Reset()
		return
	}
	s.SetDeadline(time.Now().Add(helloTimeout))
	if err := h.waitStarted(l.ctx); err != nil {
		return
	}
	p, err := h.exchange(l, s)
	if err != nil {
		h.refuse(l, err)
		return
	}
	h.accepted(l, p)
}

func (h *Host) exchange(l *link, s network.Stream) (Peer, error) {
	in := bufio.NewReader(s)
	var hello wire.Hello
	if err := readMessage(in, maxHello, &hello); err != nil {
		return Peer{}, fmt.Errorf("read hello: %w", err)
	}
	p, err := h.check(l, &hello)
	if err != nil {
		h.tellRefused(l, s, err)
		return Peer{}, err
	}
	if err := writeMessage(s, &wire.HelloReply{Hello: h.hello()}); err != nil {
		return Peer{}, fmt.Errorf("answer hello: %w", err)
	}
	var verdict wire.HelloReply
	if err := readMessage(in, maxHello, &verdict); err != nil {
		return Peer{}, fmt.Errorf("read the verdict on our hello: %w", err)
	}
	if verdict.Refused != "" {
		return Peer{}, &RefusedError{Peer: p.ID, Reason: clean(verdict.Refused)}
	}
	return p, nil
}

func (h *Host) hello() *wire.Hello {
	addrs := h.Addrs()
	return &wire.Hello{Identity: h.cfg.Identity, Addrs: addrs[:min(len(addrs), maxAddrs)]}
}

// check turns a Hello into the peer that it proves.
func (h *Host) check(l *link, hello *wire.Hello) (Peer, error) {
	id := ID(l.remote.String())
	p, err := h.identify(id, hello.GetIdentity())
	if err != nil {
		return Peer{}, err
	}
	for _, a := range hello.GetAddrs() {
		if len(p.Addrs) == maxAddrs {
			break
		}
		if len(a) <= maxAddrLen {
			if _, err := multiaddr.NewMultiaddr(a); err == nil {
				p.Addrs = append(p.Addrs, a)
			}
		}
	}
	return p, nil
}

// identify asks Membership for the key of an identity and compares it with the
// peer id, whose key the connection has proven.
func (h *Host) identify(id ID, identity []byte) (Peer, error) {
	refused := func(why string) error { return &RefusedError{Peer: id, Reason: clean(why), Here: true} }
	if len(identity) == 0 {
		return Peer{}, refused("it showed no identity")
	}
	mspID, key, err := h.cfg.Membership.Known(identity)
	if err != nil {
		return Peer{}, refused(err.Error())
	}
	owner, err := IDFromKey(key)
	if err != nil {
		return Peer{}, refused(err.Error())
	}
	if owner != id {
		return Peer{}, refused("the identity it showed has the key of peer " + string(owner))
	}
	return Peer{ID: id, Identity: identity, MSPID: mspID}, nil
}

func (h *Host) accepted(l *link, p Peer) {
	h.log.Debug("peer proven", "peer", p.ID, "org", p.MSPID)
	h.links.succeed(l, p)
}

func (h *Host) refuse(l *link, err error) {
	if h.ctx.Err() == nil {
		h.log.Debug("connection given up", "peer", l.remote, "addr", l.conn.RemoteMultiaddr(), "err", err)
	}
	h.links.fail(l, err)
}

// tellRefused says why before the connection is closed.
func (h *Host) tellRefused(l *link, s network.Stream, err error) {
	h.links.condemn(l, err)
	writeMessage(s, &wire.HelloReply{Refused: reason(err)})
	flush(s)
}

// flush waits until the other side has read what was written and closed the
// stream, so that closing the connection does not swallow a reason.
func flush(s network.Stream) {
	s.CloseWrite()
	s.SetReadDeadline(time.Now().Add(refusalTimeout))
	io.CopyN(io.Discard, s, maxHello)
}

// reason is what the refused side is told.
func reason(err error) string {
	var refused *RefusedError
	if errors.As(err, &refused) {
		return refused.Reason
	}
	return clean(err.Error())
}

// clean makes text from outside fit for a log line, and never empty.
func clean(text string) string {
	if text == "" {
		return "no reason was given"
	}
	if len(text) > maxReason {
		text = text[:maxReason]
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, strings.ToValidUTF8(text, "?"))
}

// negotiate agrees on the protocol of a stream that we opened.
func negotiate(s network.Stream, p protocol.ID) error {
	if err := multistream.SelectProtoOrFail(p, s); err != nil {
		return fmt.Errorf("negotiate %s: %w", p, err)
	}
	return s.SetProtocol(p)
}
