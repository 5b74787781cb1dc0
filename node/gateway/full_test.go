package gateway

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	gw "github.com/hyperledger/fabric-protos-go-apiv2/gateway"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/weft-network/weft/ledger/ledgertest"
	"github.com/weft-network/weft/ledger/store"
	"github.com/weft-network/weft/ledger/store/storetest"
	"github.com/weft-network/weft/node/commit"
)

func TestAPeerWithAFullDiskRefusesTransactionsAndTakesThemAgain(t *testing.T) {
	n := ledgertest.New(t)
	disk := storetest.NewDisk()
	var full atomic.Bool
	var opened atomic.Pointer[commit.Channel]
	stalled := make(chan struct{}, 1)
	disk.Room = func() uint64 { // pebble asks too
		if !full.Load() {
			return 1 << 30
		}
		if errors.Is(opened.Load().Stalled(), store.ErrDiskFull) {
			select {
			case stalled <- struct{}{}:
			default:
			}
		}
		return 1000
	}
	c, err := commit.Open(commit.Config{Dir: "ledger", Genesis: proto.CloneOf(n.Genesis), FS: disk, Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	opened.Store(c)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()
	t.Cleanup(stop)

	s := New(Config{
		Channel:  func(string) (*commit.Channel, bool) { return c, true },
		Orderers: func(string) []Orderer { return nil },
	})
	submit := func() codes.Code {
		// Its client has given up, so that what is not refused ends at once.
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := s.Submit(gone, &gw.SubmitRequest{ChannelId: c.ID(), PreparedTransaction: &common.Envelope{Signature: []byte("s")}})
		return status.Code(err)
	}
	full.Store(true)
	if err := c.Offer(n.Blocks().Next(n.Define(ledgertest.Definition{Name: "cc"}))); err != nil {
		t.Fatal(err)
	}
	<-stalled
	if code := submit(); code != codes.ResourceExhausted {
		t.Errorf("a transaction was answered %s", code)
	}
	if _, err := s.plan(&proposal{channel: c.ID()}, nil); status.Code(err) != codes.ResourceExhausted {
		t.Errorf("a proposal was answered %v", err)
	}

	full.Store(false)
	if err := c.Ledger().WaitHeight(ctx, 2); err != nil {
		t.Fatal(err)
	}
	stop()
	<-ended // after the block was told
	if code := submit(); code == codes.ResourceExhausted {
		t.Errorf("with room again, a transaction was answered %s", code)
	}
}
