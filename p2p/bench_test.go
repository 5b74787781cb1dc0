package p2p

import (
	"context"
	"testing"
)

// BenchmarkEcho is one small frame there and back.
func BenchmarkEcho(b *testing.B) { benchmarkEcho(b, 100) }

// BenchmarkEchoLarge is one frame of a megabyte there and back.
func BenchmarkEchoLarge(b *testing.B) { benchmarkEcho(b, 1<<20) }

func benchmarkEcho(b *testing.B, size int) {
	m := newRules(map[string][]string{"c": {"Org1"}})
	from, to := newHost(b, "Org1", m), newHost(b, "Org1", m, echo)
	connect(b, from, to)
	s, err := from.Open(soon(b), to.ID(), "echo", "c")
	must(b, err)
	msg := make([]byte, size)
	b.SetBytes(int64(2 * size))
	for b.Loop() {
		must(b, s.Send(msg))
		_, err := s.Recv()
		must(b, err)
	}
}

// BenchmarkEchoTogether is one of sixteen small frames under way, each answered
// by a goroutine of its own.
func BenchmarkEchoTogether(b *testing.B) {
	m := newRules(map[string][]string{"c": {"Org1"}})
	from := newHost(b, "Org1", m)
	to := newHost(b, "Org1", m, func(h *Host) {
		h.Handle("echo", func(_ context.Context, s *Stream) {
			for {
				msg, err := s.Recv()
				if err != nil {
					return
				}
				go s.Send(msg)
			}
		})
	})
	connect(b, from, to)
	s, err := from.Open(soon(b), to.ID(), "echo", "c")
	must(b, err)
	const underWay = 16
	msg := make([]byte, 100)
	for range underWay {
		must(b, s.Send(msg))
	}
	for b.Loop() {
		_, err := s.Recv()
		must(b, err)
		go s.Send(msg)
	}
}

// BenchmarkGossip is one message of 64 KiB from one host to another.
func BenchmarkGossip(b *testing.B) {
	m := newRules(map[string][]string{"c": {"Org1"}})
	from, to := newHost(b, "Org1", m), newHost(b, "Org1", m)
	ft, tt := join(b, from, "t", "c"), join(b, to, "t", "c")
	connect(b, from, to)
	ft.neighbours(b, 1)
	tt.neighbours(b, 1)
	body := string(make([]byte, 64<<10))
	for i := 0; b.Loop(); i++ {
		ft.publish(b, string(rune('a'+i%26))+string(rune('a'+i/26%26))+string(rune('a'+i/676%26))+string(rune('a'+i/17576))+" "+body)
		<-tt.got
	}
}
