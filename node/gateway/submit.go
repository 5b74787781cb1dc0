package gateway

import (
	"context"
	"fmt"
	"time"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	gw "github.com/hyperledger/fabric-protos-go-apiv2/gateway"
	"github.com/weft-network/weft/node/commit"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// While no orderer has a leader, a submission is tried again after firstPause,
// doubling up to lastPause, until the caller's deadline. A second copy of a
// transaction does no harm: it becomes DUPLICATE_TXID.
const (
	firstPause = 20 * time.Millisecond
	lastPause  = 500 * time.Millisecond
	// margin of the caller's deadline is kept for the answer that says which
	// orderers were tried; at most a tenth of what is left.
	margin = 250 * time.Millisecond
)

// Submit passes a signed transaction to the ordering service. It answers when
// a quorum of orderers has the transaction's block on disk.
func (s *Server) Submit(ctx context.Context, req *gw.SubmitRequest) (*gw.SubmitResponse, error) {
	env := req.GetPreparedTransaction()
	switch {
	case env == nil:
		return nil, status.Error(codes.InvalidArgument, "a prepared transaction is required")
	case len(env.Signature) == 0:
		return nil, status.Error(codes.InvalidArgument, "prepared transaction must be signed")
	}
	ch, ok := s.cfg.Channel(req.ChannelId)
	if !ok {
		return nil, status.Errorf(codes.FailedPrecondition, "channel '%s' not found", req.ChannelId)
	}
	if err := takesWork(ch); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, patience(ctx))
	defer cancel()
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		done, details, err := s.tryAll(ctx, req.ChannelId, env)
		if done || err != nil {
			return &gw.SubmitResponse{}, err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil, failure(codes.Unavailable, "no orderers could successfully process transaction", details)
		}
	}
}

// takesWork refuses transactions while this peer cannot commit them, so that a
// client goes to another: its own commit status would not come. Queries go on.
func takesWork(ch *commit.Channel) error {
	if err := ch.Stalled(); err != nil {
		return status.Errorf(codes.ResourceExhausted, "channel '%s' of this peer waits for room on its disk: %s", ch.ID(), err)
	}
	return nil
}

// patience is how long a submission is tried: until shortly before the caller's
// deadline, and no longer than BroadcastTimeout.
func patience(ctx context.Context) time.Duration {
	deadline, ok := ctx.Deadline()
	if !ok {
		return BroadcastTimeout
	}
	left := time.Until(deadline)
	return min(left-min(margin, left/10), BroadcastTimeout)
}

// tryAll offers the envelope to each orderer once. An error is final.
func (s *Server) tryAll(ctx context.Context, channel string, env *common.Envelope) (bool, []*gw.ErrorDetail, error) {
	var details []*gw.ErrorDetail
	for _, o := range s.cfg.Orderers(channel) {
		st, info, err := o.Broadcast(ctx, env)
		if err == nil && st == common.Status_SUCCESS {
			return true, nil, nil
		}
		message := fmt.Sprintf("received unsuccessful response from orderer: status=%s, info=%s", st, info)
		if err != nil {
			message = err.Error()
		}
		details = append(details, &gw.ErrorDetail{Address: o.Endpoint, MspId: o.MSPID, Message: message})
		if err == nil && st >= 400 && st < 500 {
			return false, nil, failure(codes.Aborted, message, details)
		}
		if ctx.Err() != nil {
			break
		}
	}
	return false, details, nil
}
