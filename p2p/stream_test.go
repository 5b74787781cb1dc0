package p2p

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"testing"
)

// echo answers every frame with itself.
func echo(h *Host) {
	h.Handle("echo", func(_ context.Context, s *Stream) {
		for {
			msg, err := s.Recv()
			if err != nil || s.Send(msg) != nil {
				return
			}
		}
	})
}

func TestFramesGoBothWaysInOrder(t *testing.T) {
	m := newRules(map[string][]string{"c": {"Org1"}})
	a, b := newHost(t, "Org1", m), newHost(t, "Org1", m, echo)
	connect(t, a, b)
	s, err := a.Open(soon(t), b.ID(), "echo", "c")
	must(t, err)
	frames := [][]byte{{}, []byte("small"), bytes.Repeat([]byte("x"), writeChunk), bytes.Repeat([]byte("large"), 1<<20)}
	sent := make(chan error, 1)
	go func() {
		for _, f := range frames {
			if err := s.Send(f); err != nil {
				sent <- err
				return
			}
		}
		sent <- s.CloseSend()
	}()
	for i, want := range frames {
		got, err := s.Recv()
		must(t, err)
		if !bytes.Equal(got, want) {
			t.Fatalf("frame %d: %d bytes came back, %d were sent", i, len(got), len(want))
		}
	}
	must(t, <-sent)
	if _, err := s.Recv(); err != io.EOF {
		t.Errorf("at the end: %v", err)
	}
	must(t, s.Close())
}

func TestSendersThatShareWritesKeepTheirFramesWholeAndInOrder(t *testing.T) {
	m := newRules(map[string][]string{"c": {"Org1"}})
	a, b := newHost(t, "Org1", m), newHost(t, "Org1", m, echo)
	connect(t, a, b)
	s, err := a.Open(soon(t), b.ID(), "echo", "c")
	must(t, err)
	const senders, rounds = 8, 20
	// A frame is its sender, its number, and a filling that may need a write of its own.
	frame := func(sender, n int) []byte {
		return append([]byte{byte(sender), byte(n)}, bytes.Repeat([]byte{byte(sender)}, n*n*500)...)
	}
	sent := make(chan error, senders)
	for sender := range senders {
		go func() {
			var err error
			for n := 0; n < rounds && err == nil; n += 2 {
				err = s.Send(frame(sender, n), frame(sender, n+1))
			}
			sent <- err
		}()
	}
	var next [senders]int
	for range senders * rounds {
		got, err := s.Recv()
		must(t, err)
		sender := int(got[0])
		if want := frame(sender, next[sender]); !bytes.Equal(got, want) {
			t.Fatalf("sender %d: frame %d of %d bytes came back, frame %d of %d is due", sender, got[1], len(got), next[sender], len(want))
		}
		next[sender]++
	}
	for range senders {
		must(t, <-sent)
	}
	must(t, s.Close())
}

func TestAStreamIsAdmittedPerChannel(t *testing.T) {
	m := newRules(map[string][]string{"channel1": {"Org1", "Org2"}, "channel2": {"Org2", "Org3"}})
	b := newHost(t, "Org2", m, echo)
	org3 := newHost(t, "Org3", m)
	connect(t, org3, b)

	s, err := org3.Open(soon(t), b.ID(), "echo", "channel2")
	must(t, err)
	s.Close()
	var refused *RefusedError
	_, err = org3.Open(soon(t), b.ID(), "echo", "channel1")
	if !errors.As(err, &refused) || refused.Reason != "Org3 is not a member of channel1" {
		t.Errorf("channel1: %v", err)
	}
	if _, err = org3.Open(soon(t), b.ID(), "nonsense", "channel2"); err == nil {
		t.Error("a protocol without a handler was opened")
	}
	if _, err = b.Open(soon(t), b.ID(), "echo", "channel2"); !errors.Is(err, ErrNotConnected) {
		t.Errorf("to a peer that is not connected: %v", err)
	}
}

