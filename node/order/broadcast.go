package order

import (
	"context"
	"fmt"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	ab "github.com/hyperledger/fabric-protos-go-apiv2/orderer"
	"github.com/weft-network/weft/p2p/wire"
	"google.golang.org/protobuf/proto"
)

// Broadcast orders one envelope and returns the status and text that answer
// it. It waits until a quorum has the envelope's block, or ctx ends. A channelID
// that is not empty is the only channel allowed.
func (r *Registrar) Broadcast(ctx context.Context, channelID string, env *common.Envelope) (common.Status, string) {
	c, m, err := r.admit(channelID, env)
	if err != nil {
		return StatusOf(err)
	}
	done := make(chan error, 1)
	c.ordering.Submit(m, func(err error) { done <- err })
	select {
	case err = <-done:
	case <-ctx.Done():
		err = ctx.Err()
	}
	return StatusOf(err)
}

// ServeBroadcast is the Broadcast half of orderer.AtomicBroadcast. The stream
// ends after an answer that is no SUCCESS, as in Fabric.
func (r *Registrar) ServeBroadcast(stream ab.AtomicBroadcast_BroadcastServer) error {
	f := &flow{
		r:      r,
		strict: true,
		recv: func() (request, error) {
			env, err := stream.Recv()
			return request{env: env}, err
		},
		send: func(answers []reply) error {
			for _, a := range answers {
				if err := stream.Send(&ab.BroadcastResponse{Status: a.status, Info: a.info}); err != nil {
					return err
				}
			}
			return nil
		},
	}
	return f.run(stream.Context())
}

// ServeStream serves one "broadcast" stream of a peer: wire.BroadcastRequests,
// one wire.BroadcastReply each, in order. Unlike ServeBroadcast it goes on after
// a refusal, because many clients share the stream. The caller closes it.
func (r *Registrar) ServeStream(ctx context.Context, channelID string, s Stream) error {
	f := &flow{
		r:         r,
		channelID: channelID,
		recv: func() (request, error) {
			q := &wire.BroadcastRequest{}
			if err := receive(s, q); err != nil {
				return request{}, err
			}
			// An envelope that does not parse is an empty one, and refused as such.
			env := &common.Envelope{}
			if proto.Unmarshal(q.Envelope, env) != nil {
				env = &common.Envelope{}
			}
			return request{env: env}, nil
		},
		send: func(answers []reply) error {
			return transmit(s, answers, func(a reply) proto.Message {
				return &wire.BroadcastReply{Status: int32(a.status), Info: a.info, Leader: a.leader}
			})
		},
	}
	return f.run(ctx)
}

// ServeSubmit serves one "submit" stream of another consenter, whose messages
// are checked again. They are not passed on a second time. The caller has made
// sure who is at the other end, and closes the stream.
func (r *Registrar) ServeSubmit(ctx context.Context, channelID string, s Stream) error {
	f := &flow{
		r:         r,
		channelID: channelID,
		recv: func() (request, error) {
			q := &wire.SubmitRequest{}
			if err := receive(s, q); err != nil {
				return request{}, err
			}
			env := &common.Envelope{}
			if err := proto.Unmarshal(q.Envelope, env); err != nil {
				return request{}, fmt.Errorf("a submitted envelope does not parse: %w", err)
			}
			return request{id: q.Id, env: env, passed: true}, nil
		},
		send: func(answers []reply) error {
			return transmit(s, answers, func(a reply) proto.Message {
				return &wire.SubmitReply{Id: a.id, Status: int32(a.status), Info: a.info}
			})
		},
	}
	return f.run(ctx)
}

// ServeRaft takes the consensus messages of another consenter, whose id the
// caller has proven, until its stream ends. The caller closes it.
func (r *Registrar) ServeRaft(channelID string, from uint64, s Stream) error {
	for {
		frame := &wire.RaftFrame{}
		if err := receive(s, frame); err != nil {
			return err
		}
		c, ok := r.Channel(channelID)
		if !ok {
			return fmt.Errorf("consensus messages of consenter %d: %w", from, errUnknownChannel)
		}
		if err := c.ordering.Step(from, frame.Message); err != nil {
			return err
		}
	}
}

func receive(s Stream, m proto.Message) error {
	raw, err := s.Recv()
	if err != nil {
		return err
	}
	if err := proto.Unmarshal(raw, m); err != nil {
		return fmt.Errorf("a message does not parse: %w", err)
	}
	return nil
}

func transmit(s Stream, answers []reply, message func(reply) proto.Message) error {
	raw := make([][]byte, len(answers))
	for i, a := range answers {
		var err error
		if raw[i], err = proto.Marshal(message(a)); err != nil {
			return fmt.Errorf("marshal a reply: %w", err)
		}
	}
	return s.Send(raw...)
}
