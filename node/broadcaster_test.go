package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"google.golang.org/protobuf/proto"

	"github.com/weft-network/weft/p2p/wire"
)

// pipe is a stream to an orderer that the test plays.
type pipe struct {
	asked   chan []byte
	answers chan []byte
	closed  chan struct{}
}

func newPipe() *pipe {
	return &pipe{make(chan []byte, 100), make(chan []byte, 100), make(chan struct{})}
}

func (p *pipe) Send(list ...[]byte) error {
	for _, b := range list {
		p.asked <- b
	}
	return nil
}
func (p *pipe) Close() error { close(p.closed); return nil }
func (p *pipe) Recv() ([]byte, error) {
	select {
	case b, ok := <-p.answers:
		if !ok {
			return nil, io.EOF
		}
		return b, nil
	case <-p.closed:
		return nil, errors.New("closed")
	}
}

func (p *pipe) answer(t *testing.T, info string) {
	t.Helper()
	p.answers <- bytesOf(t, &wire.BroadcastReply{Status: 200, Info: info})
}

func broadcasterTo(pipes ...*pipe) *broadcaster {
	return &broadcaster{patience: orderPatience, turn: make(chan struct{}, 1), open: func(context.Context) (frames, error) {
		if len(pipes) == 0 {
			return nil, errors.New("no orderer")
		}
		next := pipes[0]
		pipes = pipes[1:]
		return next, nil
	}}
}

func payload(t *testing.T, raw []byte) string {
	t.Helper()
	req, env := new(wire.BroadcastRequest), new(common.Envelope)
	if err := errors.Join(proto.Unmarshal(raw, req), proto.Unmarshal(req.Envelope, env)); err != nil {
		t.Fatal(err)
	}
	return string(env.Payload)
}

func TestEveryCallerGetsItsOwnAnswer(t *testing.T) {
	line := newPipe()
	b := broadcasterTo(line)
	const callers = 20
	results := make(chan error, callers)
	for i := range callers {
		go func() {
			name := fmt.Sprint(i)
			r, err := b.Broadcast(t.Context(), &common.Envelope{Payload: []byte(name)})
			if err == nil && r.Info != name {
				err = fmt.Errorf("caller %s got the answer for %s", name, r.Info)
			}
			results <- err
		}()
	}
	for range callers {
		line.answer(t, payload(t, <-line.asked))
	}
	for range callers {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
}

func TestAnOrdererThatAnswersNothingIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := broadcasterTo(newPipe())
		began := time.Now()
		_, err := b.Broadcast(t.Context(), &common.Envelope{Payload: []byte("a")})
		if err == nil || !strings.Contains(err.Error(), "has answered nothing") || time.Since(began) != orderPatience {
			t.Errorf("%v after %s", err, time.Since(began))
		}
		b2 := broadcasterTo(newPipe())
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := b2.Broadcast(ctx, &common.Envelope{}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a caller's own deadline: %v", err)
		}
		b2.live.fail(errors.New("end of test"))
	})
}

func TestABrokenStreamFailsWhoWaitsAndIsOpenedAgain(t *testing.T) {
	first, second := newPipe(), newPipe()
	b := broadcasterTo(first, second)
	close(first.answers)
	if _, err := b.Broadcast(t.Context(), &common.Envelope{}); err == nil || !strings.Contains(err.Error(), "the orderer closed it") {
		t.Errorf("%v", err)
	}
	go func() { <-second.asked; second.answer(t, "again") }()
	if r, err := b.Broadcast(t.Context(), &common.Envelope{}); err != nil || r.Info != "again" {
		t.Errorf("%v, %v", r, err)
	}
	second.answer(t, "unasked")
	<-second.closed
	if _, err := b.Broadcast(t.Context(), &common.Envelope{}); err == nil || !strings.Contains(err.Error(), "no orderer") {
		t.Errorf("%v", err)
	}
}
