package commit

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/weft-network/weft/ledger"
	"github.com/weft-network/weft/ledger/block"
	"github.com/weft-network/weft/ledger/chain"
	"github.com/weft-network/weft/ledger/validate"
)

const (
	// maxQueued is how many validated blocks wait to be appended: enough to fill
	// the time of an fsync, and few enough that reading through their updates
	// costs little.
	maxQueued = 16
	// txPerWorker is how many transactions of a block are worth a goroutine.
	txPerWorker = 4
)

// work is a block on its way through the stages. Each field is written by one
// stage and read by later ones.
type work struct {
	*arrival
	verified chan struct{} // closed when set and err are there
	set      *validate.Prepared
	err      error
	result   *validate.Result
	done     chan struct{} // closed after the block's commit was told
	times    times
}

// pipeline is one Run.
type pipeline struct {
	*Channel
	workers slots
	// ahead belongs to validate, and to verify while nothing is under way.
	ahead *ahead
	// underway counts the blocks between verify and their commit.
	underway atomic.Int64
}

// Run commits blocks until ctx ends, when it returns nil, or the channel must
// halt, when it says why. Every block before the one that it halts at is
// committed. Close the channel after Run has returned.
func (c *Channel) Run(ctx context.Context) error {
	p := &pipeline{Channel: c, workers: newSlots(c.cfg.Workers), ahead: newAhead(c.ledger)}
	g, gctx := errgroup.WithContext(ctx)
	verifying := make(chan *work, Window) // sender: verify; receiver: validate
	queued := make(chan *work, maxQueued) // sender: validate; receiver: append
	g.Go(func() error { return p.verify(gctx, g, verifying) })
	g.Go(func() error { return p.validate(gctx, verifying, queued) })
	g.Go(func() error { return p.append(ctx, queued) })
	err := g.Wait()
	if ctx.Err() != nil {
		return nil
	}
	c.mu.Lock()
	c.halted = err
	clear(c.pending.byNumber)
	c.pending.bytes = 0
	c.mu.Unlock()
	c.end()
	return fmt.Errorf("channel %s is halted at block %d: %w", c.ID(), c.ledger.Height(), err)
}

// verify takes blocks in their order and starts the checks of their signatures,
// of as many blocks at a time as there are workers. A lone block it commits
// itself: handing it on would only cost time.
func (p *pipeline) verify(ctx context.Context, g *errgroup.Group, out chan<- *work) error {
	defer close(out)
	previous := p.ledger.LastHash()
	for n := p.ledger.Height(); ; n++ {
		a, err := p.next(ctx, n, previous)
		if err != nil {
			return err
		}
		previous = a.block.Hash
		taken, err := p.workers.take(ctx, len(a.block.Txs)/txPerWorker)
		if err != nil {
			return err
		}
		w := &work{arrival: a, verified: make(chan struct{}), done: make(chan struct{})}
		if p.underway.Load() == 0 && !p.here(n+1) {
			if err := p.straight(ctx, w, taken); err != nil {
				return err
			}
			continue
		}
		p.underway.Add(1)
		g.Go(func() error {
			p.prepare(ctx, w, taken)
			return nil // validate tells of w.err in its turn
		})
		select {
		case out <- w:
		case <-ctx.Done():
			return ctx.Err()
		}
		if !slices.ContainsFunc(a.block.Txs, (*ledger.Tx).IsConfig) {
			continue
		}
		select { // the barrier
		case <-w.done:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// straight takes a block through all stages while nothing else is under way.
func (p *pipeline) straight(ctx context.Context, w *work, workers int) error {
	p.prepare(ctx, w, workers)
	if err := w.finish(p.ahead); err != nil {
		return err
	}
	p.underway.Add(1)
	return p.appendAll(ctx, []*work{w})
}

// prepare checks the signatures of a block.
func (p *pipeline) prepare(ctx context.Context, w *work, workers int) {
	w.times.begin(w.arrival)
	w.set, w.err = validate.Prepare(ctx, w.block, w.under, workers)
	p.workers.give(workers)
	w.times.verified = time.Now()
	close(w.verified)
}

// validate decides blocks one after the other, each on the ledger as the blocks
// before it leave it.
func (p *pipeline) validate(ctx context.Context, in <-chan *work, out chan<- *work) error {
	defer close(out)
	for w := range in {
		<-w.verified // it ends with ctx
		if err := w.finish(p.ahead); err != nil {
			return err
		}
		select {
		case out <- w:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

func (w *work) finish(on *ahead) error {
	n := w.block.Header.Number
	if w.err != nil {
		return fmt.Errorf("check block %d: %w", n, w.err)
	}
	w.times.validating = time.Now()
	view := on.view()
	var err error
	w.result, err = w.set.Finish(view)
	if err := view.close(err); err != nil {
		return fmt.Errorf("validate block %d: %w", n, err)
	}
	block.SetCodes(w.block.Block, w.result.Codes)
	on.add(w)
	w.set = nil // the identities in it are not needed any more
	w.times.validated = time.Now()
	return nil
}

// append writes what is queued until the queue is closed: what was validated is
// committed even when a later block halts the channel.
func (p *pipeline) append(ctx context.Context, in <-chan *work) error {
	for w := range in {
		if err := p.appendAll(ctx, append([]*work{w}, waiting(in)...)); err != nil {
			return err
		}
	}
	return nil
}

// appendAll writes consecutive blocks with one fsync. A full disk is waited for,
// until ctx ends.
func (p *pipeline) appendAll(ctx context.Context, group []*work) error {
	appending := time.Now()
	entries := make([]chain.Entry, len(group))
	for i, w := range group {
		entries[i] = chain.Entry{Block: w.block, Commit: chain.Commit{Updates: w.result.Updates, Findings: w.result.Findings}}
	}
	if err := p.write(ctx, entries); err != nil {
		return err
	}
	for _, w := range group {
		w.times.appending, w.times.Group = appending, len(group)
		p.committed(w)
		p.underway.Add(-1)
	}
	return nil
}

// waiting are the blocks that are in the queue now.
func waiting(in <-chan *work) (list []*work) {
	for len(list) < maxQueued {
		select {
		case w, ok := <-in:
			if !ok {
				return list
			}
			list = append(list, w)
		default:
			return list
		}
	}
	return list
}

// committed tells of a block that is on the ledger and whose state is readable.
func (c *Channel) committed(w *work) {
	n := w.block.Header.Number
	if w.result.Config != nil {
		c.config.Store(w.result.Config)
	}
	c.mu.Lock()
	c.pending.commit(n)
	c.mu.Unlock()
	done := &Committed{
		Block: w.block, Codes: w.result.Codes, Findings: w.result.Findings, Config: w.result.Config,
		Times: w.times.end(),
	}
	c.recent.add(n, done, w.size)
	c.waits.notify(done)
	if c.cfg.OnCommit != nil {
		c.cfg.OnCommit(done)
	}
	close(w.done)
}
