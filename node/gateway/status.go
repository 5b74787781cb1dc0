package gateway

import (
	"context"

	gw "github.com/hyperledger/fabric-protos-go-apiv2/gateway"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/weft-network/weft/ledger/policy"
)

// CommitStatus answers when the transaction is committed on this peer, valid
// or not; its writes can be read here by then.
func (s *Server) CommitStatus(ctx context.Context, sr *gw.SignedCommitStatusRequest) (*gw.CommitStatusResponse, error) {
	req := new(gw.CommitStatusRequest)
	if len(sr.GetRequest()) == 0 {
		return nil, status.Error(codes.InvalidArgument, "a commit status request is required")
	}
	if err := proto.Unmarshal(sr.Request, req); err != nil {
		return nil, status.Errorf(codes.InvalidArgument, "invalid status request: %v", err)
	}
	switch {
	case len(req.Identity) == 0:
		return nil, status.Error(codes.InvalidArgument, "no identity provided")
	case req.ChannelId == "":
		return nil, status.Error(codes.InvalidArgument, "no channel ID provided")
	case req.TransactionId == "":
		return nil, status.Error(codes.InvalidArgument, "transaction ID should not be empty")
	}
	ch, ok := s.cfg.Channel(req.ChannelId)
	if !ok {
		return nil, status.Errorf(codes.PermissionDenied, "channel '%s' not found", req.ChannelId)
	}
	signed := policy.Signed{Data: sr.Request, Identity: req.Identity, Signature: sr.Signature}
	if err := s.authorise(ch, "gateway/CommitStatus", signed); err != nil {
		return nil, err
	}
	info, err := ch.WaitTx(ctx, req.TransactionId)
	if err != nil {
		if ctx.Err() != nil {
			return nil, status.FromContextError(ctx.Err()).Err()
		}
		return nil, status.Error(codes.Aborted, err.Error())
	}
	return &gw.CommitStatusResponse{Result: info.Code, BlockNumber: info.Block}, nil
}
