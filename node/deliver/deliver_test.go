package deliver

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/orderer"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/weft-network/weft/ledger/channel"
	"github.com/weft-network/weft/ledger/ident"
	"github.com/weft-network/weft/ledger/ident/catest"
	"github.com/weft-network/weft/node/endorse/endorsetest"
)

// place is a Deliver service over one channel with blocks 0 to 3.
type place struct {
	*Service
	t    *testing.T
	ch   *endorsetest.Channel
	user ident.Signer
}

func newPlace(t *testing.T) *place {
	t.Helper()
	org := catest.New(t, "Org1")
	p := &place{t: t, user: org.User("User1").Signer()}
	p.ch = endorsetest.NewChannel(t, "channel1", catest.NewOrderer(t), []*catest.Org{org})
	for _, id := range []string{"tx1", "tx2", "tx3"} {
		p.ch.Commit(id, "cc")
	}
	p.Service = New(Config{
		Channel: func(id string) (Channel, bool) { return p.ch, id == "channel1" },
		Resource: func(c *channel.Config, k Kind) string {
			if k == Filtered {
				return c.ACL("event/FilteredBlock")
			}
			return c.ACL("event/Block")
		},
		Now: endorsetest.Now, Log: slog.New(slog.DiscardHandler),
	})
	return p
}

// request is what a client asks, sound unless edited.
type seek struct {
	channel string
	by      ident.Signer
	at      time.Time
	info    *orderer.SeekInfo
}

func (p *place) seek(start, stop *orderer.SeekPosition, edits ...func(*seek)) *common.Envelope {
	p.t.Helper()
	q := seek{channel: "channel1", by: p.user, at: endorsetest.Now(), info: &orderer.SeekInfo{Start: start, Stop: stop}}
	for _, edit := range edits {
		edit(&q)
	}
	header := &common.ChannelHeader{Type: int32(common.HeaderType_DELIVER_SEEK_INFO), ChannelId: q.channel}
	if !q.at.IsZero() {
		header.Timestamp = timestamppb.New(q.at)
	}
	payload := endorsetest.Marshal(p.t, &common.Payload{
		Header: &common.Header{
			ChannelHeader:   endorsetest.Marshal(p.t, header),
			SignatureHeader: endorsetest.Marshal(p.t, &common.SignatureHeader{Creator: q.by.Serialized()}), // no nonce, as the SDKs
		},
		Data: endorsetest.Marshal(p.t, q.info),
	})
	signature, err := q.by.Sign(payload)
	if err != nil {
		p.t.Fatal(err)
	}
	return &common.Envelope{Payload: payload, Signature: signature}
}

// client records what it is sent: block numbers, and statuses as 1000 and more.
type client struct {
	asks   []*common.Envelope
	got    []int
	blocks []*common.Block
	on     func(n int) // called after each block
}

const statusBase = 1000

func (c *client) recv() (*common.Envelope, error) {
	if len(c.asks) == 0 {
		return nil, io.EOF
	}
	env := c.asks[0]
	c.asks = c.asks[1:]
	return env, nil
}

func (c *client) status(s common.Status) error {
	c.got = append(c.got, statusBase+int(s))
	return nil
}

func (c *client) block(_ string, b *common.Block) error {
	c.got, c.blocks = append(c.got, int(b.Header.Number)), append(c.blocks, b)
	if c.on != nil {
		c.on(int(b.Header.Number))
	}
	return nil
}

func oldest() *orderer.SeekPosition {
	return &orderer.SeekPosition{Type: &orderer.SeekPosition_Oldest{Oldest: &orderer.SeekOldest{}}}
}
func newest() *orderer.SeekPosition {
	return &orderer.SeekPosition{Type: &orderer.SeekPosition_Newest{Newest: &orderer.SeekNewest{}}}
}
func nextCommit() *orderer.SeekPosition {
	return &orderer.SeekPosition{Type: &orderer.SeekPosition_NextCommit{NextCommit: &orderer.SeekNextCommit{}}}
}
func at(n uint64) *orderer.SeekPosition {
	return &orderer.SeekPosition{Type: &orderer.SeekPosition_Specified{Specified: &orderer.SeekSpecified{Number: n}}}
}

const (
	ok          = statusBase + int(common.Status_SUCCESS)
	bad         = statusBase + int(common.Status_BAD_REQUEST)
	forbidden   = statusBase + int(common.Status_FORBIDDEN)
	notFound    = statusBase + int(common.Status_NOT_FOUND)
	unavailable = statusBase + int(common.Status_SERVICE_UNAVAILABLE)
)

