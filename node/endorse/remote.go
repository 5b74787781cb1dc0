package endorse

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"github.com/weft-network/weft/p2p/wire"
	"google.golang.org/protobuf/proto"
)

// ErrUnreachable is in the error of a request that may never have reached the
// other peer: no stream could be opened, or it broke before the reply.
var ErrUnreachable = errors.New("peer unreachable")

// Remote asks one other peer for endorsements on one channel, over one stream
// that is opened on first use and again after it broke. It is safe for
// concurrent use; requests are pipelined.
type Remote struct {
	open func(ctx context.Context) (Stream, error)
	// turn is held by whoever looks at or replaces conn; a channel, so that
	// waiting for another's dial ends with the context.
	turn chan struct{}
	conn *conn
}

// NewRemote makes a Remote that opens its stream with open.
func NewRemote(open func(ctx context.Context) (Stream, error)) *Remote {
	return &Remote{open: open, turn: make(chan struct{}, 1)}
}

// Process asks the peer. As with Endorser.Process, an error may come together
// with the peer's response: then the peer refused the proposal.
func (r *Remote) Process(ctx context.Context, sp *peer.SignedProposal) (*peer.ProposalResponse, error) {
	return r.ProcessAt(ctx, sp, 0)
}

// ProcessAt is Process on a state of at least so many blocks, if the peer gets
// there soon. A client that saw its transaction committed on one peer finds
// others a block behind otherwise, and their endorsements do not match.
func (r *Remote) ProcessAt(ctx context.Context, sp *peer.SignedProposal, height uint64) (*peer.ProposalResponse, error) {
	raw, err := proto.Marshal(sp)
	if err != nil {
		return nil, fmt.Errorf("marshal signed proposal: %w", err)
	}
	c, err := r.connect(ctx)
	if err != nil {
		return nil, err
	}
	reply, err := c.ask(ctx, raw, height)
	if err != nil {
		return nil, err
	}
	return fromReply(reply)
}

func fromReply(reply *wire.EndorseReply) (*peer.ProposalResponse, error) {
	var resp *peer.ProposalResponse
	if len(reply.Response) > 0 {
		resp = &peer.ProposalResponse{}
		if err := proto.Unmarshal(reply.Response, resp); err != nil {
			return nil, fmt.Errorf("endorse reply: error unmarshaling ProposalResponse: %w", err)
		}
	}
	switch {
	case reply.Error != "":
		return resp, errors.New(reply.Error)
	case resp == nil:
		return nil, errors.New("endorse reply without response")
	}
	return resp, nil
}

// connect returns the living connection, or makes one.
func (r *Remote) connect(ctx context.Context) (*conn, error) {
	select {
	case r.turn <- struct{}{}:
		defer func() { <-r.turn }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	if r.conn != nil && r.conn.alive() {
		return r.conn, nil
	}
	s, err := r.open(ctx)
	if err != nil {
		return nil, fmt.Errorf("%w: open stream: %w", ErrUnreachable, err)
	}
	r.conn = newConn(s)
	return r.conn, nil
}

// Close ends the stream and fails what is pending. A later Process opens anew.
func (r *Remote) Close() {
	r.turn <- struct{}{}
	defer func() { <-r.turn }()
	if r.conn != nil {
		r.conn.fail(errors.New("closed"))
	}
}

// maxAsked bounds the requests under way on one stream; more callers wait. It is
// below what the peer takes, since it may still be ending what was cancelled.
const maxAsked = maxPerStream / 2

// outQueue lets callers hand over a request without waiting for the network.
const outQueue = 64

// conn is one stream and the requests waiting on it. Its reader and writer end
// when the stream breaks or fail is called.
type conn struct {
	stream Stream
	asked  chan struct{} // holds a token for each request under way
	out    chan []byte   // sender: ask; receiver: write
	done   chan struct{} // closed by fail

	mu      sync.Mutex
	err     error // why done; nil while alive
	next    uint64
	pending map[uint64]chan *wire.EndorseReply // buffered for the one reply
}

func newConn(s Stream) *conn {
	c := &conn{
		stream:  s,
		asked:   make(chan struct{}, maxAsked),
		out:     make(chan []byte, outQueue),
		done:    make(chan struct{}),
		pending: map[uint64]chan *wire.EndorseReply{},
	}
	go c.write()
	go c.read()
	return c
}

func (c *conn) alive() bool {
	select {
	case <-c.done:
		return false
	default:
		return true
	}
}

// fail ends the connection once; all that wait see err.
func (c *conn) fail(err error) {
	c.mu.Lock()
	first := c.err == nil
	if first {
		c.err = fmt.Errorf("%w: %w", ErrUnreachable, err)
		close(c.done)
	}
	c.mu.Unlock()
	if first {
		_ = c.stream.Close()
	}
}

func (c *conn) write() {
	for {
		select {
		case msg := <-c.out:
			if err := c.stream.Send(waiting(c.out, msg)...); err != nil {
				c.fail(fmt.Errorf("send: %w", err))
				return
			}
		case <-c.done:
			return
		}
	}
}

// waiting is a message and those behind it that are there already.
func waiting(out <-chan []byte, first []byte) [][]byte {
	msgs := [][]byte{first}
	for {
		select {
		case msg := <-out:
			msgs = append(msgs, msg)
		default:
			return msgs
		}
	}
}

func (c *conn) read() {
	for {
		raw, err := c.stream.Recv()
		if err != nil {
			c.fail(fmt.Errorf("receive: %w", err))
			return
		}
		reply := &wire.EndorseReply{}
		if err := proto.Unmarshal(raw, reply); err != nil {
			c.fail(fmt.Errorf("endorse reply: %w", err))
			return
		}
		c.mu.Lock()
		waiting := c.pending[reply.Id]
		delete(c.pending, reply.Id)
		c.mu.Unlock()
		if waiting != nil { // else it was cancelled
			waiting <- reply
		}
	}
}

// ask sends one signed proposal and waits for its reply.
func (c *conn) ask(ctx context.Context, signed []byte, height uint64) (*wire.EndorseReply, error) {
	select {
	case c.asked <- struct{}{}:
		defer func() { <-c.asked }()
	case <-c.done:
		return nil, c.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	id, reply := c.register()
	defer c.forget(id)
	msg, err := proto.Marshal(&wire.EndorseRequest{Id: id, SignedProposal: signed, Height: height})
	if err != nil {
		return nil, err
	}
	select {
	case c.out <- msg:
	case <-c.done:
		return nil, c.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	select {
	case r := <-reply:
		return r, nil
	case <-c.done:
		select {
		case r := <-reply: // it came just before the end
			return r, nil
		default:
			return nil, c.err
		}
	case <-ctx.Done():
		c.abandon(id)
		return nil, context.Cause(ctx)
	}
}

func (c *conn) register() (uint64, chan *wire.EndorseReply) {
	reply := make(chan *wire.EndorseReply, 1)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.next++
	c.pending[c.next] = reply
	return c.next, reply
}

func (c *conn) forget(id uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.pending, id)
}

// abandon tells the peer that nobody waits any more. When the queue is full
// the peer works in vain, which harms nobody.
func (c *conn) abandon(id uint64) {
	msg, err := proto.Marshal(&wire.EndorseRequest{Id: id, Cancel: true})
	if err != nil {
		return
	}
	select {
	case c.out <- msg:
	default:
	}
}
