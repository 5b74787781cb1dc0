package endorse_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/weft-network/weft/node/endorse"
	"github.com/weft-network/weft/node/endorse/endorsetest"
	"github.com/weft-network/weft/wasm"
	"golang.org/x/sync/errgroup"
)

// remote joins an endorser and a Remote by pipes of one process. broken ends the
// stream under them.
func remote(t *testing.T, e *endorse.Endorser, channel string) (r *endorse.Remote, opened *int, broken func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var serving sync.WaitGroup
	t.Cleanup(func() { cancel(); serving.Wait() })
	opened = new(int)
	var last endorse.Stream
	r = endorse.NewRemote(func(context.Context) (endorse.Stream, error) {
		*opened++
		here, there := endorsetest.Pipe(channel)
		last = there
		serving.Go(func() { e.ServePeer(ctx, there) })
		return here, nil
	})
	t.Cleanup(r.Close)
	return r, opened, func() { _ = last.Close() }
}

func TestManyCallersShareOneStream(t *testing.T) {
	w := newWorld(t)
	w.deploy("kv", func(_ context.Context, call *wasm.Call, _ wasm.Stub) (*wasm.Response, error) {
		return &wasm.Response{Status: 200, Payload: call.Args[0]}, nil
	})
	r, opened, _ := remote(t, w.endorser(), "channel1")
	var g errgroup.Group
	for i := range 100 {
		g.Go(func() error {
			arg := strings.Repeat("x", i)
			req := w.request(arg)
			req.Number = uint64(i)
			resp, err := r.Process(context.Background(), req.Sign(t))
			if err == nil && (string(resp.Response.Payload) != arg || resp.Endorsement == nil) {
				err = errors.New("the answer of another call, or none: " + resp.String())
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		t.Error(err)
	}
	if *opened != 1 {
		t.Errorf("%d streams", *opened)
	}
}

func TestMoreCallersThanAStreamTakesWait(t *testing.T) {
	const callers, enough = 1000, 100
	w := newWorld(t)
	running, release := make(chan struct{}, callers), make(chan struct{})
	w.deploy("kv", func(context.Context, *wasm.Call, wasm.Stub) (*wasm.Response, error) {
		running <- struct{}{}
		<-release
		return &wasm.Response{Status: 200}, nil
	})
	r, _, _ := remote(t, w.endorser(), "channel1")
	var g errgroup.Group
	for i := range callers {
		req := w.request("put")
		req.Number = uint64(i)
		g.Go(func() error {
			_, err := r.Process(context.Background(), req.Sign(t))
			return err
		})
	}
	for range enough {
		<-running
	}
	close(release)
	if err := g.Wait(); err != nil {
		t.Errorf("a caller was sent away: %v", err)
	}
}

func TestARefusalKeepsItsResponseAndTheStream(t *testing.T) {
	w := newWorld(t)
	w.deploy("kv", answer(200, ""))
	r, opened, _ := remote(t, w.endorser(), "channel1")
	bad := w.request("f")
	bad.Signer = w.peer.Signer()
	resp, err := r.Process(t.Context(), bad.Sign(t))
	if err == nil || err.Error() != "access denied: channel [channel1] creator org [Org1MSP]" || resp.GetResponse().GetStatus() != 500 {
		t.Errorf("%v %v", resp, err)
	}
	other := w.request("f")
	other.Channel = "channel2"
	_, err = r.Process(t.Context(), other.Sign(t))
	if err == nil || err.Error() != "proposal for channel 'channel2' on a stream of channel 'channel1'" {
		t.Errorf("%v", err)
	}
	if resp, err := r.Process(t.Context(), w.request("f").Sign(t)); err != nil || notOK(resp) != nil {
		t.Errorf("%v %v", resp, err)
	}
	if *opened != 1 {
		t.Errorf("%d streams", *opened)
	}
}

func TestACallThatIsGivenUpIsCancelledOnThePeer(t *testing.T) {
	w := newWorld(t)
	entered, ended := make(chan struct{}), make(chan struct{})
	w.deploy("kv", func(ctx context.Context, _ *wasm.Call, _ wasm.Stub) (*wasm.Response, error) {
		close(entered)
		<-ctx.Done()
		close(ended)
		return nil, ctx.Err()
	})
	r, _, _ := remote(t, w.endorser(), "channel1")
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-entered; cancel() }()
	if _, err := r.Process(ctx, w.request("f").Sign(t)); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	<-ended
}

func TestABrokenStreamFailsWhatIsPendingAndIsReopened(t *testing.T) {
	w := newWorld(t)
	entered := make(chan struct{}, 2)
	var once sync.Once
	w.deploy("kv", func(ctx context.Context, _ *wasm.Call, _ wasm.Stub) (*wasm.Response, error) {
		first := false
		once.Do(func() { first = true })
		if first {
			entered <- struct{}{}
			<-ctx.Done()
		}
		return &wasm.Response{Status: 200}, nil
	})
	r, opened, broken := remote(t, w.endorser(), "channel1")
	go func() { <-entered; broken() }()
	if _, err := r.Process(t.Context(), w.request("f").Sign(t)); !errors.Is(err, endorse.ErrUnreachable) {
		t.Errorf("got %v", err)
	}
	if resp, err := r.Process(t.Context(), w.request("f").Sign(t)); err != nil || notOK(resp) != nil {
		t.Errorf("%v %v", resp, err)
	}
	if *opened != 2 {
		t.Errorf("%d streams", *opened)
	}
}

func TestAPeerThatCannotBeReachedIsSaidSo(t *testing.T) {
	w := newWorld(t)
	r := endorse.NewRemote(func(context.Context) (endorse.Stream, error) { return nil, io.ErrClosedPipe })
	if _, err := r.Process(t.Context(), w.request("f").Sign(t)); !errors.Is(err, endorse.ErrUnreachable) || !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("got %v", err)
	}
}

func FuzzServePeer(f *testing.F) {
	w := newWorld(f)
	e := w.endorser()
	f.Add([]byte{8, 1})
	f.Add([]byte{8, 1, 24, 1})
	f.Add([]byte{8, 1, 18, 2, 10, 0})
	f.Fuzz(func(t *testing.T, raw []byte) {
		here, there := endorsetest.Pipe("channel1")
		done := make(chan struct{})
		go func() { defer close(done); e.ServePeer(context.Background(), there) }()
		_ = here.Send(raw)
		_ = here.Close()
		<-done
	})
}
