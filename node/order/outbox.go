package order

import (
	"context"
	"sync"
)

// outbox holds what waits to be sent to one consenter.
type outbox[T any] struct {
	wake   chan struct{}
	limit  int // 0: bounded by whoever puts
	mu     sync.Mutex
	list   []T
	closed bool
}

func newOutbox[T any](limit int) *outbox[T] {
	return &outbox[T]{wake: make(chan struct{}, 1), limit: limit}
}

// put adds one; beyond the limit the oldest gives way. It is false when the
// outbox is closed.
func (o *outbox[T]) put(v T) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return false
	}
	if o.limit > 0 && len(o.list) >= o.limit {
		o.list = o.list[1:]
	}
	o.list = append(o.list, v)
	select {
	case o.wake <- struct{}{}:
	default:
	}
	return true
}

// wait returns true when something is there, false when ctx has ended.
func (o *outbox[T]) wait(ctx context.Context) bool {
	for ctx.Err() == nil {
		o.mu.Lock()
		n := len(o.list)
		o.mu.Unlock()
		if n > 0 {
			return true
		}
		select {
		case <-ctx.Done():
		case <-o.wake:
		}
	}
	return false
}

func (o *outbox[T]) take() []T {
	o.mu.Lock()
	defer o.mu.Unlock()
	list := o.list
	o.list = nil
	return list
}

// close takes the last messages and lets no more in.
func (o *outbox[T]) close() []T {
	o.mu.Lock()
	o.closed = true
	o.mu.Unlock()
	return o.take()
}
