package commit

import (
	"context"
	"errors"
	"time"

	"github.com/weft-network/weft/ledger/chain"
	"github.com/weft-network/weft/ledger/store"
)

// spacePause is how often a full disk is asked again. Asking costs one system
// call.
const spacePause = time.Second

// Stalled is why the channel commits nothing for now, or nil: its disk is full.
// It goes on by itself when there is room again.
func (c *Channel) Stalled() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stalled
}

func (c *Channel) stall(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stalled = err
}

// write appends blocks and waits while the disk has no room for them: nothing
// of them is written then, so they can be given again.
func (p *pipeline) write(ctx context.Context, entries []chain.Entry) error {
	err := p.ledger.AppendAll(entries)
	if !errors.Is(err, store.ErrDiskFull) {
		return err
	}
	p.log.Error("commits wait for room on the disk", "channel", p.ID(), "height", p.ledger.Height(), "error", err)
	defer p.stall(nil)
	for errors.Is(err, store.ErrDiskFull) {
		p.stall(err)
		select {
		case <-time.After(spacePause):
		case <-ctx.Done():
			return err
		}
		err = p.ledger.AppendAll(entries)
	}
	if err == nil {
		p.log.Info("the disk has room again", "channel", p.ID(), "height", p.ledger.Height())
	}
	return err
}
