package order

import (
	"time"

	"github.com/weft-network/weft/ledger/channel"
)

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
//
// A block costs all nodes of the network several times what one more message in
// it does: signatures of the orderers, an fsync of each node, gossip, events.
// So after a block of several messages the pipeline rests while more of them
// come in: where many send at once, the next block is larger for it, and all of
// them are served sooner. A rest is a number of breaths. It ends early when the
// whole crowd is here, for then nobody is left who could send; and when nothing
// has come for a while, since whoever else sends waits for an answer himself.
type Pace struct {
	// Window is how many blocks may be in flight before batches are gathered.
	Window int
	// Max is how many may be in flight at all.
	Max int
}

const (
	// breathForMessage is what each message of a block, after the first, adds to
	// the breaths that follow it.
	breathForMessage = 2 * time.Millisecond
	// longestBreath goes unnoticed beside the time that a crowd waits for
	// processors.
	longestBreath = 10 * time.Millisecond
	// breaths are as many as a rest has at most. With longestBreath that is a tenth
	// of a second, in which even a slow network brings some dozens of messages.
	breaths = 10
	// agreedShare of the time that the newest block took to be agreed on is a
	// breath, where that is longer: where nodes are overloaded or far apart, blocks
	// take their time anyway, and the less there are of them the better.
	agreedShare   = 5
	slowestBreath = 50 * time.Millisecond
	// patience is how many breaths without a message end a rest while less than
	// half of the crowd is here: where the nodes are busy, with the block before
	// perhaps, that is how long nothing comes now and then. Else one is enough.
	patience = 3
	// spread is how many times as long as messages have been apart on average it is
	// silent before nothing more is expected.
	spread = 3
)

// Breath is how long the breaths of the rest after a block of that many messages
// are, given how long the newest block took to be agreed on; 0 after a lone
// message, which no rest follows.
func (p Pace) Breath(messages int, agreed time.Duration) time.Duration {
	if messages <= 1 {
		return 0
	}
	breath := min(time.Duration(messages-1)*breathForMessage, longestBreath)
	return max(breath, min(agreed/agreedShare, slowestBreath))
}

// Rest is what a rest has brought so far.
type Rest struct {
	Taken   int // breaths
	Silent  int // breaths in a row, the last ones, in which nothing came
	Waiting int // messages that wait to be proposed
	// Crowd is how many messages were without an answer at one time lately, in
	// blocks or waiting: about as many as there are who send.
	Crowd int
}

// Rested tells whether a rest is over.
func (p Pace) Rested(r Rest) bool {
	if r.Taken >= breaths || r.Waiting > 0 && r.Waiting >= r.Crowd {
		return true
	}
	return r.Waiting > 0 && r.Silent >= r.patience()
}

// patience is how many breaths without a message end a rest: more than messages
// have been apart in it, and more while less than half of the crowd is here.
func (r Rest) patience() int {
	apart := spread * (r.Taken - r.Silent) / r.Waiting
	if 2*r.Waiting < r.Crowd {
		return max(patience, apart)
	}
	return max(1, apart)
}

// Crowd is how large the crowd is taken to be after a rest, given how many
// messages are without an answer then.
func (p Pace) Crowd(r Rest, unanswered int) int {
	if r.Silent > 0 {
		return unanswered // the others have gone
	}
	return max(unanswered, r.Crowd-r.Crowd/4)
}

// CutNow tells whether a batch is proposed now, given the blocks in flight,
// whether the pipeline rests, and whether the batch is full or late
// (BatchTimeout has passed since its first message).
func (p Pace) CutNow(inFlight int, resting, full, late bool) bool {
	if inFlight < p.Window && !resting {
		return true
	}
	return inFlight < p.Max && (full || late)
}
