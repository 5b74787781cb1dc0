package order

import "github.com/weft-network/weft/ledger/channel"

// Cutter gathers messages into batches by Fabric's four rules: a message larger
// than PreferredMaxBytes goes alone into a batch, after what waited before it;
// one that would take the batch over PreferredMaxBytes begins the next batch;
// MaxMessageCount messages make a batch. (The fourth, BatchTimeout, needs a
// clock: see Pace.) It is a pure state machine; the zero Cutter is ready.
type Cutter[T any] struct {
	batch []T
	bytes uint64
}

// Add takes the next message and returns the batches that are full now: none,
// one or two, in order.
func (c *Cutter[T]) Add(limits channel.Batch, m T, size uint32) [][]T {
	if size > limits.PreferredMaxBytes {
		return append(c.cutSome(), []T{m})
	}
	var full [][]T
	if c.bytes+uint64(size) > uint64(limits.PreferredMaxBytes) {
		full = c.cutSome()
	}
	c.batch = append(c.batch, m)
	c.bytes += uint64(size)
	if uint64(len(c.batch)) >= uint64(limits.MaxMessageCount) {
		full = append(full, c.Cut())
	}
	return full
}

// Len is the number of messages in the batch being gathered.
func (c *Cutter[T]) Len() int { return len(c.batch) }

// Cut returns what was gathered, nil when that is nothing, and starts afresh.
func (c *Cutter[T]) Cut() []T {
	b := c.batch
	c.batch, c.bytes = nil, 0
	return b
}

func (c *Cutter[T]) cutSome() [][]T {
	if len(c.batch) == 0 {
		return nil
	}
	return [][]T{c.Cut()}
}

// Pace decides when a batch becomes a block: at once while the pipeline has
// room, so that a lone message never waits; else when the batch is full or
// older than BatchTimeout.
type Pace struct {
	// Window is how many blocks may be in flight before batches are gathered.
	Window int
	// Max is how many may be in flight at all.
	Max int
}

// CutNow tells whether a batch is proposed now, given the blocks in flight and
// whether it is full, or late (BatchTimeout has passed since its first message).
func (p Pace) CutNow(inFlight int, full, late bool) bool {
	if inFlight < p.Window {
		return true
	}
	return inFlight < p.Max && (full || late)
}
