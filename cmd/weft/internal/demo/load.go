package demo

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hyperledger/fabric-protos-go-apiv2/peer"

	"github.com/weft-network/weft/cmd/weft/internal/client"
	"github.com/weft-network/weft/cmd/weft/internal/devnet"
)

const (
	// loadWorkers submit at the same time, each one transaction after another.
	loadWorkers = 8
	// loadTimeout bounds one transaction of the load: an election and a retry
	// fit in, on a busy machine too.
	loadTimeout = 30 * time.Second
	// loadPause is how long a worker waits after a call that failed.
	loadPause = 20 * time.Millisecond
)

// ack is a transaction that the network acknowledged: CommitStatus said VALID.
type ack struct {
	txID   string
	peer   string // whose gateway said so
	began  time.Time
	end    time.Time
	number int
}

// load submits assets through several peers until it is stopped. A worker whose
// call fails goes on through the next peer, with a new transaction.
type load struct {
	sessions []*client.Session
	stop     context.CancelFunc
	wg       sync.WaitGroup
	failed   atomic.Int64 // calls that failed while something was down

	mu      sync.Mutex
	acks    []ack
	invalid []string      // committed, but not valid: must stay empty
	news    chan struct{} // closed and replaced at each ack
}

func (s *Scenario) startLoad(ctx context.Context, channel string, peers []*devnet.Node) (*load, error) {
	l := &load{news: make(chan struct{})}
	for _, p := range peers {
		gw, err := s.session(ctx, p.Name, channel)
		if err != nil {
			return nil, errors.Join(err, l.close())
		}
		l.sessions = append(l.sessions, gw)
	}
	ctx, l.stop = context.WithCancel(ctx)
	for w := range loadWorkers {
		l.wg.Go(func() { l.work(ctx, w) })
	}
	return l, nil
}

// end lets the transactions under way finish.
func (l *load) end() {
	l.stop()
	l.wg.Wait()
}

func (l *load) close() error {
	if l.stop != nil {
		l.end()
	}
	var errs []error
	for _, s := range l.sessions {
		errs = append(errs, s.Close())
	}
	return errors.Join(errs...)
}

func (l *load) work(ctx context.Context, worker int) {
	for n := 0; ctx.Err() == nil; n++ {
		s := l.sessions[(worker+n)%len(l.sessions)]
		if !s.Connected() {
			s = l.sessions[(worker+n+1)%len(l.sessions)]
		}
		if l.one(context.WithoutCancel(ctx), s, fmt.Sprintf("load%d-%d", worker, n)) {
			continue
		}
		select {
		case <-ctx.Done():
		case <-time.After(loadPause):
		}
	}
}

// one submits one transaction; it reports whether it was acknowledged.
func (l *load) one(ctx context.Context, s *client.Session, id string) bool {
	ctx, cancel := context.WithTimeout(ctx, loadTimeout)
	defer cancel()
	began := time.Now()
	r, err := s.Submit(ctx, createAsset(id))
	if err != nil {
		l.failed.Add(1)
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if r.Code != peer.TxValidationCode_VALID {
		l.invalid = append(l.invalid, fmt.Sprintf("%s is %s", r.TxID, r.Code))
		return false
	}
	l.acks = append(l.acks, ack{txID: r.TxID, peer: s.Peer.Name, began: began, end: time.Now(), number: len(l.acks)})
	close(l.news)
	l.news = make(chan struct{})
	return true
}

// count of acknowledged transactions.
func (l *load) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.acks)
}

// wait returns the first ack, from number on, that the condition allows.
func (l *load) wait(ctx context.Context, what string, from int, good func(ack) bool) (ack, error) {
	ctx, cancel := context.WithTimeout(ctx, settleTimeout)
	defer cancel()
	for {
		l.mu.Lock()
		for ; from < len(l.acks); from++ {
			if good(l.acks[from]) {
				a := l.acks[from]
				l.mu.Unlock()
				return a, nil
			}
		}
		news := l.news
		l.mu.Unlock()
		select {
		case <-news:
		case <-ctx.Done():
			return ack{}, fmt.Errorf("waited in vain for %s: %w", what, ctx.Err())
		}
	}
}

// more waits for n more acks.
func (l *load) more(ctx context.Context, n int) error {
	want := l.count() + n
	_, err := l.wait(ctx, fmt.Sprintf("%d more transactions", n), 0, func(a ack) bool { return a.number+1 >= want })
	return err
}

// result is everything that was acknowledged.
func (l *load) result() (acks []ack, invalid []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.acks, l.invalid
}