func TestReconsiderEndsStreamsOfALostChannel(t *testing.T) {
	m := newRules(map[string][]string{"channel1": {"Org1", "Org2"}, "channel2": {"Org1", "Org2"}})
	a, b := newHost(t, "Org1", m), newHost(t, "Org2", m, echo)
	connect(t, a, b)
	lost, err := a.Open(soon(t), b.ID(), "echo", "channel1")
	must(t, err)
	kept, err := a.Open(soon(t), b.ID(), "echo", "channel2")
	must(t, err)
	m.set("channel1", "Org2")
	b.Reconsider()
	if _, err := lost.Recv(); err == nil || err == io.EOF {
		t.Errorf("the stream of the lost channel: %v", err)
	}
	must(t, kept.Send([]byte("still here")))
	_, err = kept.Recv()
	must(t, err)
}

func TestTheHandlersContextEndsWithThePeer(t *testing.T) {
	m := newRules(map[string][]string{"c": {"Org1"}})
	ended := make(chan struct{})
	b := newHost(t, "Org1", m, func(h *Host) {
		h.Handle("wait", func(ctx context.Context, _ *Stream) { <-ctx.Done(); close(ended) })
	})
	a := newHost(t, "Org1", m)
	connect(t, a, b)
	_, err := a.Open(soon(t), b.ID(), "wait", "c")
	must(t, err)
	a.Drop(b.ID())
	await(t, ended, "the handler's context")
}

func TestClosingDeliversWhatWasSentAndStopsTheSender(t *testing.T) {
	m := newRules(map[string][]string{"c": {"Org1"}})
	got, failed := make(chan []byte, 1), make(chan error, 1)
	b := newHost(t, "Org1", m, func(h *Host) {
		h.Handle("flood", func(_ context.Context, s *Stream) {
			msg, _ := s.Recv()
			got <- msg
			for {
				if err := s.Send(make([]byte, 1<<20)); err != nil {
					failed <- err
					return
				}
			}
		})
	})
	a := newHost(t, "Org1", m)
	connect(t, a, b)
	s, err := a.Open(soon(t), b.ID(), "flood", "c")
	must(t, err)
	must(t, s.Send([]byte("last words")))
	must(t, s.Close())
	if msg := await(t, got, "the frame"); string(msg) != "last words" {
		t.Errorf("got %q", msg)
	}
	await(t, failed, "the sender's end")
}

func TestHostileLengthsAreRefused(t *testing.T) {
	m := newRules(map[string][]string{"c": {"Org1"}})
	result := make(chan error, 1)
	b := newHost(t, "Org1", m, func(h *Host) {
		h.Handle("read", func(_ context.Context, s *Stream) { _, err := s.Recv(); result <- err })
	})
	a := newHost(t, "Org1", m)
	connect(t, a, b)
	for name, c := range map[string]struct {
		bytes []byte
		want  error
	}{
		"above the bound":      {binary.AppendUvarint(nil, MaxFrame+1), errFrameTooLarge},
		"longer than a varint": {bytes.Repeat([]byte{0xff}, 11), nil},
		"never sent":           {binary.AppendUvarint(nil, MaxFrame), io.ErrUnexpectedEOF},
	} {
		s, err := a.Open(soon(t), b.ID(), "read", "c")
		must(t, err)
		s.raw.Write(c.bytes)
		s.CloseSend() // fails when the other side has reset the stream already
		if err := await(t, result, name); err == nil || (c.want != nil && !errors.Is(err, c.want)) {
			t.Errorf("%s: %v", name, err)
		}
	}
	s, err := a.Open(soon(t), b.ID(), "read", "c")
	must(t, err)
	if err := s.Send(make([]byte, MaxFrame+1)); !errors.Is(err, errFrameTooLarge) {
		t.Errorf("sending too much: %v", err)
	}
}

func TestAPeerHoldsOnlySoManyStreams(t *testing.T) {
	m := newRules(map[string][]string{"c": {"Org1"}})
	a, b := newHost(t, "Org1", m), newHost(t, "Org1", m, echo)
	connect(t, a, b)
	for range maxStreams {
		_, err := a.Open(soon(t), b.ID(), "echo", "c")
		must(t, err)
	}
	var refused *RefusedError
	if _, err := a.Open(soon(t), b.ID(), "echo", "c"); !errors.As(err, &refused) {
		t.Errorf("one more: %v", err)
	}
}
