// Package endorse answers proposals: it checks them, runs the chaincode on one
// snapshot of the ledger and signs the result.
//
// A proposal meets the same checks in the same order whether it comes by gRPC,
// from the gateway or from another peer's stream, and the texts are Fabric's.
// Simulation never blocks commit and never mixes two heights. What is signed is
// a pure function of (proposal, chaincode, snapshot), so that two honest peers
// at the same height sign equal bytes. Nothing is written here: a crash loses
// the answers under way and nothing else.
package endorse

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"github.com/weft-network/weft/ledger/chain"
	"github.com/weft-network/weft/ledger/channel"
	"github.com/weft-network/weft/ledger/definition"
	"github.com/weft-network/weft/ledger/ident"
	"github.com/weft-network/weft/ledger/sim"
	"github.com/weft-network/weft/wasm"
)

// Channel is what endorsing needs of a channel; *commit.Channel is one.
type Channel interface {
	ID() string
	Config() *channel.Config
	Ledger() *chain.Chain
}

// System is a system chaincode such as _lifecycle. It runs natively, checks its
// own ACLs, and must not keep s; s is nil for channel-less calls.
type System interface {
	Invoke(ctx context.Context, p *Proposal, s *sim.Simulator) *peer.Response
}

// Module runs one chaincode; *wasm.Module is one. It is called concurrently.
type Module interface {
	Invoke(ctx context.Context, call *wasm.Call, stub wasm.Stub) (*wasm.Response, error)
}

// Chaincodes finds the runnable module of a committed definition.
type Chaincodes interface {
	// Module returns the module that this peer's organisation approved for the
	// definition on the channel. The error says what is missing: no approval,
	// or a package that is not installed.
	Module(ctx context.Context, channelID string, d *definition.Definition) (Module, error)
}

// Defaults of Config.
const (
	// DefaultConcurrent is Fabric's limit for its endorser service.
	DefaultConcurrent = 2500
	// DefaultTimeout is Fabric's chaincode.executetimeout.
	DefaultTimeout = 30 * time.Second
	// Window is how far a proposal's timestamp may be from this peer's clock.
	Window = 15 * time.Minute
)

// Config of an Endorser.
type Config struct {
	Signer ident.Signer
	// LocalMSPs holds the peer's own organisation only: it checks channel-less proposals.
	LocalMSPs  *ident.Set
	Channel    func(id string) (Channel, bool)
	System     map[string]System
	Chaincodes Chaincodes
	Now        func() time.Time
	Log        *slog.Logger
	// Concurrent bounds simulations under way; more are refused. Zero is
	// DefaultConcurrent.
	Concurrent int
	// Timeout bounds one chaincode execution. Zero is DefaultTimeout. System
	// chaincodes are not bounded: an install may compile for longer.
	Timeout time.Duration
}

// Endorser is safe for concurrent use.
type Endorser struct {
	cfg   Config
	slots chan struct{}

	mu    sync.Mutex
	known map[string]*definition.Cache // by channel
}

// New makes an endorser.
func New(cfg Config) *Endorser {
	if cfg.Concurrent <= 0 {
		cfg.Concurrent = DefaultConcurrent
	}
	if cfg.Timeout <= 0 {
		cfg.Timeout = DefaultTimeout
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Endorser{cfg: cfg, slots: make(chan struct{}, cfg.Concurrent), known: map[string]*definition.Cache{}}
}

// ErrBusy is in the error of a proposal that was refused, unchecked, because too
// many are under way. Another peer may have room.
var ErrBusy = errors.New("too many requests for /protos.Endorser")

// Process answers a signed proposal as protos.Endorser/ProcessProposal does: an
// error together with a 500 response for a proposal that is malformed or not
// allowed, else the response with or without an endorsement. Only ErrBusy comes
// without a response.
//
// A response with status 500 and no Payload is a failure inside this peer; with
// Payload it is the chaincode's own answer.
func (e *Endorser) Process(ctx context.Context, sp *peer.SignedProposal) (*peer.ProposalResponse, error) {
	return e.ProcessParts(ctx, sp, nil)
}

// ProcessParts is Process for whoever has parsed parts of sp: they give all of
// Parts, and nothing of it is parsed again. It is not changed either. Nil has
// everything parsed here.
func (e *Endorser) ProcessParts(ctx context.Context, sp *peer.SignedProposal, parts *Parts) (*peer.ProposalResponse, error) {
	return e.unpack(ctx, sp, parts, e.answer)
}

// Evaluate is Process for a query: the same checks and the same simulation, but
// nothing is signed, since nobody would keep the endorsement. A response that
// Process would endorse comes without Payload. The parts are as in ProcessParts.
func (e *Endorser) Evaluate(ctx context.Context, sp *peer.SignedProposal, parts *Parts) (*peer.ProposalResponse, error) {
	return e.unpack(ctx, sp, parts, e.query)
}

// answering makes the response to a checked proposal. An error is a failure
// inside this peer.
type answering func(context.Context, *Proposal) (*peer.ProposalResponse, error)

func (e *Endorser) unpack(ctx context.Context, sp *peer.SignedProposal, parts *Parts, answer answering) (*peer.ProposalResponse, error) {
	var p *Proposal
	var err error
	if parts == nil {
		p, err = Unpack(sp)
	} else {
		p, err = assemble(sp, parts)
	}
	if err != nil {
		return e.refuse(nil, err)
	}
	return e.process(ctx, p, answer)
}

func (e *Endorser) process(ctx context.Context, p *Proposal, answer answering) (*peer.ProposalResponse, error) {
	deepen()
	select {
	case e.slots <- struct{}{}:
		defer func() { <-e.slots }()
	default:
		return nil, fmt.Errorf("%w, exceeding concurrency limit (%d)", ErrBusy, e.cfg.Concurrent)
	}
	if p.ChannelID != "" {
		ch, ok := e.cfg.Channel(p.ChannelID)
		if !ok {
			return failure(fmt.Errorf("channel '%s' not found", p.ChannelID)), nil
		}
		p.Channel = ch
	}
	if err := e.check(p); err != nil {
		return e.refuse(p, err)
	}
	resp, err := answer(ctx, p)
	if err != nil {
		e.cfg.Log.Warn("proposal failed", "channel", p.ChannelID, "tx", p.TxID, "chaincode", p.Chaincode, "err", err)
		return failure(err), nil
	}
	return resp, nil
}

// refuse answers a proposal that is malformed or not allowed.
func (e *Endorser) refuse(p *Proposal, err error) (*peer.ProposalResponse, error) {
	attrs := []any{"err", err}
	if p != nil {
		attrs = append(attrs, "channel", p.ChannelID, "tx", p.TxID, "chaincode", p.Chaincode)
	}
	var d *denied
	if errors.As(err, &d) && d.reason != nil {
		attrs = append(attrs, "reason", d.reason)
	}
	e.cfg.Log.Warn("proposal refused", attrs...)
	return failure(err), err
}

// failure is a 500 without Payload. Its message may quote guests, whose bytes
// need not be the UTF-8 that a protobuf string must be.
func failure(err error) *peer.ProposalResponse {
	return &peer.ProposalResponse{Response: &peer.Response{
		Status:  500,
		Message: strings.ToValidUTF8(err.Error(), "\uFFFD"),
	}}
}
