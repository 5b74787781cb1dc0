// Package deliver serves blocks to clients: Fabric's Deliver services of peers
// (whole, filtered, with private data) and of orderers. One stream may carry
// several seek requests, one after another; each is checked, answered block by
// block, and closed with a status. A request that fails ends the stream.
package deliver

import (
	"cmp"
	"context"
	"errors"
	"io"
	"log/slog"
	"time"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/orderer"
	"google.golang.org/protobuf/proto"

	"github.com/weft-network/weft/ledger/block"
	"github.com/weft-network/weft/ledger/chain"
	"github.com/weft-network/weft/ledger/channel"
	"github.com/weft-network/weft/ledger/ident"
	"github.com/weft-network/weft/ledger/policy"
)

// TimeWindow is how far the timestamp of a seek request may be from this
// node's clock.
const TimeWindow = 15 * time.Minute

// Channel is what Deliver needs of a channel; *commit.Channel and
// *order.Channel are such.
type Channel interface {
	ID() string
	Config() *channel.Config
	Ledger() *chain.Chain
}

// Config of a Service.
type Config struct {
	Channel func(id string) (Channel, bool)
	// Resource maps a kind of request to the policy path that guards it on a
	// channel, such as /Channel/Readers on orderers.
	Resource func(c *channel.Config, k Kind) string
	// Leaderless, on orderers, is closed when the channel has no leader. Nobody
	// knows then what was ordered elsewhere: clients had better ask another
	// orderer, unless they said that they take what there is. Nil: never.
	Leaderless func(channel string) <-chan struct{}
	Now        func() time.Time
	Log        *slog.Logger
}

// Kind of blocks that a stream asks for.
type Kind int

// The kinds of the three methods of protos.Deliver; orderers serve Blocks.
const (
	Blocks Kind = iota
	Filtered
	WithPrivateData
)

// Service answers seek requests. It is safe for concurrent use.
type Service struct{ cfg Config }

// New makes a service.
func New(cfg Config) *Service { return &Service{cfg} }

// sink is where one stream's answers go.
type sink interface {
	recv() (*common.Envelope, error)
	status(common.Status) error
	block(ch string, b *common.Block) error
}

// serve answers the seek requests of one stream until the client closes it or
// a request fails.
func (s *Service) serve(ctx context.Context, k Kind, out sink) error {
	for {
		env, err := out.recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		status, err := s.answer(ctx, k, env, out)
		if err != nil {
			return err
		}
		if err := out.status(status); err != nil || status != common.Status_SUCCESS {
			return err
		}
	}
}

// request is a seek request that passed all checks.
type request struct {
	ch          Channel
	info        *orderer.SeekInfo
	signed      policy.Signed
	id          *ident.Identity
	first, last uint64
	leaderless  <-chan struct{} // nil where that is no matter
}

func (s *Service) leaderless(r *request) <-chan struct{} {
	if s.cfg.Leaderless == nil || r.info.ErrorResponse == orderer.SeekInfo_BEST_EFFORT {
		return nil
	}
	return s.cfg.Leaderless(r.ch.ID())
}

