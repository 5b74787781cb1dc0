package endorse

import (
	"context"
	"errors"

	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Server serves protos.Endorser.
type Server struct {
	peer.UnimplementedEndorserServer
	Endorser *Endorser
}

// ProcessProposal implements peer.EndorserServer. gRPC drops the response that
// comes with an error; the error's text is the response's message.
func (s *Server) ProcessProposal(ctx context.Context, sp *peer.SignedProposal) (*peer.ProposalResponse, error) {
	resp, err := s.Endorser.Process(ctx, sp)
	if errors.Is(err, ErrBusy) {
		return nil, status.Error(codes.ResourceExhausted, err.Error())
	}
	return resp, err
}
