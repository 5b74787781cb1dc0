package gateway

import (
	"errors"
	"fmt"
	"strings"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"github.com/weft-network/weft/node/endorse"
)

// proposal is what the gateway reads of a proposal. The endorsers check it.
type proposal struct {
	signed    *peer.SignedProposal
	parts     *endorse.Parts
	channel   string
	txID      string
	chaincode string
	transient bool
}

// unpack reads a signed proposal far enough to send it to the right peers.
func unpack(sp *peer.SignedProposal) (*proposal, error) {
	if len(sp.GetProposalBytes()) == 0 {
		return nil, errors.New("a signed proposal is required")
	}
	prop, header, ch := new(peer.Proposal), new(common.Header), new(common.ChannelHeader)
	payload, spec := new(peer.ChaincodeProposalPayload), new(peer.ChaincodeInvocationSpec)
	if err := endorse.OpenProposal(sp.ProposalBytes, prop); err != nil {
		return nil, fmt.Errorf("error unmarshalling Proposal: %w", err)
	}
	if err := endorse.OpenHeader(prop.Header, header); err != nil {
		return nil, fmt.Errorf("error unmarshalling Header: %w", err)
	}
	if err := proto.Unmarshal(header.ChannelHeader, ch); err != nil {
		return nil, fmt.Errorf("error unmarshalling ChannelHeader: %w", err)
	}
	if err := endorse.OpenPayload(prop.Payload, payload); err != nil {
		return nil, fmt.Errorf("error unmarshalling ChaincodeProposalPayload: %w", err)
	}
	if err := proto.Unmarshal(payload.Input, spec); err != nil {
		return nil, fmt.Errorf("error unmarshalling ChaincodeInvocationSpec: %w", err)
	}
	p := &proposal{
		signed:  sp,
		parts:   &endorse.Parts{Proposal: prop, Header: header, ChannelHeader: ch, Payload: payload, Spec: spec},
		channel: ch.ChannelId, txID: ch.TxId,
		chaincode: spec.GetChaincodeSpec().GetChaincodeId().GetName(),
		transient: len(payload.TransientMap) > 0,
	}
	return p, p.complete(spec)
}

func (p *proposal) complete(spec *peer.ChaincodeInvocationSpec) error {
	switch {
	case p.channel == "":
		return errors.New("no channel id provided")
	case spec.GetChaincodeSpec() == nil:
		return fmt.Errorf("no chaincode spec is provided, channel id [%s]", p.channel)
	case spec.ChaincodeSpec.ChaincodeId == nil:
		return fmt.Errorf("no chaincode id is provided, channel id [%s]", p.channel)
	case p.chaincode == "":
		return fmt.Errorf("no chaincode name is provided, channel id [%s]", p.channel)
	}
	return nil
}

// outcome is how the gateway reads an endorser's answer.
type outcome struct {
	code    codes.Code
	message string
	retry   bool // another peer may do better
}

// judge tells an endorsement from the ways in which there is none. A response
// of status 500 without payload comes from the peer, one with payload from the
// chaincode.
func judge(r *peer.ProposalResponse, err error) outcome {
	if err != nil {
		if r == nil {
			return outcome{codes.Unavailable, err.Error(), true}
		}
		return outcome{codes.FailedPrecondition, err.Error(), false}
	}
	st := r.GetResponse().GetStatus()
	switch {
	case st >= 200 && st < 400:
		return outcome{code: codes.OK}
	case st == 500 && r.Payload == nil:
		return outcome{codes.Aborted, r.GetResponse().GetMessage(), true}
	}
	return outcome{codes.Unknown, fmt.Sprintf("chaincode response %d, %s", st, r.GetResponse().GetMessage()), false}
}

// result is the chaincode's answer inside a proposal response payload.
func result(prp []byte) ([]byte, error) {
	p, action := new(peer.ProposalResponsePayload), new(peer.ChaincodeAction)
	if err := proto.Unmarshal(prp, p); err != nil {
		return nil, fmt.Errorf("proposal response payload: %w", err)
	}
	if err := proto.Unmarshal(p.Extension, action); err != nil {
		return nil, fmt.Errorf("chaincode action: %w", err)
	}
	return action.GetResponse().GetPayload(), nil
}

// envelope assembles the transaction that the client will sign.
func (p *proposal) envelope(prp []byte, endorsements []*peer.Endorsement) (*common.Envelope, error) {
	noTransient, err := proto.MarshalOptions{Deterministic: true}.Marshal(&peer.ChaincodeProposalPayload{Input: p.parts.Payload.Input})
	if err != nil {
		return nil, err
	}
	action, err := proto.Marshal(&peer.ChaincodeActionPayload{
		ChaincodeProposalPayload: noTransient,
		Action:                   &peer.ChaincodeEndorsedAction{ProposalResponsePayload: prp, Endorsements: endorsements},
	})
	if err != nil {
		return nil, err
	}
	tx, err := proto.Marshal(&peer.Transaction{Actions: []*peer.TransactionAction{
		{Header: p.parts.Header.SignatureHeader, Payload: action},
	}})
	if err != nil {
		return nil, err
	}
	payload, err := proto.Marshal(&common.Payload{Header: p.parts.Header, Data: tx})
	return &common.Envelope{Payload: payload}, err
}

// names joins organisations for a message.
func names(orgs []string) string { return strings.Join(orgs, ", ") }