func ended(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func (s *Service) answer(ctx context.Context, k Kind, env *common.Envelope, out sink) (common.Status, error) {
	r, status := s.check(k, env)
	if status != common.Status_SUCCESS {
		return status, nil
	}
	// The session ends when the client's certificate does.
	ctx, cancel := context.WithTimeout(ctx, r.id.ExpiresAt().Sub(s.cfg.Now()))
	defer cancel()
	return s.send(ctx, k, r, out)
}

// check makes the checks of a seek request in Fabric's order. A nonce is not
// asked for: Fabric's SDKs send none here.
func (s *Service) check(k Kind, env *common.Envelope) (*request, common.Status) {
	payload, ch, sh := new(common.Payload), new(common.ChannelHeader), new(common.SignatureHeader)
	if proto.Unmarshal(env.GetPayload(), payload) != nil || payload.Header == nil ||
		proto.Unmarshal(payload.Header.ChannelHeader, ch) != nil ||
		proto.Unmarshal(payload.Header.SignatureHeader, sh) != nil {
		return nil, common.Status_BAD_REQUEST
	}
	if ch.Timestamp == nil || s.cfg.Now().Sub(ch.Timestamp.AsTime()).Abs() > TimeWindow {
		s.refuse(ch.ChannelId, "its timestamp is missing or more than 15 minutes away")
		return nil, common.Status_BAD_REQUEST
	}
	target, ok := s.cfg.Channel(ch.ChannelId)
	if !ok {
		return nil, common.Status_NOT_FOUND
	}
	r := &request{ch: target, info: new(orderer.SeekInfo)}
	if proto.Unmarshal(payload.Data, r.info) != nil {
		return nil, common.Status_BAD_REQUEST
	}
	if r.leaderless = s.leaderless(r); ended(r.leaderless) {
		s.refuse(ch.ChannelId, "there is no leader")
		return nil, common.Status_SERVICE_UNAVAILABLE
	}
	r.signed = policy.Signed{Data: env.Payload, Identity: sh.Creator, Signature: env.Signature}
	if status := s.authorise(k, r); status != common.Status_SUCCESS {
		return nil, status
	}
	if !r.positions() {
		return nil, common.Status_BAD_REQUEST
	}
	return r, common.Status_SUCCESS
}

// authorise checks the signature, the expiry and the policy of a request.
func (s *Service) authorise(k Kind, r *request) common.Status {
	conf := r.ch.Config()
	ids := policy.Verify(conf.MSPs, []policy.Signed{r.signed})
	if len(ids) != 1 {
		s.refuse(conf.ID, "its signature is not by a member of the channel")
		return common.Status_FORBIDDEN
	}
	if r.id = ids[0]; !s.cfg.Now().Before(r.id.ExpiresAt()) {
		s.refuse(conf.ID, "its identity expired at "+r.id.ExpiresAt().String())
		return common.Status_FORBIDDEN
	}
	return s.allowed(k, r, conf)
}

func (s *Service) allowed(k Kind, r *request, conf *channel.Config) common.Status {
	if err := conf.Policy(s.cfg.Resource(conf, k)).Evaluate([]*ident.Identity{r.id}); err != nil {
		s.refuse(conf.ID, err.Error())
		return common.Status_FORBIDDEN
	}
	return common.Status_SUCCESS
}

func (s *Service) refuse(ch, why string) {
	s.cfg.Log.Warn("deliver request refused", "channel", ch, "why", why)
}

// positions turns the seek positions into block numbers at this moment. Oldest
// and Newest as an end are never before the start, so that they mean one block
// at least; a specified end may be, which is refused.
func (r *request) positions() bool {
	height := r.ch.Ledger().Height()
	newest := max(height, 1) - 1
	var ok bool
	if r.first, ok = position(r.info.Start, newest, height); !ok {
		return false
	}
	if r.last, ok = position(r.info.Stop, newest, height); !ok {
		return false
	}
	if _, specified := r.info.Stop.Type.(*orderer.SeekPosition_Specified); !specified {
		r.last = max(r.last, r.first)
	}
	return r.first <= r.last
}

func position(p *orderer.SeekPosition, newest, height uint64) (uint64, bool) {
	switch t := p.GetType().(type) {
	case *orderer.SeekPosition_Oldest:
		return 0, true
	case *orderer.SeekPosition_Newest:
		return newest, true
	case *orderer.SeekPosition_Specified:
		return t.Specified.GetNumber(), t.Specified != nil
	case *orderer.SeekPosition_NextCommit:
		return height, true
	}
	return 0, false
}

// send streams the blocks of a checked request.
func (s *Service) send(ctx context.Context, k Kind, r *request, out sink) (common.Status, error) {
	l, sequence := r.ch.Ledger(), r.ch.Config().Sequence
	for n := r.first; ; n++ {
		if r.info.Behavior == orderer.SeekInfo_FAIL_IF_NOT_READY && n >= l.Height() {
			return common.Status_NOT_FOUND, nil
		}
		// No chain gets to the largest number, and one more would be 0.
		if err := r.wait(ctx, max(n, n+1)); err != nil {
			return why(ctx, err)
		}
		if conf := r.ch.Config(); conf.Sequence != sequence {
			// The configuration changed: a revoked reader gets nothing more.
			if status := s.authorise(k, r); status != common.Status_SUCCESS {
				return status, nil
			}
			sequence = conf.Sequence
		}
		b, err := l.Block(n)
		if err != nil {
			s.cfg.Log.Error("a block could not be read", "channel", r.ch.ID(), "block", n, "err", err)
			return common.Status_INTERNAL_SERVER_ERROR, nil
		}
		if r.info.ContentType == orderer.SeekInfo_HEADER_WITH_SIG && !block.IsConfig(b) {
			b.Data = nil
		}
		if err := out.block(r.ch.ID(), b); err != nil {
			return 0, err
		}
		if n >= r.last {
			return common.Status_SUCCESS, nil
		}
	}
}

// wait waits for a height, unless the leader is lost meanwhile.
func (r *request) wait(ctx context.Context, height uint64) error {
	l := r.ch.Ledger()
	if r.leaderless == nil || l.Height() >= height {
		return l.WaitHeight(ctx, height)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		select {
		case <-r.leaderless:
			cancel(errLeaderless)
		case <-ctx.Done():
		}
	}()
	if err := l.WaitHeight(ctx, height); err != nil {
		return cmp.Or(context.Cause(ctx), err)
	}
	return nil
}

var errLeaderless = errors.New("the channel has no leader")

// why tells an expired session from a client that left, and both from a
// ledger that is closed or takes no more blocks, or a leader that is lost.
func why(ctx context.Context, err error) (common.Status, error) {
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return common.Status_FORBIDDEN, nil
	case ctx.Err() != nil:
		return 0, err
	}
	return common.Status_SERVICE_UNAVAILABLE, nil
}
