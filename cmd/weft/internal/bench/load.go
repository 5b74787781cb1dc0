package bench

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/weft-network/weft/cmd/weft/internal/access"
	"github.com/weft-network/weft/cmd/weft/internal/client"
)

const (
	// connections that workers share: one is bound by a single reader and
	// writer, one each would be more than a real client has.
	connections = 4
	// fillers store the shared keys.
	fillers = 32
	// balance of a shared key: no transfer ever fails for want of it.
	balance = math.MaxInt32
)

// clients are sessions with one gateway, as one user.
type clients []*client.Session

func (b *run) connect(ctx context.Context) (c clients, err error) {
	for range connections {
		s, err := b.access.Gateway(ctx, gateway, access.User1, channel)
		if err != nil {
			c.close()
			return nil, err
		}
		c = append(c, s)
	}
	return c, nil
}

func (c clients) close() {
	for _, s := range c {
		_ = s.Close() // nothing is under way
	}
}

// fill stores the shared keys.
func (b *run) fill(ctx context.Context, c clients) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(fillers)
	for i := range b.keys.shared {
		g.Go(func() error {
			r, err := c[i%len(c)].Submit(ctx, client.NewRequest(chaincode, "put", b.keys.account(i), fmt.Sprint(balance)))
			if err == nil && !r.Valid() {
				err = fmt.Errorf("transaction %s is %s: %s", r.TxID, r.Code, client.Meaning(r.Code))
			}
			if err != nil {
				return fmt.Errorf("store key %d of %d: %w", i+1, b.keys.shared, err)
			}
			return nil
		})
	}
	b.keys.stored = true
	return g.Wait()
}

// outcome is what became of one operation.
type outcome struct {
	began, ended time.Time
	query        bool
	result       *client.Result // nil when err is not
	err          error
}

// good tells an operation that did what it was to do.
func (o *outcome) good() bool { return o.err == nil && (o.query || o.result.Valid()) }

// load runs an operation with so many workers for the warm-up and the measured
// time, and sums up.
func (b *run) load(ctx context.Context, c clients, op Op, workers int) (*Load, error) {
	stop := make(chan struct{})
	outcomes := make([][]outcome, workers)
	var wg sync.WaitGroup
	for i := range workers {
		wg.Go(func() { outcomes[i] = b.work(ctx, stop, c[i%len(c)], op) })
	}
	w, err := b.window(ctx)
	close(stop)
	wg.Wait()
	if err != nil {
		return nil, err
	}
	return w.sum(op, workers, outcomes), nil
}

// work is one worker's loop.
func (b *run) work(ctx context.Context, stop <-chan struct{}, s *client.Session, op Op) []outcome {
	var list []outcome
	for n := 0; ; n++ {
		select {
		case <-stop:
			return list
		case <-ctx.Done():
			return list
		default:
		}
		o := outcome{query: op == Get}
		r := b.request(op, n)
		o.began = time.Now()
		if o.query {
			o.result, o.err = s.Evaluate(ctx, r)
		} else {
			o.result, o.err = s.Submit(ctx, r)
		}
		o.ended = time.Now()
		list = append(list, o)
	}
}

// window is the measured time, with the processors' use at both ends.
type window struct {
	from, to      time.Time
	before, after usage
}

// window waits until the measured time is over.
func (b *run) window(ctx context.Context) (w window, err error) {
	if err := wait(ctx, b.cfg.Warmup); err != nil {
		return w, err
	}
	w.before, w.from = b.usage(), time.Now()
	if err := wait(ctx, b.cfg.Duration); err != nil {
		return w, err
	}
	w.to, w.after = time.Now(), b.usage()
	return w, nil
}

func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return errors.New("interrupted")
	}
}
