package order

import (
	"context"
	"errors"
	"io"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"golang.org/x/sync/semaphore"
)

// Limits of one stream of envelopes. Whoever sends more waits.
const (
	// maxPipelined is how many envelopes of a stream may be without an answer:
	// a few full blocks.
	maxPipelined = 1024
	// maxPipelinedBytes bounds their sizes together.
	maxPipelinedBytes = 64 << 20
)

// request is one envelope of a stream.
type request struct {
	id     uint64
	env    *common.Envelope
	passed bool // by another orderer
}

// reply answers one request.
type reply struct {
	id     uint64
	status common.Status
	info   string
	leader string // host:port, when another orderer leads
}

// slot is the place of one envelope in its stream.
type slot struct {
	id       uint64
	size     int64
	passed   bool
	admitted chan struct{} // closed when the next three are set
	c        *Channel
	m        Message
	err      error
	done     chan error // of capacity 1: the consensus never waits
	fate     error      // what came out of done
}

// flow carries the envelopes of one stream: they are admitted in parallel,
// submitted in order and answered in order, many under way at once.
type flow struct {
	r         *Registrar
	channelID string // "" for any
	recv      func() (request, error)
	send      func([]reply) error
	// strict ends the stream after the first answer that is no SUCCESS, and
	// submits nothing that came after an envelope that was refused.
	strict bool

	bytes     *semaphore.Weighted
	submitted chan *slot // sender: submitAll; receiver: answerAll
	received  chan *slot // sender: receiveAll; receiver: submitAll
	undecided *slot      // taken by answerAll
}

// run returns when the other side has closed and all is answered, on an error,
// or after the refusal that ends a strict stream. recv may be running until the
// stream is closed, which is up to the caller.
func (f *flow) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	f.bytes = semaphore.NewWeighted(maxPipelinedBytes)
	f.received, f.submitted = make(chan *slot, maxPipelined), make(chan *slot, maxPipelined)
	failed := make(chan error, 1)
	go func() { failed <- f.receiveAll(ctx) }()
	go f.submitAll(ctx)
	switch err := f.answerAll(ctx); {
	case errors.Is(err, errRefused):
		return nil
	case err != nil:
		return err
	}
	return <-failed // all that was received is answered, so receiving has ended
}

// errRefused ends a strict stream.
var errRefused = errors.New("an envelope was refused")

func (f *flow) receiveAll(ctx context.Context) error {
	defer close(f.received)
	for {
		q, err := f.recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		s := &slot{id: q.id, passed: q.passed, admitted: make(chan struct{}), done: make(chan error, 1)}
		s.size = min(int64(len(q.env.GetPayload())+len(q.env.GetSignature())), maxPipelinedBytes)
		if err := f.bytes.Acquire(ctx, s.size); err != nil {
			return err
		}
		if err := f.r.admitting.Acquire(ctx, 1); err != nil {
			return err
		}
		go func() {
			defer f.r.admitting.Release(1)
			defer close(s.admitted)
			s.c, s.m, s.err = f.r.admit(f.channelID, q.env)
		}()
		select {
		case f.received <- s:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (f *flow) submitAll(ctx context.Context) {
	defer close(f.submitted)
	for s := range f.received {
		<-s.admitted
		if s.err != nil {
			s.done <- s.err
		} else {
			s.m.Passed = s.passed
			s.c.ordering.Submit(s.m, func(err error) { s.done <- err })
		}
		select {
		case f.submitted <- s:
		case <-ctx.Done():
			return
		}
		if s.err != nil && f.strict {
			return
		}
	}
}

// answerAll answers in order. What else is decided by then goes out with an
// answer: a block decides many at once.
func (f *flow) answerAll(ctx context.Context) error {
	for {
		s, err := f.decided(ctx, true)
		if s == nil {
			return err
		}
		var answers []reply
		var size int64
		for ; s != nil && err == nil; s, err = f.decided(ctx, false) {
			answers, size = append(answers, s.reply()), size+s.size
			if f.refused(answers) {
				break
			}
		}
		if err == nil {
			err = f.send(answers)
		}
		if err != nil {
			return err
		}
		f.bytes.Release(size)
		if f.refused(answers) {
			return errRefused
		}
	}
}

// decided is the next slot whose fate is known; nil when all are answered, and
// without patience also when the next one's is not known yet.
func (f *flow) decided(ctx context.Context, patient bool) (*slot, error) {
	if f.undecided == nil {
		s, ok, err := take(ctx, f.submitted, patient)
		if !ok {
			return nil, err
		}
		f.undecided = s
	}
	fate, ok, err := take(ctx, f.undecided.done, patient)
	if !ok {
		return nil, err
	}
	s := f.undecided
	s.fate, f.undecided = fate, nil
	return s, nil
}

// take receives from a channel; without patience only what is there.
func take[T any](ctx context.Context, from <-chan T, patient bool) (v T, ok bool, err error) {
	select {
	case v, ok = <-from:
		return v, ok, nil
	default:
	}
	if !patient {
		return v, false, nil
	}
	select {
	case v, ok = <-from:
		return v, ok, nil
	case <-ctx.Done():
		return v, false, ctx.Err()
	}
}

// reply answers a decided slot.
func (s *slot) reply() reply {
	a := reply{id: s.id}
	a.status, a.info = StatusOf(s.fate)
	if s.c != nil {
		a.leader = s.c.leaderElsewhere()
	}
	return a
}

// refused tells whether answers end the stream.
func (f *flow) refused(answers []reply) bool {
	return f.strict && len(answers) > 0 && answers[len(answers)-1].status != common.Status_SUCCESS
}
