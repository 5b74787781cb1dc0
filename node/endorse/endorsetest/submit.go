package endorsetest

import (
	"testing"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"google.golang.org/protobuf/proto"

	"github.com/weft-network/weft/ledger"
	"github.com/weft-network/weft/ledger/block"
	"github.com/weft-network/weft/ledger/chain"
	"github.com/weft-network/weft/ledger/ident"
	"github.com/weft-network/weft/ledger/validate"
)

// Transaction is the envelope that a client makes of its proposal and the
// endorsements of it. The responses must have one payload.
func Transaction(tb testing.TB, client ident.Signer, sp *peer.SignedProposal, responses ...*peer.ProposalResponse) []byte {
	tb.Helper()
	prop, header, visible := &peer.Proposal{}, &common.Header{}, &peer.ChaincodeProposalPayload{}
	Unmarshal(tb, sp.ProposalBytes, prop)
	Unmarshal(tb, prop.Header, header)
	Unmarshal(tb, prop.Payload, visible)
	visible.TransientMap = nil
	action := &peer.ChaincodeEndorsedAction{}
	for _, r := range responses {
		action.ProposalResponsePayload = r.Payload
		action.Endorsements = append(action.Endorsements, r.Endorsement)
	}
	tx := &peer.Transaction{Actions: []*peer.TransactionAction{{
		Header:  header.SignatureHeader,
		Payload: Marshal(tb, &peer.ChaincodeActionPayload{ChaincodeProposalPayload: Marshal(tb, visible), Action: action}),
	}}}
	env := &common.Envelope{Payload: Marshal(tb, &common.Payload{Header: header, Data: Marshal(tb, tx)})}
	var err error
	if env.Signature, err = client.Sign(env.Payload); err != nil {
		tb.Fatal(err)
	}
	return Marshal(tb, env)
}

// Submit validates envelopes as one block and commits it, as a peer would, and
// answers the codes.
func (c *Channel) Submit(envelopes ...[]byte) []ledger.Code {
	c.tb.Helper()
	raw := block.New(c.ledger.Height(), c.ledger.LastHash(), envelopes)
	parsed, err := ledger.ParseBlock(raw)
	if err != nil {
		c.tb.Fatal(err)
	}
	prepared, err := validate.Prepare(c.tb.Context(), parsed, c.config, 1)
	if err != nil {
		c.tb.Fatal(err)
	}
	snapshot := c.ledger.Snapshot()
	result, err := prepared.Finish(snapshot)
	_ = snapshot.Close()
	if err != nil {
		c.tb.Fatal(err)
	}
	block.SetCodes(raw, result.Codes)
	if err := c.ledger.Append(parsed, chain.Commit{Updates: result.Updates, Findings: result.Findings}); err != nil {
		c.tb.Fatal(err)
	}
	return result.Codes
}

// Unmarshal fails the test when it cannot.
func Unmarshal(tb testing.TB, raw []byte, m proto.Message) {
	tb.Helper()
	if err := proto.Unmarshal(raw, m); err != nil {
		tb.Fatal(err)
	}
}
