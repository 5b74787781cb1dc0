package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/orderer"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/weft-network/weft/ledger/ident"
)

// Forever is the last block of a range that follows the chain.
const Forever uint64 = math.MaxUint64

// Range of blocks to ask for. First may be Next.
type Range struct{ First, Last uint64 }

// Next begins a range with the block that is not there yet.
const Next uint64 = math.MaxUint64

// StatusError is a Deliver or Broadcast answer that is no SUCCESS.
type StatusError struct {
	Status common.Status
	Info   string
}

// Error names the status as Fabric does.
func (e *StatusError) Error() string {
	if e.Info == "" {
		return fmt.Sprintf("status %d %s", e.Status, e.Status)
	}
	return fmt.Sprintf("status %d %s: %s", e.Status, e.Status, e.Info)
}

// seek is the signed request for a range of blocks.
func seek(signer ident.Signer, channel string, r Range) (*common.Envelope, error) {
	at := func(n uint64) *orderer.SeekPosition {
		return &orderer.SeekPosition{Type: &orderer.SeekPosition_Specified{Specified: &orderer.SeekSpecified{Number: n}}}
	}
	info := &orderer.SeekInfo{Start: at(r.First), Stop: at(r.Last), Behavior: orderer.SeekInfo_BLOCK_UNTIL_READY}
	if r.First == Next {
		info.Start = &orderer.SeekPosition{Type: &orderer.SeekPosition_NextCommit{NextCommit: &orderer.SeekNextCommit{}}}
	} else if r.Last != Forever {
		info.Behavior = orderer.SeekInfo_FAIL_IF_NOT_READY
	}
	data, err := proto.Marshal(info)
	if err != nil {
		return nil, err
	}
	return Envelope(signer, channel, common.HeaderType_DELIVER_SEEK_INFO, data)
}

// Envelope signs data of a type for a channel.
func Envelope(signer ident.Signer, channel string, kind common.HeaderType, data []byte) (*common.Envelope, error) {
	header, err := newHeader(signer, nil, &common.ChannelHeader{Type: int32(kind), Timestamp: timestamppb.Now(), ChannelId: channel})
	if err != nil {
		return nil, err
	}
	payload, err := proto.Marshal(&common.Payload{Header: header, Data: data})
	if err != nil {
		return nil, err
	}
	sig, err := signer.Sign(payload)
	return &common.Envelope{Payload: payload, Signature: sig}, err
}

// blockStream is what the Deliver services of peers and orderers share.
type blockStream struct {
	send func(*common.Envelope) error
	recv func() (*common.Block, common.Status, error)
}

// PeerBlocks asks a peer for blocks and calls each with every one, in order. A
// refusal is an *StatusError.
func PeerBlocks(ctx context.Context, conn grpc.ClientConnInterface, signer ident.Signer, channel string, r Range, each func(*common.Block) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	st, err := peer.NewDeliverClient(conn).Deliver(ctx)
	if err != nil {
		return err
	}
	return blocks(blockStream{st.Send, func() (*common.Block, common.Status, error) {
		m, err := st.Recv()
		return m.GetBlock(), m.GetStatus(), err
	}}, signer, channel, r, each)
}

// OrdererBlocks is PeerBlocks at an orderer.
func OrdererBlocks(ctx context.Context, conn grpc.ClientConnInterface, signer ident.Signer, channel string, r Range, each func(*common.Block) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	st, err := orderer.NewAtomicBroadcastClient(conn).Deliver(ctx)
	if err != nil {
		return err
	}
	return blocks(blockStream{st.Send, func() (*common.Block, common.Status, error) {
		m, err := st.Recv()
		return m.GetBlock(), m.GetStatus(), err
	}}, signer, channel, r, each)
}

func blocks(st blockStream, signer ident.Signer, channel string, r Range, each func(*common.Block) error) error {
	env, err := seek(signer, channel, r)
	if err != nil {
		return err
	}
	if err := st.send(env); err != nil && !errors.Is(err, io.EOF) { // EOF: recv has the reason
		return err
	}
	for {
		b, status, err := st.recv()
		switch {
		case errors.Is(err, io.EOF):
			return errors.New("the node ended the stream without a status")
		case err != nil:
			return err
		case b != nil:
			if err := each(b); err != nil {
				return err
			}
		case status != common.Status_SUCCESS:
			return &StatusError{Status: status}
		default:
			return nil
		}
	}
}

// Broadcast hands an envelope to an orderer and waits for its answer. A refusal
// is an *StatusError.
func Broadcast(ctx context.Context, conn grpc.ClientConnInterface, env *common.Envelope) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	st, err := orderer.NewAtomicBroadcastClient(conn).Broadcast(ctx)
	if err != nil {
		return err
	}
	if err := st.Send(env); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	r, err := st.Recv()
	if err != nil {
		return err
	}
	if r.Status != common.Status_SUCCESS {
		return &StatusError{r.Status, r.Info}
	}
	return st.CloseSend()
}
