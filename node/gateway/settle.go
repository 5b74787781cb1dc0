package gateway

import (
	"context"
	"time"
)

const (
	// onTheirWay is how many blocks may be here and not committed yet without
	// being a backlog: one is checked while another is written.
	onTheirWay = 2
	// maxSettle bounds the wait for a backlog. A peer that catches up on a long
	// chain takes longer, and endorses for the state it has.
	maxSettle = time.Second
)

// settle holds new endorsements back while this peer commits more slowly than
// blocks arrive. Without that, endorsing takes the processors from committing
// when all are busy, and the peer falls further and further behind: what it
// endorses then does not match what others endorse, or conflicts.
func (s *Server) settle(ctx context.Context, channel string) {
	ch, ok := s.cfg.Channel(channel)
	if !ok {
		return
	}
	want := ch.Received()
	if want <= ch.Ledger().Height()+onTheirWay {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, maxSettle)
	defer cancel()
	_ = ch.Ledger().WaitHeight(ctx, want-onTheirWay) // too late is no fault
}
