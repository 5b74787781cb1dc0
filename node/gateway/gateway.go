// Package gateway serves Fabric's Gateway: the one service that an application
// needs. It picks the peers that can answer or endorse a proposal, collects
// their endorsements in parallel, passes the signed transaction to the ordering
// service, and tells the client what became of it.
//
// The order of a transaction's steps is the order of the files: evaluate.go,
// endorse.go, submit.go, status.go, events.go.
package gateway

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	gw "github.com/hyperledger/fabric-protos-go-apiv2/gateway"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"

	"github.com/weft-network/weft/ledger/ident"
	"github.com/weft-network/weft/ledger/policy"
	"github.com/weft-network/weft/node/commit"
	"github.com/weft-network/weft/node/endorse"
)

// Default limits of one call, as in Fabric's core.yaml.
const (
	EndorsementTimeout = 30 * time.Second
	BroadcastTimeout   = 30 * time.Second
)

// Config of a Server.
type Config struct {
	// MSPID is the organisation of this peer.
	MSPID   string
	Channel func(id string) (*commit.Channel, bool)
	// Endorsers are the peers of a channel that are alive, this one included.
	Endorsers func(channel string) []Endorser
	// Own is this peer, if it can endorse a chaincode on a channel; Chaincodes
	// and Profiles are left out. Optional: nil has every query look at all
	// Endorsers.
	Own func(channel, chaincode string) (Endorser, bool)
	// Orderers of a channel, the one to try first in front.
	Orderers func(channel string) []Orderer
	// SystemChaincode reports names that every peer can answer.
	SystemChaincode func(name string) bool
	// Profile is the execution profile of this peer.
	Profile string
	Now     func() time.Time
	Log     *slog.Logger
}

// Endorser is one peer that may simulate proposals.
type Endorser struct {
	MSPID    string
	Endpoint string // advertised host:port
	Local    bool
	Height   uint64
	// Chaincodes that this peer can endorse, name to version.
	Chaincodes map[string]string
	// Profiles are the execution profiles that it runs them under, by name.
	Profiles map[string]string
	Process  Work
	// Query does the same without an endorsement, which a query has no use for.
	// Nil: Process does.
	Query Work
}

// Work answers a signed proposal. It is given what of the proposal is parsed, and
// does not change that.
type Work = func(context.Context, *peer.SignedProposal, *endorse.Parts) (*peer.ProposalResponse, error)

func (e *Endorser) query() Work {
	if e.Query == nil {
		return e.Process
	}
	return e.Query
}

// Orderer is one node of the ordering service.
type Orderer struct {
	MSPID     string
	Endpoint  string
	Broadcast func(context.Context, *common.Envelope) (common.Status, string, error)
}

// Server implements gateway.GatewayServer. It is safe for concurrent use.
type Server struct {
	gw.UnimplementedGatewayServer
	cfg Config

	mu      sync.Mutex
	layouts map[[2]string]known // by channel and chaincode
}

// New makes a server.
func New(cfg Config) *Server {
	return &Server{cfg: cfg, layouts: map[[2]string]known{}}
}

// authorise checks a signed request against the policy that guards a resource.
func (s *Server) authorise(ch *commit.Channel, resource string, signed policy.Signed) error {
	conf := ch.Config()
	id, err := conf.MSPs.Identity(signed.Identity)
	if err != nil {
		return status.Errorf(codes.PermissionDenied, "access denied: the identity is not one of channel %s: %s", conf.ID, err)
	}
	if err := id.Verify(signed.Data, signed.Signature); err != nil {
		return status.Errorf(codes.PermissionDenied, "access denied: the signature is not by %s: %s", id.MSPID, err)
	}
	if !s.cfg.Now().Before(id.ExpiresAt()) {
		return status.Errorf(codes.PermissionDenied, "access denied: identity expired at %s", id.ExpiresAt().UTC().Format(time.RFC3339))
	}
	if err := conf.Policy(conf.ACL(resource)).Evaluate([]*ident.Identity{id}); err != nil {
		return status.Errorf(codes.PermissionDenied, "access denied: %s", err)
	}
	return nil
}

// failure is a status whose details are one ErrorDetail per endpoint tried, and
// nothing else: Fabric's Node SDK takes every detail for one.
func failure(code codes.Code, message string, details []*gw.ErrorDetail) error {
	st := status.New(code, message)
	list := make([]protoadapt.MessageV1, len(details))
	for i, d := range details {
		list[i] = protoadapt.MessageV1Of(d)
	}
	if with, err := st.WithDetails(list...); err == nil && len(list) > 0 {
		return with.Err()
	}
	return st.Err()
}

func detail(e Endorser, message string) *gw.ErrorDetail {
	return &gw.ErrorDetail{Address: e.Endpoint, MspId: e.MSPID, Message: message}
}
