package endorsetest

import (
	"io"
	"sync"
)

// pipeQueue is how many frames one direction of a Pipe holds before Send waits.
const pipeQueue = 16

// End is one end of a stream between two nodes of one process; it behaves as a
// *p2p.Stream does.
type End struct {
	channel string
	out, in chan []byte
	closed  chan struct{} // of both ends
	once    *sync.Once
}

// Pipe makes the two ends of a stream that was opened for a channel.
func Pipe(channel string) (*End, *End) {
	a, b := make(chan []byte, pipeQueue), make(chan []byte, pipeQueue)
	closed, once := make(chan struct{}), &sync.Once{}
	return &End{channel, a, b, closed, once}, &End{channel, b, a, closed, once}
}

// Channel that the stream was opened for.
func (e *End) Channel() string { return e.channel }

// Send hands over frames.
func (e *End) Send(msgs ...[]byte) error {
	for _, msg := range msgs {
		select {
		case <-e.closed:
			return io.ErrClosedPipe
		default:
		}
		select {
		case e.out <- msg:
		case <-e.closed:
			return io.ErrClosedPipe
		}
	}
	return nil
}

// Recv waits for one frame.
func (e *End) Recv() ([]byte, error) {
	select {
	case msg := <-e.in:
		return msg, nil
	case <-e.closed:
	}
	select {
	case msg := <-e.in:
		return msg, nil
	default:
		return nil, io.EOF
	}
}

// Close ends both directions at once.
func (e *End) Close() error {
	e.once.Do(func() { close(e.closed) })
	return nil
}
