package gateway

import (
	"context"

	gw "github.com/hyperledger/fabric-protos-go-apiv2/gateway"
	"github.com/hyperledger/fabric-protos-go-apiv2/orderer"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/weft-network/weft/ledger/policy"
	"github.com/weft-network/weft/node/commit"
)

// ChaincodeEvents streams the events of one chaincode's valid transactions,
// one response for each block that has some, until the client leaves.
func (s *Server) ChaincodeEvents(sr *gw.SignedChaincodeEventsRequest, stream gw.Gateway_ChaincodeEventsServer) error {
	req := new(gw.ChaincodeEventsRequest)
	if len(sr.GetRequest()) == 0 {
		return status.Error(codes.InvalidArgument, "a chaincode events request is required")
	}
	if err := proto.Unmarshal(sr.Request, req); err != nil {
		return status.Errorf(codes.InvalidArgument, "invalid chaincode events request: %v", err)
	}
	ch, ok := s.cfg.Channel(req.ChannelId)
	if !ok {
		return status.Errorf(codes.NotFound, "channel '%s' not found", req.ChannelId)
	}
	signed := policy.Signed{Data: sr.Request, Identity: req.Identity, Signature: sr.Signature}
	if err := s.authorise(ch, "gateway/ChaincodeEvents", signed); err != nil {
		return err
	}
	from, err := startOf(ch, req)
	if err != nil {
		return err
	}
	// The position is fixed: tell the client, so that it need not guess when
	// its subscription began.
	if err := stream.SendHeader(metadata.MD{}); err != nil {
		return err
	}
	return s.follow(stream, ch, req.ChaincodeId, from)
}

// cursor is where an event stream begins: block, and the first transaction in it.
type cursor struct {
	block uint64
	tx    int
}

// startOf begins after the transaction that the client saw last, if it is on
// the ledger, whether it emitted an event or not; else at the position asked.
func startOf(ch *commit.Channel, req *gw.ChaincodeEventsRequest) (cursor, error) {
	if id := req.AfterTransactionId; id != "" {
		if at, err := ch.Ledger().Tx(id); err == nil {
			return cursor{at.Block, at.Index + 1}, nil
		}
	}
	switch p := req.StartPosition.GetType().(type) {
	case nil, *orderer.SeekPosition_NextCommit:
		return cursor{block: ch.Ledger().Height()}, nil
	case *orderer.SeekPosition_Specified:
		return cursor{block: p.Specified.GetNumber()}, nil
	default:
		return cursor{}, status.Errorf(codes.InvalidArgument, "invalid start position type: %T", p)
	}
}

func (s *Server) follow(stream gw.Gateway_ChaincodeEventsServer, ch *commit.Channel, chaincode string, at cursor) error {
	for {
		// No chain gets to the largest number, and one more would be 0.
		if err := ch.Ledger().WaitHeight(stream.Context(), max(at.block, at.block+1)); err != nil {
			return ended(stream.Context(), err)
		}
		done, err := ch.Block(at.block)
		if err != nil {
			return status.Error(codes.Aborted, err.Error())
		}
		if events := eventsOf(done, chaincode, at.tx); len(events) > 0 {
			err := stream.Send(&gw.ChaincodeEventsResponse{Events: events, BlockNumber: at.block})
			if err != nil {
				return err
			}
		}
		at = cursor{block: at.block + 1}
	}
}

func ended(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return status.FromContextError(ctx.Err()).Err()
	}
	return status.Error(codes.Aborted, err.Error())
}

func eventsOf(done *commit.Committed, chaincode string, from int) []*peer.ChaincodeEvent {
	var events []*peer.ChaincodeEvent
	for i, tx := range done.Block.Txs {
		if i < from || i >= len(done.Codes) || done.Codes[i] != peer.TxValidationCode_VALID {
			continue
		}
		if tx.Event != nil && tx.Event.ChaincodeId == chaincode {
			events = append(events, tx.Event)
		}
	}
	return events
}
