package client

import (
	"context"
	"fmt"
	"time"

	"github.com/hyperledger/fabric-gateway/pkg/client"
	gwpb "github.com/hyperledger/fabric-protos-go-apiv2/gateway"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"google.golang.org/protobuf/proto"
)

// Request is what a user asks of a chaincode.
type Request struct {
	Chaincode, Function string
	Args                [][]byte
	Transient           map[string][]byte
	// Init calls the chaincode's initialisation, where its definition asks for it.
	Init bool
	// Orgs, when set, are the MSP ids that are to endorse (or, of a query, to
	// answer) instead of those that the policy asks for.
	Orgs []string
}

// NewRequest is the plainest request.
func NewRequest(chaincode, function string, args ...string) Request {
	return Request{Chaincode: chaincode, Function: function, Args: Args(args...)}
}

// Times are how long the calls of a transaction took.
type Times struct {
	Propose time.Duration `json:"proposeNs"` // make and sign the proposal
	Endorse time.Duration `json:"endorseNs"` // or Evaluate, of a query
	Submit  time.Duration `json:"submitNs,omitempty"`
	Commit  time.Duration `json:"commitNs,omitempty"`
	Total   time.Duration `json:"totalNs"`
}

// Result is what became of a transaction. A query has neither code nor block.
type Result struct {
	TxID    string                `json:"transactionID"`
	Payload []byte                `json:"payload,omitempty"`
	Code    peer.TxValidationCode `json:"code"`
	Block   uint64                `json:"block,omitempty"`
	Times   Times                 `json:"times"`
}

// Valid tells a transaction that changed the ledger.
func (r *Result) Valid() bool { return r.Code == peer.TxValidationCode_VALID }

// propose makes the proposal of a request.
func (s *Session) propose(r Request) (*client.Proposal, error) {
	if r.Init { // the SDK has no word for it
		return s.proposeInit(r)
	}
	options := []client.ProposalOption{client.WithBytesArguments(r.Args...)}
	if len(r.Transient) > 0 {
		options = append(options, client.WithTransient(r.Transient))
	}
	if len(r.Orgs) > 0 {
		options = append(options, client.WithEndorsingOrganizations(r.Orgs...))
	}
	return s.Network().GetContract(r.Chaincode).NewProposal(r.Function, options...)
}

func (s *Session) proposeInit(r Request) (*client.Proposal, error) {
	p, err := NewProposal(s.id, Call{
		Channel: s.Channel, Chaincode: r.Chaincode, Transient: r.Transient, Init: true,
		Args: append([][]byte{[]byte(r.Function)}, r.Args...),
	})
	if err != nil {
		return nil, err
	}
	raw, err := proto.Marshal(&gwpb.ProposedTransaction{
		TransactionId: p.TxID, Proposal: &peer.SignedProposal{ProposalBytes: p.Bytes}, EndorsingOrganizations: r.Orgs,
	})
	if err != nil {
		return nil, err
	}
	return s.gw.NewProposal(raw)
}

// Evaluate asks a query. A refusal is a *Failure.
func (s *Session) Evaluate(ctx context.Context, r Request) (*Result, error) {
	start := time.Now()
	p, err := s.propose(r)
	if err != nil {
		return nil, err
	}
	res := &Result{TxID: p.TransactionID()}
	res.Times.Propose = time.Since(start)
	if res.Payload, err = p.EvaluateWithContext(ctx); err != nil {
		return nil, failureOf(StepEvaluate, p.TransactionID(), err)
	}
	res.Times.Total = time.Since(start)
	res.Times.Endorse = res.Times.Total - res.Times.Propose
	return res, nil
}

// Pending is a transaction that is endorsed and not submitted.
type Pending struct {
	Result
	s  *Session
	tx *client.Transaction
	// started is when its proposal was begun.
	started time.Time
}

// Endorse has a transaction endorsed. A refusal is a *Failure.
func (s *Session) Endorse(ctx context.Context, r Request) (*Pending, error) {
	start := time.Now()
	p, err := s.propose(r)
	if err != nil {
		return nil, err
	}
	t := &Pending{s: s, started: start, Result: Result{TxID: p.TransactionID(), Code: peer.TxValidationCode_NOT_VALIDATED}}
	t.Times.Propose = time.Since(start)
	if t.tx, err = p.EndorseWithContext(ctx); err != nil {
		return nil, failureOf(StepEndorse, t.TxID, err)
	}
	t.Payload = t.tx.Result()
	t.Times.Endorse = time.Since(start) - t.Times.Propose
	return t, nil
}

// Submit hands the transaction to the ordering service, without waiting for its
// block on the peer. A refusal is a *Failure.
func (t *Pending) Submit(ctx context.Context) (*Submitted, error) {
	start := time.Now()
	c, err := t.tx.SubmitWithContext(ctx)
	if err != nil {
		return nil, failureOf(StepSubmit, t.TxID, err)
	}
	t.Times.Submit = time.Since(start)
	return &Submitted{Result: t.Result, commit: c, started: t.started}, nil
}

// Submitted is a transaction that the ordering service has.
type Submitted struct {
	Result
	commit  *client.Commit
	started time.Time
}

// Status waits until the peer has committed the transaction, valid or not. A
// refusal is a *Failure.
func (t *Submitted) Status(ctx context.Context) (*Result, error) {
	start := time.Now()
	st, err := t.commit.StatusWithContext(ctx)
	if err != nil {
		return nil, failureOf(StepCommit, t.TxID, err)
	}
	r := t.Result
	r.Code, r.Block = st.Code, st.BlockNumber
	r.Times.Commit, r.Times.Total = time.Since(start), time.Since(t.started)
	return &r, nil
}

// Submit carries a transaction from the proposal to its commit. A transaction
// that was committed as invalid is a result, not an error.
func (s *Session) Submit(ctx context.Context, r Request) (*Result, error) {
	t, err := s.Endorse(ctx, r)
	if err != nil {
		return nil, err
	}
	sub, err := t.Submit(ctx)
	if err != nil {
		return nil, err
	}
	return sub.Status(ctx)
}

// SubmitCall is Submit for a Call that is made already, such as CommitCall.
func (s *Session) SubmitCall(ctx context.Context, c Call) (*Result, error) {
	if len(c.Args) == 0 || c.Channel != s.Channel {
		return nil, fmt.Errorf("a call of a function on channel %s is needed", s.Channel)
	}
	return s.Submit(ctx, Request{Chaincode: c.Chaincode, Function: string(c.Args[0]), Args: c.Args[1:], Transient: c.Transient, Init: c.Init})
}
