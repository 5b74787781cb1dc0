// Package endorse answers proposals: it checks them, runs the chaincode on a
// snapshot of the ledger and signs the result.
package endorse

import (
	"context"
	"errors"
	"log/slog"
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

// Proposal is a checked proposal.
type Proposal struct {
	Signed     *peer.SignedProposal
	ChannelID  string // "" for channel-less system chaincode calls
	Channel    Channel
	TxID       string
	Creator    *ident.Identity
	Seconds    int64
	Nanos      int32
	Nonce      []byte
	Chaincode  string
	Args       [][]byte
	Transient  map[string][]byte
	Header     []byte // common.Header bytes
	Payload    []byte // ChaincodeProposalPayload bytes
	Decoration map[string][]byte
}

// System is a system chaincode such as _lifecycle. It runs natively; sim is nil
// for channel-less calls.
type System interface {
	Invoke(ctx context.Context, p *Proposal, s *sim.Simulator) *peer.Response
}

// Chaincodes finds the runnable module of a committed definition.
type Chaincodes interface {
	// Module returns the module that this peer's organisation approved for the
	// definition on the channel. The error says what is missing: no approval,
	// or a package that is not installed.
	Module(ctx context.Context, channelID string, d *definition.Definition) (*wasm.Module, error)
}

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
	// Concurrent bounds simulations under way; more are refused.
	Concurrent int
}

// Endorser is safe for concurrent use.
type Endorser struct{}

// New makes an endorser.
func New(cfg Config) *Endorser { return &Endorser{} }

// Process answers a signed proposal as protos.Endorser/ProcessProposal does: an
// error together with a 500 response for a proposal that is malformed or not
// allowed, else the response with or without an endorsement.
func (e *Endorser) Process(ctx context.Context, sp *peer.SignedProposal) (*peer.ProposalResponse, error) {
	return nil, errors.New("not built yet")
}
