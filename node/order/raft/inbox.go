package raft

import (
	"context"
	"sync"

	"github.com/weft-network/weft/node/order"
	pb "go.etcd.io/raft/v3/raftpb"
)

// finished is work that the saver or the applier has done.
type finished struct {
	responses []*pb.Message
	found     []outcome
}

// inbox holds what came in for the loop since it last looked.
type inbox struct {
	wake chan struct{} // sender: whoever adds; receiver: the loop

	mu       sync.Mutex
	net      []*pb.Message
	netBytes int
	finished []finished
	items    []item
	count    int // submitted and not answered
	bytes    int
	closed   bool
}

func (b *inbox) signal() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// submit adds a message, or refuses it when too many wait.
func (b *inbox) submit(it item) {
	size := len(it.m.Raw)
	b.mu.Lock()
	closed, busy := b.closed, b.count >= maxWaiting || b.bytes+size > maxWaitingBytes
	if !closed && !busy {
		b.count, b.bytes = b.count+1, b.bytes+size
		done := it.done
		it.done = func(err error) {
			b.mu.Lock()
			b.count, b.bytes = b.count-1, b.bytes-size
			b.mu.Unlock()
			done(err)
		}
		b.items = append(b.items, it)
	}
	b.mu.Unlock()
	switch {
	case closed:
		it.done(order.ErrStopped)
	case busy:
		it.done(order.ErrBusy)
	default:
		b.signal()
	}
}

// step adds a message of the network, or drops it when too many wait. It is
// false when nobody will look at it.
func (b *inbox) step(m *pb.Message, size int) bool {
	b.mu.Lock()
	closed := b.closed
	if !closed && len(b.net) < maxInbox && b.netBytes <= maxInboxBytes {
		b.net, b.netBytes = append(b.net, m), b.netBytes+size
	}
	b.mu.Unlock()
	b.signal()
	return !closed
}

// finish adds finished work, which is never dropped: Raft counts on it.
func (b *inbox) finish(f finished) {
	b.mu.Lock()
	b.finished = append(b.finished, f)
	b.mu.Unlock()
	b.signal()
}

type arrived struct {
	net      []*pb.Message
	finished []finished
	items    []item
}

func (b *inbox) take() arrived {
	b.mu.Lock()
	defer b.mu.Unlock()
	a := arrived{b.net, b.finished, b.items}
	b.net, b.netBytes, b.finished, b.items = nil, 0, nil, nil
	return a
}

func (b *inbox) waiting() (count, bytes int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.count, b.bytes
}

// close refuses everything from now on, and what has not been looked at.
func (b *inbox) close() {
	b.mu.Lock()
	b.closed = true
	items := b.items
	b.items, b.net, b.finished = nil, nil, nil
	b.mu.Unlock()
	for _, it := range items {
		it.done(order.ErrStopped)
	}
}

// queue passes work in order from the loop to one goroutine. It has no bound of
// its own: Raft's limits on what is in flight bound it.
type queue[T any] struct {
	wake chan struct{}
	mu   sync.Mutex
	list []T
}

func (q *queue[T]) put(more []T) {
	if len(more) == 0 {
		return
	}
	q.mu.Lock()
	q.list = append(q.list, more...)
	q.mu.Unlock()
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// drain calls f with all that has gathered, again and again, until ctx ends.
func (q *queue[T]) drain(ctx context.Context, f func([]T) error) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-q.wake:
		}
		q.mu.Lock()
		list := q.list
		q.list = nil
		q.mu.Unlock()
		if err := f(list); err != nil {
			return err
		}
	}
}
