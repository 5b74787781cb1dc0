package p2p

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
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

	sending, receiving sync.Mutex
	closing            sync.Once
	ended              bool // the other side's end was read; only Recv and Close use it
	endedMu            sync.Mutex
}

// writeChunk is the progress that a write must make within writeTimeout, and
// the largest frame that is copied to be written in one piece.
const writeChunk = 128 << 10

func newStream(h *Host, raw network.Stream, peer Peer, p Protocol) *Stream {
	return &Stream{h: h, raw: raw, in: bufio.NewReader(raw), peer: peer, protocol: p}
}

// Send writes one frame and flushes. A peer that does not read for 30 seconds
// ends the stream.
func (s *Stream) Send(msg []byte) error {
	if len(msg) > MaxFrame {
		return fmt.Errorf("send to %s: %w: %d bytes, at most %d are allowed", s.peer.ID, errFrameTooLarge, len(msg), MaxFrame)
	}
	s.sending.Lock()
	defer s.sending.Unlock()
	if err := s.send(msg); err != nil {
		s.raw.Reset() // half a frame may be out: nothing sensible can follow
		return fmt.Errorf("send to %s: %w", s.peer.ID, err)
	}
	return nil
}

func (s *Stream) send(msg []byte) error {
	if len(msg) <= writeChunk {
		return s.write(appendFrame(make([]byte, 0, len(msg)+binary.MaxVarintLen32), msg))
	}
	if err := s.write(binary.AppendUvarint(nil, uint64(len(msg)))); err != nil {
		return err
	}
	for len(msg) > 0 {
		n := min(len(msg), writeChunk)
		if err := s.write(msg[:n]); err != nil {
			return err
		}
		msg = msg[n:]
	}
	return nil
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
