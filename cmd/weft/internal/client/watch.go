package client

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/hyperledger/fabric-gateway/pkg/client"
	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"google.golang.org/protobuf/proto"
)

// watch notes when blocks come out of the orderer and events out of the peer.
type watch struct {
	cancel context.CancelFunc
	wg     sync.WaitGroup
	events *Session

	mu     sync.Mutex
	blocks map[uint64]seen
	got    map[string]gotEvent
	failed error
	news   chan struct{} // closed and replaced when something came
}

type seen struct {
	at         time.Time
	signer     string
	txs, bytes int
}

type gotEvent struct {
	ev *client.ChaincodeEvent
	at time.Time
}

// watchBlocks begins at the peer's height: nothing that comes after is missed.
func watchBlocks(ctx context.Context, t, orderer Target, id *Identity, channel, chaincode string) (*watch, error) {
	s, err := Connect(ctx, t, id, channel)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	w := &watch{cancel: cancel, events: s, blocks: map[uint64]seen{}, got: map[string]gotEvent{}, news: make(chan struct{})}
	info, err := ChainInfo(ctx, s.conn, id, channel)
	if err != nil {
		w.stop()
		return nil, err
	}
	events, err := s.Network().ChaincodeEvents(ctx, chaincode, client.WithStartBlock(info.Height))
	if err != nil {
		w.stop()
		return nil, err
	}
	conn, err := orderer.Open(ctx)
	if err != nil {
		w.stop()
		return nil, err
	}
	w.wg.Go(func() {
		defer conn.Close()
		w.end(OrdererBlocks(ctx, conn, id, channel, Range{info.Height, Forever}, func(b *common.Block) error {
			w.note(b, time.Now())
			return nil
		}))
	})
	w.wg.Go(func() {
		for ev := range events {
			w.noteEvent(ev, time.Now())
		}
	})
	return w, nil
}

func (w *watch) stop() {
	w.cancel()
	w.wg.Wait()
	_ = w.events.Close() // nothing depends on it any more
}

func (w *watch) note(b *common.Block, at time.Time) {
	size := 0
	for _, d := range b.GetData().GetData() {
		size += len(d)
	}
	w.tell(func() {
		w.blocks[b.GetHeader().GetNumber()] = seen{at, signerOf(b), len(b.GetData().GetData()), size}
	})
}

func (w *watch) noteEvent(ev *client.ChaincodeEvent, at time.Time) {
	w.tell(func() { w.got[ev.TransactionID] = gotEvent{ev, at} })
}

func (w *watch) end(err error) { w.tell(func() { w.failed = err }) }

func (w *watch) tell(what func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	what()
	close(w.news)
	w.news = make(chan struct{})
}

// block waits until the orderer has handed out the block.
func (w *watch) block(ctx context.Context, number uint64) (seen, error) {
	for {
		w.mu.Lock()
		b, ok := w.blocks[number]
		failed, news := w.failed, w.news
		w.mu.Unlock()
		switch {
		case ok:
			return b, nil
		case failed != nil:
			return seen{}, fmt.Errorf("watch blocks at the orderer: %w", failed)
		}
		select {
		case <-news:
		case <-ctx.Done():
			return seen{}, fmt.Errorf("the orderer did not hand out block %d: %w", number, ctx.Err())
		}
	}
}

// event waits for the transaction's event, nil when none comes.
func (w *watch) event(ctx context.Context, txID string) (*client.ChaincodeEvent, time.Time) {
	for {
		w.mu.Lock()
		e, ok := w.got[txID]
		news := w.news
		w.mu.Unlock()
		if ok {
			return e.ev, e.at
		}
		select {
		case <-news:
		case <-ctx.Done():
			return nil, time.Time{}
		}
	}
}

// signerOf names the orderer that signed a block.
func signerOf(b *common.Block) string {
	md, sh := &common.Metadata{}, &common.SignatureHeader{}
	slots := b.GetMetadata().GetMetadata()
	if len(slots) <= int(common.BlockMetadataIndex_SIGNATURES) || proto.Unmarshal(slots[common.BlockMetadataIndex_SIGNATURES], md) != nil {
		return "an orderer"
	}
	if len(md.Signatures) == 0 || proto.Unmarshal(md.Signatures[0].SignatureHeader, sh) != nil {
		return "an orderer"
	}
	return nameOf(sh.Creator)
}
