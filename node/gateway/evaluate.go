package gateway

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"
	"time"

	gw "github.com/hyperledger/fabric-protos-go-apiv2/gateway"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Evaluate answers a query from one peer: this one when it can, else the
// highest of its organisation, else of another. Each peer is tried once.
func (s *Server) Evaluate(ctx context.Context, req *gw.EvaluateRequest) (*gw.EvaluateResponse, error) {
	p, err := unpack(req.GetProposedTransaction())
	if err != nil {
		return nil, status.Errorf(codes.InvalidArgument, "failed to unpack transaction proposal: %s", err)
	}
	if _, ok := s.cfg.Channel(p.channel); !ok {
		return nil, status.Errorf(codes.Unavailable, "channel '%s' not found", p.channel)
	}
	orgs := req.GetTargetOrganizations()
	home := p.transient && len(orgs) == 0
	if home {
		orgs = []string{s.cfg.MSPID} // transient data stays at home unless the client says otherwise
	}
	resp, err := s.evaluate(ctx, p, s.queryable(p, orgs))
	if resp == nil && err == nil {
		none := fmt.Sprintf("no peers available to evaluate chaincode %s in channel %s", p.chaincode, p.channel)
		if home {
			none = "no endorsers found in the gateway's organization; retry specifying target organization(s) to protect transient data: " + none
		}
		return nil, status.Error(codes.FailedPrecondition, none)
	}
	return resp, err
}

// evaluate asks one peer after the other. It answers neither a response nor an
// error when there is none.
func (s *Server) evaluate(ctx context.Context, p *proposal, peers iter.Seq[Endorser]) (*gw.EvaluateResponse, error) {
	var details []*gw.ErrorDetail
	var last outcome
	for e := range peers {
		r, out := s.ask(ctx, e.query(), p)
		if ctx.Err() != nil {
			return nil, status.Error(codes.DeadlineExceeded, "evaluate timeout expired")
		}
		if out.code == codes.OK {
			return &gw.EvaluateResponse{Result: answer(r)}, nil
		}
		last = out
		details = append(details, detail(e, out.message))
		if !out.retry {
			return nil, failure(out.code, "evaluate call to endorser returned error: "+out.message, details)
		}
	}
	if len(details) == 0 {
		return nil, nil
	}
	return nil, failure(last.code, "failed to evaluate transaction, see attached details for more info", details)
}

// queryable are the candidates. The others are looked at when this peer has not
// answered, which is seldom.
func (s *Server) queryable(p *proposal, orgs []string) iter.Seq[Endorser] {
	return func(yield func(Endorser) bool) {
		var own Endorser
		var ok bool
		if s.cfg.Own != nil && (len(orgs) == 0 || slices.Contains(orgs, s.cfg.MSPID)) {
			own, ok = s.cfg.Own(p.channel, p.chaincode)
		}
		if ok && !yield(own) {
			return
		}
		for _, e := range s.candidates(p, orgs) {
			if !(ok && e.Local) && !yield(e) {
				return
			}
		}
	}
}

// answer prefers the result inside the payload, if there is one: the response
// on top of it need not carry the result.
func answer(r *peer.ProposalResponse) *peer.Response {
	if len(r.Payload) == 0 {
		return r.Response
	}
	if payload, err := result(r.Payload); err == nil {
		r.Response.Payload = payload
	}
	return r.Response
}

// ask sends a proposal to one peer within the endorsement timeout.
func (s *Server) ask(ctx context.Context, work Work, p *proposal) (*peer.ProposalResponse, outcome) {
	if end, ok := ctx.Deadline(); !ok || time.Until(end) > EndorsementTimeout {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, EndorsementTimeout)
		defer cancel()
	}
	r, err := work(ctx, p.signed, p.parts)
	return r, judge(r, err)
}

// candidates are the peers that can run the proposal's chaincode: this peer,
// then its organisation, then the others, each by falling height. Empty orgs
// means any.
func (s *Server) candidates(p *proposal, orgs []string) []Endorser {
	var list []Endorser
	for _, e := range s.cfg.Endorsers(p.channel) {
		_, has := e.Chaincodes[p.chaincode]
		if !has && !s.cfg.SystemChaincode(p.chaincode) {
			continue
		}
		if len(orgs) == 0 || slices.Contains(orgs, e.MSPID) {
			list = append(list, e)
		}
	}
	slices.SortStableFunc(list, func(a, b Endorser) int {
		return cmp.Or(first(a.Local, b.Local), first(a.MSPID == s.cfg.MSPID, b.MSPID == s.cfg.MSPID), cmp.Compare(b.Height, a.Height))
	})
	return list
}

// first orders true before false.
func first(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	}
	return 1
}