func failIfNotReady(q *seek) { q.info.Behavior = orderer.SeekInfo_FAIL_IF_NOT_READY }

func TestPositionsAndStatuses(t *testing.T) {
	p := newPlace(t)
	stranger := catest.New(t, "Org9").User("User1").Signer()
	for _, c := range []struct {
		why string
		ask *common.Envelope
		got []int
	}{
		{"everything", p.seek(oldest(), newest()), []int{0, 1, 2, 3, ok}},
		{"the newest is one block", p.seek(newest(), newest()), []int{3, ok}},
		{"the oldest is one block", p.seek(oldest(), oldest()), []int{0, ok}},
		{"a range", p.seek(at(1), at(2)), []int{1, 2, ok}},
		{"up to the oldest is one block", p.seek(at(2), oldest()), []int{2, ok}},
		{"a reversed range", p.seek(at(2), at(1)), []int{bad}},
		{"newest to an earlier block", p.seek(newest(), at(1)), []int{bad}},
		{"no start", p.seek(nil, newest()), []int{bad}},
		{"no stop", p.seek(oldest(), nil), []int{bad}},
		{"an empty position", p.seek(&orderer.SeekPosition{}, newest()), []int{bad}},
		{"beyond the end, not waiting", p.seek(at(3), at(9), failIfNotReady), []int{3, notFound}},
		{"the largest number, not waiting", p.seek(at(math.MaxUint64), at(math.MaxUint64), failIfNotReady), []int{notFound}},
		{"the next, not waiting", p.seek(nextCommit(), newest(), failIfNotReady), []int{notFound}},
		{"an unknown channel", p.seek(oldest(), newest(), func(q *seek) { q.channel = "channel9" }), []int{notFound}},
		{"a stranger", p.seek(oldest(), newest(), func(q *seek) { q.by = stranger }), []int{forbidden}},
		{"a stranger without positions learns no more", p.seek(nil, nil, func(q *seek) { q.by = stranger }), []int{forbidden}},
		{"no timestamp", p.seek(oldest(), newest(), func(q *seek) { q.at = time.Time{} }), []int{bad}},
		{"an old timestamp", p.seek(oldest(), newest(), func(q *seek) { q.at = q.at.Add(-TimeWindow - time.Second) }), []int{bad}},
		{"a timestamp to come", p.seek(oldest(), newest(), func(q *seek) { q.at = q.at.Add(TimeWindow + time.Second) }), []int{bad}},
		{"an old timestamp comes before an unknown channel", p.seek(oldest(), newest(), func(q *seek) { q.at, q.channel = time.Time{}, "channel9" }), []int{bad}},
		{"nothing", &common.Envelope{}, []int{bad}},
		{"noise", &common.Envelope{Payload: []byte{0xff}}, []int{bad}},
		{"no envelope", nil, []int{bad}},
	} {
		out := &client{asks: []*common.Envelope{c.ask}}
		if err := p.serve(t.Context(), Blocks, out); err != nil || !slices.Equal(out.got, c.got) {
			t.Errorf("%s: %v, %v, want %v", c.why, out.got, err, c.got)
		}
	}
}

func TestAForgedSignatureIsForbidden(t *testing.T) {
	p := newPlace(t)
	env := p.seek(oldest(), newest())
	env.Signature = p.seek(newest(), newest()).Signature
	out := &client{asks: []*common.Envelope{env}}
	if err := p.serve(t.Context(), Blocks, out); err != nil || !slices.Equal(out.got, []int{forbidden}) {
		t.Errorf("%v, %v", out.got, err)
	}
}

func TestOneStreamTakesSeveralRequestsUntilOneFails(t *testing.T) {
	p := newPlace(t)
	out := &client{asks: []*common.Envelope{p.seek(newest(), newest()), p.seek(at(1), at(1)), p.seek(at(2), at(1)), p.seek(oldest(), oldest())}}
	if err := p.serve(t.Context(), Blocks, out); err != nil || !slices.Equal(out.got, []int{3, ok, 1, ok, bad}) {
		t.Errorf("%v, %v", out.got, err)
	}
}

