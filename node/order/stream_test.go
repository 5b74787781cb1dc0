package order_test

import (
	"context"
	"io"
	"testing"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	ab "github.com/hyperledger/fabric-protos-go-apiv2/orderer"
	"google.golang.org/grpc"
)

// script is the server's end of a Broadcast call whose client sends envelopes
// without waiting for answers, and then leaves the stream open.
type script struct {
	grpc.ServerStream
	ctx     context.Context
	send    []*common.Envelope
	leave   bool
	answers []*ab.BroadcastResponse
}

func (s *script) Context() context.Context { return s.ctx }

func (s *script) Recv() (*common.Envelope, error) {
	if len(s.send) == 0 {
		if s.leave {
			return nil, io.EOF
		}
		<-s.ctx.Done()
		return nil, s.ctx.Err()
	}
	env := s.send[0]
	s.send = s.send[1:]
	return env, nil
}

func (s *script) Send(r *ab.BroadcastResponse) error {
	s.answers = append(s.answers, r)
	return nil
}

func TestBroadcastEndsAfterTheFirstRefusalAndOrdersNothingBeyond(t *testing.T) {
	c := newCluster(t, 1)
	c.join(c.genesis)
	c.leader()
	user := c.org.User("User1").Signer()
	good := func() *common.Envelope { return envelope(t, user, "mychannel", tx, "") }
	bad := good()
	bad.Signature = nil

	all := &script{ctx: t.Context(), send: []*common.Envelope{good(), good(), good()}, leave: true}
	if err := c.registrar(0).ServeBroadcast(all); err != nil || len(all.answers) != 3 {
		t.Fatalf("%d answers, %v", len(all.answers), err)
	}
	some := &script{ctx: t.Context(), send: []*common.Envelope{good(), bad, good(), good()}}
	if err := c.registrar(0).ServeBroadcast(some); err != nil {
		t.Fatal(err)
	}
	if len(some.answers) != 2 || some.answers[0].Status != common.Status_SUCCESS || some.answers[1].Status != common.Status_BAD_REQUEST {
		t.Fatalf("answers %v", some.answers)
	}
	ordered := 0
	for n := uint64(1); n < c.channel(0).Height(); n++ {
		b, err := c.channel(0).Ledger().Block(n)
		if err != nil {
			t.Fatal(err)
		}
		ordered += len(b.Data.Data)
	}
	if ordered != 4 {
		t.Errorf("%d envelopes were ordered, want 4", ordered)
	}
}
