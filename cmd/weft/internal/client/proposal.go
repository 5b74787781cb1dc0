package client

import (
	"context"
	"crypto/rand"
	"fmt"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/weft-network/weft/ledger/ident"
)

// nonceBytes is the length of a transaction's nonce, as every Fabric client has it.
const nonceBytes = 24

// Call is one invocation of a chaincode. An empty Channel is for the system
// chaincodes that need none.
type Call struct {
	Channel, Chaincode string
	Args               [][]byte
	Transient          map[string][]byte
	Init               bool
}

// Args turns strings into the arguments of a Call.
func Args(args ...string) [][]byte {
	list := make([][]byte, len(args))
	for i, a := range args {
		list[i] = []byte(a)
	}
	return list
}

// Proposal is a call made into one transaction of one identity.
type Proposal struct {
	TxID  string
	Bytes []byte // peer.Proposal
}

// NewProposal makes the proposal of a call by the signer, now.
func NewProposal(signer ident.Signer, c Call) (*Proposal, error) {
	nonce := make([]byte, nonceBytes)
	if _, err := rand.Read(nonce); err != nil {
		return nil, fmt.Errorf("make a nonce: %w", err)
	}
	p := &Proposal{TxID: ident.TxID(nonce, signer.Serialized())}
	header, err := p.header(signer, nonce, c)
	if err != nil {
		return nil, err
	}
	input, err := proto.Marshal(&peer.ChaincodeInvocationSpec{ChaincodeSpec: &peer.ChaincodeSpec{
		Type:        peer.ChaincodeSpec_GOLANG,
		ChaincodeId: &peer.ChaincodeID{Name: c.Chaincode},
		Input:       &peer.ChaincodeInput{Args: c.Args, IsInit: c.Init},
	}})
	if err != nil {
		return nil, err
	}
	payload, err := proto.Marshal(&peer.ChaincodeProposalPayload{Input: input, TransientMap: c.Transient})
	if err != nil {
		return nil, err
	}
	p.Bytes, err = proto.Marshal(&peer.Proposal{Header: header, Payload: payload})
	return p, err
}

func (p *Proposal) header(signer ident.Signer, nonce []byte, c Call) ([]byte, error) {
	extension, err := proto.Marshal(&peer.ChaincodeHeaderExtension{ChaincodeId: &peer.ChaincodeID{Name: c.Chaincode}})
	if err != nil {
		return nil, err
	}
	h, err := newHeader(signer, nonce, &common.ChannelHeader{
		Type:      int32(common.HeaderType_ENDORSER_TRANSACTION),
		Timestamp: timestamppb.Now(),
		ChannelId: c.Channel,
		TxId:      p.TxID,
		Extension: extension,
	})
	if err != nil {
		return nil, err
	}
	return proto.Marshal(h)
}

func newHeader(signer ident.Signer, nonce []byte, ch *common.ChannelHeader) (*common.Header, error) {
	channel, err := proto.Marshal(ch)
	if err != nil {
		return nil, err
	}
	signature, err := proto.Marshal(&common.SignatureHeader{Creator: signer.Serialized(), Nonce: nonce})
	if err != nil {
		return nil, err
	}
	return &common.Header{ChannelHeader: channel, SignatureHeader: signature}, nil
}

// Endorse sends a call to one peer and returns its signed answer. A refusal is
// a *RefusedError.
func Endorse(ctx context.Context, conn grpc.ClientConnInterface, signer ident.Signer, c Call) (*peer.ProposalResponse, error) {
	p, err := NewProposal(signer, c)
	if err != nil {
		return nil, err
	}
	sig, err := signer.Sign(p.Bytes)
	if err != nil {
		return nil, err
	}
	r, err := peer.NewEndorserClient(conn).ProcessProposal(ctx, &peer.SignedProposal{ProposalBytes: p.Bytes, Signature: sig})
	if err != nil {
		return nil, sentence(err)
	}
	if s := r.GetResponse().GetStatus(); s < 200 || s >= 400 {
		return nil, &RefusedError{Status: s, Message: r.GetResponse().GetMessage()}
	}
	return r, nil
}

// Ask is Endorse for what the chaincode answers, without the signature.
func Ask(ctx context.Context, conn grpc.ClientConnInterface, signer ident.Signer, c Call) ([]byte, error) {
	r, err := Endorse(ctx, conn, signer, c)
	if err != nil {
		return nil, err
	}
	return r.GetResponse().GetPayload(), nil
}

// Ask is the function Ask, as this identity.
func (id *Identity) Ask(ctx context.Context, conn grpc.ClientConnInterface, c Call) ([]byte, error) {
	return Ask(ctx, conn, id, c)
}

// RefusedError is a peer's or a chaincode's answer that is no success.
type RefusedError struct {
	Status  int32
	Message string
}

// Error is the peer's own message.
func (r *RefusedError) Error() string { return fmt.Sprintf("status %d: %s", r.Status, r.Message) }

// callError is a gRPC error that reads as the sentence that the node sent.
type callError struct{ error }

func (e callError) Error() string {
	st := status.Convert(e.error)
	if st.Code() == codes.Unknown {
		return st.Message()
	}
	return st.Code().String() + ": " + st.Message()
}

func (e callError) Unwrap() error { return e.error }

// sentence wraps a gRPC error; status.FromError still finds the code.
func sentence(err error) error { return callError{err} }
