package endorse

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"github.com/weft-network/weft/ledger/sim"
	"github.com/weft-network/weft/wasm"
	"google.golang.org/protobuf/encoding/protowire"
)

// Fabric's words for a chaincode that died and one that took too long. Gateways
// look for the first at the end of the message.
const (
	textTerminated = "chaincode stream terminated"
	textTimeout    = "error sending: timeout expired while executing transaction"
)

// invoke runs the module once.
func (e *Endorser) invoke(ctx context.Context, p *Proposal, m Module, s *sim.Simulator) (*result, error) {
	call := e.call(p)
	if end, ok := ctx.Deadline(); !ok || time.Until(end) > e.cfg.Timeout {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, e.cfg.Timeout)
		defer cancel()
	}
	stub := e.stub(p, s, p.Chaincode, call.SignedProposal)
	resp, err := m.Invoke(ctx, call, stub)
	switch {
	case stub.fault != nil:
		// This peer's own trouble, whatever the module made of it.
		return nil, stub.fault
	case err != nil && (isTimeout(err) || ctx.Err() != nil):
		return nil, fmt.Errorf("%s (%w)", textTimeout, err)
	case err != nil:
		return nil, terminated(err)
	case resp == nil:
		return nil, errors.New("nil response")
	}
	return outcome(p, resp), nil
}

func terminated(err error) error { return fmt.Errorf("error sending: %w: %s", err, textTerminated) }

func isTimeout(err error) bool {
	var t *wasm.Timeout
	return errors.As(err, &t) || errors.Is(err, context.DeadlineExceeded)
}

func (e *Endorser) call(p *Proposal) *wasm.Call { return e.callWith(p, signedBytes(p.Signed)) }

// signedBytes is the signed proposal as protobuf writes it: two fields, in order,
// without those that are empty. Unknown fields follow.
func signedBytes(sp *peer.SignedProposal) []byte {
	b := make([]byte, 0, len(sp.ProposalBytes)+len(sp.Signature)+2*binary.MaxVarintLen64)
	for i, field := range [][]byte{sp.ProposalBytes, sp.Signature} {
		if len(field) > 0 {
			b = protowire.AppendTag(b, protowire.Number(i+1), protowire.BytesType)
			b = protowire.AppendBytes(b, field)
		}
	}
	return append(b, sp.ProtoReflect().GetUnknown()...)
}

// callWith is call for a signed proposal that is marshalled already.
func (e *Endorser) callWith(p *Proposal, signed []byte) *wasm.Call {
	return &wasm.Call{
		TxID: p.TxID, Channel: p.ChannelID, Chaincode: p.Chaincode,
		Seconds: p.Seconds, Nanos: p.Nanos,
		Args: p.Args, Creator: p.CreatorBytes, Transient: p.Transient,
		SignedProposal: signed, Binding: p.Binding(),
		MSPID: e.cfg.Signer.MSPID(), Init: p.Init,
	}
}

// outcome turns the chaincode's answer into Fabric's. An event goes with a
// success only.
func outcome(p *Proposal, resp *wasm.Response) *result {
	r := &result{response: &peer.Response{Status: resp.Status, Message: resp.Message, Payload: resp.Payload}}
	if resp.EventName != "" && resp.Status < 400 {
		r.event = &peer.ChaincodeEvent{
			ChaincodeId: p.Chaincode,
			TxId:        p.TxID,
			EventName:   resp.EventName,
			Payload:     resp.EventPayload,
		}
	}
	return r
}
