package p2p

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
)

// Stream is a bidirectional, ordered flow of frames of at most MaxFrame bytes.
// One goroutine may receive while others send.
type Stream struct {
	h        *Host
	raw      network.Stream
	in       *bufio.Reader
	peer     Peer
	protocol Protocol
	channel  string

	queueing sync.Mutex // held for a moment only
	next     *batch     // gathers while another one is written

	sending, receiving sync.Mutex
	closing            sync.Once
	ended              bool // the other side's end was read; only Recv and Close use it
	endedMu            sync.Mutex
}

// writeChunk is the progress that a write must make within writeTimeout, and
// up to where frames are copied to be written in one piece.
const writeChunk = 128 << 10

func newStream(h *Host, raw network.Stream, peer Peer, p Protocol) *Stream {
	return &Stream{h: h, raw: raw, in: bufio.NewReader(raw), peer: peer, protocol: p}
}

// Send writes one frame for each message, in order, in as few writes as they
// fit in, and returns when they are written. What several goroutines send at once
// shares writes, too. A peer that does not read for 30 seconds ends the stream.
func (s *Stream) Send(msgs ...[]byte) error {
	for _, msg := range msgs {
		if len(msg) > MaxFrame {
			return fmt.Errorf("send to %s: %w: %d bytes, at most %d are allowed", s.peer.ID, errFrameTooLarge, len(msg), MaxFrame)
		}
	}
	b := s.join(msgs)
	s.sending.Lock()
	defer s.sending.Unlock()
	if !b.written {
		s.flush(b)
	}
	return b.err
}

// batch is what is written together: by the first of its senders whose turn it
// is, for all of them.
type batch struct {
	msgs    [][]byte
	written bool // this and err are set under Stream.sending
	err     error
}

// join adds messages to the batch that is written next.
func (s *Stream) join(msgs [][]byte) *batch {
	s.queueing.Lock()
	defer s.queueing.Unlock()
	if s.next == nil {
		s.next = &batch{}
	}
	s.next.msgs = append(s.next.msgs, msgs...)
	return s.next
}

// flush writes a batch, which nobody can join any more. The caller holds sending.
func (s *Stream) flush(b *batch) {
	s.queueing.Lock()
	s.next = nil
	s.queueing.Unlock()
	b.written = true
	if err := s.send(b.msgs); err != nil {
		s.raw.Reset() // half a frame may be out: nothing sensible can follow
		b.err = fmt.Errorf("send to %s: %w", s.peer.ID, err)
	}
}

// send gathers frames up to writeChunk; what is larger goes in pieces.
func (s *Stream) send(msgs [][]byte) error {
	var buf []byte
	for i, msg := range msgs {
		if len(buf) == 0 {
			buf = make([]byte, 0, min(writeChunk, framed(msgs[i:])))
		}
		if len(buf)+len(msg)+binary.MaxVarintLen32 <= writeChunk {
			buf = appendFrame(buf, msg)
			continue
		}
		if err := s.write(binary.AppendUvarint(buf, uint64(len(msg)))); err != nil {
			return err
		}
		buf = nil
		for rest := range slices.Chunk(msg, writeChunk) {
			if err := s.write(rest); err != nil {
				return err
			}
		}
	}
	if len(buf) == 0 {
		return nil
	}
	return s.write(buf)
}

// framed is at most how many bytes messages have with their lengths.
func framed(msgs [][]byte) (n int) {
	for _, msg := range msgs {
		n += len(msg) + binary.MaxVarintLen32
	}
	return n
}

func (s *Stream) write(b []byte) error {
	if err := s.raw.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return err
	}
	_, err := s.raw.Write(b)
	return err
}

// Recv reads one frame; io.EOF when the other side closed.
func (s *Stream) Recv() ([]byte, error) {
	s.receiving.Lock()
	defer s.receiving.Unlock()
	msg, err := readFrame(s.in, MaxFrame)
	switch {
	case err == nil:
		return msg, nil
	case err == io.EOF:
		s.endedMu.Lock()
		s.ended = true
		s.endedMu.Unlock()
		return nil, io.EOF
	default:
		s.raw.Reset()
		return nil, fmt.Errorf("receive from %s: %w", s.peer.ID, err)
	}
}

// Peer at the other end.
func (s *Stream) Peer() Peer { return s.peer }

// Channel that the stream was opened for.
func (s *Stream) Channel() string { return s.channel }

// CloseSend tells the other side that nothing more follows.
func (s *Stream) CloseSend() error { return s.raw.CloseWrite() }

// Close ends both directions. What was sent still arrives, and the other side's
// sending fails within about a second; it does not wait. While another goroutine
// is in Recv, Close resets the stream instead, which ends that Recv at once.
func (s *Stream) Close() error {
	s.closing.Do(s.close)
	return nil
}

func (s *Stream) close() {
	s.endedMu.Lock()
	ended := s.ended
	s.endedMu.Unlock()
	if ended {
		s.raw.Close()
		return
	}
	if !s.receiving.TryLock() {
		// Somebody reads. A second reader beside it could take the one
		// notification that a reset gives, and leave the first waiting for ever.
		s.raw.Reset()
		return
	}
	// A reset now could overtake what the other side has not read, and just
	// closing would leave its writes waiting for a window that never opens.
	s.raw.CloseWrite()
	s.raw.SetReadDeadline(time.Now().Add(lingerTimeout))
	if !s.h.enter() {
		s.receiving.Unlock()
		s.raw.Reset()
		return
	}
	go func() {
		defer s.h.work.Done()
		defer s.receiving.Unlock()
		if _, err := io.Copy(io.Discard, s.raw); err != nil {
			s.raw.Reset()
			return
		}
		s.raw.Close()
	}()
}

// Reset ends both directions at once; what is under way may be lost.
func (s *Stream) Reset() { s.raw.Reset() }

// Open opens a stream to a proven peer. A refusal by the other side is a
// *RefusedError that carries its reason. ctx bounds the opening only.
func (h *Host) Open(ctx context.Context, to ID, p Protocol, channel string) (*Stream, error) {
	s, err := h.openStream(ctx, to, p, channel)
	if err != nil {
		return nil, fmt.Errorf("open %s stream for channel %q: %w", p, channel, err)
	}
	return s, nil
}

func (h *Host) openStream(ctx context.Context, to ID, p Protocol, channel string) (*Stream, error) {
	pid, err := decodeID(to)
	if err != nil {
		return nil, err
	}
	peer, ok := h.links.peer(pid)
	if !ok {
		return nil, fmt.Errorf("%w: %s", ErrNotConnected, to)
	}
	ctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	raw, err := h.swarm.NewStream(network.WithNoDial(ctx, "only Connect dials"), pid)
	if err != nil {
		return nil, fmt.Errorf("peer %s: %w", to, err)
	}
	stop := context.AfterFunc(ctx, func() { raw.Reset() })
	s := newStream(h, raw, peer, p)
	s.channel = channel
	err = s.request()
	if !stop() { // ctx ended first: the stream is reset, whatever was read
		err = errors.Join(ctx.Err(), err)
	}
	if err != nil {
		raw.Reset()
		return nil, err
	}
	return s, nil
}
