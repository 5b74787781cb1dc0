package commit

import "context"

// slots are workers that blocks share: a large block takes as many as are free,
// small ones one each.
type slots chan struct{}

func newSlots(n int) slots { return make(slots, max(n, 1)) }

// take waits for one slot, then takes more that are free, want in all at most.
// Who waits first is served first.
func (s slots) take(ctx context.Context, want int) (int, error) {
	select {
	case s <- struct{}{}:
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	for taken := 1; taken < want; taken++ {
		select {
		case s <- struct{}{}:
		default:
			return taken, nil
		}
	}
	return max(want, 1), nil
}

func (s slots) give(n int) {
	for range n {
		<-s
	}
}