func TestARequestWithoutEndFollowsTheChain(t *testing.T) {
	p := newPlace(t)
	ctx, cancel := context.WithCancel(t.Context())
	out := &client{asks: []*common.Envelope{p.seek(nextCommit(), at(math.MaxUint64))}, on: func(n int) {
		if n == 5 {
			cancel()
		}
	}}
	done := make(chan error, 1)
	r, _ := p.check(Blocks, out.asks[0]) // the position is fixed
	go func() {
		_, err := p.send(ctx, Blocks, r, out)
		done <- err
	}()
	p.ch.Commit("tx4", "cc")
	p.ch.Commit("tx5", "cc")
	p.ch.Commit("tx6", "cc")
	// A block that is there already may follow the one at which the client left.
	if err := <-done; !errors.Is(err, context.Canceled) || len(out.got) < 2 || !slices.Equal(out.got, []int{4, 5, 6}[:len(out.got)]) {
		t.Errorf("%v, %v", out.got, err)
	}
}

func TestAClosedLedgerEndsAStreamWithAStatus(t *testing.T) {
	p := newPlace(t)
	out := &client{asks: []*common.Envelope{p.seek(newest(), at(math.MaxUint64))}, on: func(int) { go p.ch.Ledger().Close() }}
	if err := p.serve(t.Context(), Blocks, out); err != nil || !slices.Equal(out.got, []int{3, unavailable}) {
		t.Errorf("%v, %v", out.got, err)
	}
}

func TestHeadersOnlyLeaveConfigBlocksWhole(t *testing.T) {
	p := newPlace(t)
	out := &client{asks: []*common.Envelope{p.seek(oldest(), at(1), func(q *seek) { q.info.ContentType = orderer.SeekInfo_HEADER_WITH_SIG })}}
	if err := p.serve(t.Context(), Blocks, out); err != nil || len(out.blocks) != 2 {
		t.Fatalf("%v, %v", out.got, err)
	}
	if out.blocks[0].Data == nil || out.blocks[1].Data != nil || out.blocks[1].Metadata == nil {
		t.Errorf("data of the config block %v, of the other %v", out.blocks[0].Data != nil, out.blocks[1].Data != nil)
	}
}

func TestAFilteredBlockTellsIdsTypesAndCodes(t *testing.T) {
	p := newPlace(t)
	b, err := p.ch.Ledger().Block(1)
	if err != nil {
		t.Fatal(err)
	}
	f := filter("channel1", b)
	if len(f.FilteredTransactions) != 1 || f.Number != 1 || f.ChannelId != "channel1" {
		t.Fatalf("%v", f)
	}
	tx := f.FilteredTransactions[0]
	if tx.Txid != "tx1" || tx.Type != common.HeaderType_ENDORSER_TRANSACTION || tx.TxValidationCode != peer.TxValidationCode_VALID {
		t.Errorf("%v", tx)
	}
	genesis, err := p.ch.Ledger().Block(0)
	if err != nil {
		t.Fatal(err)
	}
	if g := filter("channel1", genesis); g.FilteredTransactions[0].Type != common.HeaderType_CONFIG {
		t.Errorf("%v", g)
	}
	short := proto.CloneOf(b)
	short.Metadata = nil
	if f := filter("channel1", short); f.FilteredTransactions[0].TxValidationCode != peer.TxValidationCode_NOT_VALIDATED {
		t.Errorf("without codes: %v", f)
	}
	short.Data = nil
	if f := filter("channel1", short); len(f.FilteredTransactions) != 0 {
		t.Errorf("without data: %v", f)
	}
}

func TestWithoutALeaderAnOrdererIsUnavailable(t *testing.T) {
	p := newPlace(t)
	leaderless := make(chan struct{})
	p.cfg.Leaderless = func(string) <-chan struct{} { return leaderless }
	forEver := p.seek(newest(), at(math.MaxUint64))
	out := &client{asks: []*common.Envelope{forEver}, on: func(int) { close(leaderless) }}
	if err := p.serve(t.Context(), Blocks, out); err != nil || !slices.Equal(out.got, []int{3, unavailable}) {
		t.Errorf("lost while waiting: %v, %v", out.got, err)
	}
	out = &client{asks: []*common.Envelope{forEver}}
	if err := p.serve(t.Context(), Blocks, out); err != nil || !slices.Equal(out.got, []int{unavailable}) {
		t.Errorf("lost before: %v, %v", out.got, err)
	}
	whatThereIs := func(q *seek) { q.info.ErrorResponse = orderer.SeekInfo_BEST_EFFORT }
	out = &client{asks: []*common.Envelope{p.seek(newest(), newest(), whatThereIs)}}
	if err := p.serve(t.Context(), Blocks, out); err != nil || !slices.Equal(out.got, []int{3, ok}) {
		t.Errorf("best effort: %v, %v", out.got, err)
	}
}
