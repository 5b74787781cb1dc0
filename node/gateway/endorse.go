package gateway

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	gw "github.com/hyperledger/fabric-protos-go-apiv2/gateway"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/weft-network/weft/ledger/definition"
	"github.com/weft-network/weft/ledger/policy"
	"github.com/weft-network/weft/node/commit"
)

// maxLayouts bounds the ways of satisfying a policy that are considered.
const maxLayouts = 64

// Endorse collects endorsements that satisfy the chaincode's policy, from as
// few organisations as it allows, all at once, and assembles the transaction.
// Where the client names organisations, one peer of each is asked instead.
func (s *Server) Endorse(ctx context.Context, req *gw.EndorseRequest) (*gw.EndorseResponse, error) {
	if len(req.GetProposedTransaction().GetProposalBytes()) == 0 {
		return nil, status.Error(codes.InvalidArgument, "the proposed transaction must contain a signed proposal")
	}
	p, err := unpack(req.ProposedTransaction)
	if err != nil {
		return nil, status.Error(codes.InvalidArgument, err.Error())
	}
	c, err := s.plan(p, req.GetEndorsingOrganizations())
	if err != nil {
		return nil, err
	}
	s.settle(ctx, p.channel)
	if err := c.run(ctx); err != nil {
		return nil, err
	}
	env, err := p.envelope(c.payload, c.chosen())
	if err != nil {
		return nil, status.Errorf(codes.Aborted, "failed to assemble transaction: %s", err)
	}
	return &gw.EndorseResponse{PreparedTransaction: env}, nil
}

// plan lists the ways of getting the proposal endorsed.
func (s *Server) plan(p *proposal, orgs []string) (*collection, error) {
	ch, ok := s.cfg.Channel(p.channel)
	if !ok {
		return nil, status.Errorf(codes.Unavailable, "channel '%s' not found", p.channel)
	}
	c := &collection{s: s, p: p, peers: map[string][]Endorser{}, good: map[string][]*peer.Endorsement{}}
	for _, e := range s.candidates(p, orgs) {
		c.peers[e.MSPID] = append(c.peers[e.MSPID], e)
	}
	if len(orgs) > 0 {
		return c, c.oneOfEach(orgs)
	}
	layouts, err := s.layoutsOf(ch, p.chaincode)
	if err != nil {
		return nil, status.Errorf(codes.FailedPrecondition, "no combination of peers can be derived which satisfy the endorsement policy: %s", err)
	}
	// This organisation endorses first where the policy lets it choose.
	c.layouts = slices.Clone(layouts)
	slices.SortStableFunc(c.layouts, func(a, b map[string]int) int {
		return first(a[s.cfg.MSPID] > 0, b[s.cfg.MSPID] > 0)
	})
	if c.next() == nil {
		return nil, status.Errorf(codes.FailedPrecondition, "no combination of peers can be derived which satisfy the endorsement policy: no peer that could endorse chaincode %s is alive in enough organisations of channel %s", p.chaincode, p.channel)
	}
	return c, nil
}

// layoutKey names a chaincode's policy at one version of everything it depends on.
type layoutKey struct {
	channel, chaincode string
	sequence           int64
	config             uint64
}

// layoutsOf are the sets of organisations that satisfy a chaincode's policy.
func (s *Server) layoutsOf(ch *commit.Channel, name string) ([]map[string]int, error) {
	conf := ch.Config()
	if name == definition.Namespace {
		return conf.LifecycleLayouts(), nil
	}
	snap := ch.Ledger().Snapshot()
	defer snap.Close()
	def, err := definition.Read(func(ns, key string) ([]byte, error) {
		v, _, err := snap.Get(ns, key)
		return v, err
	}, name)
	if err != nil {
		return nil, err
	}
	if def == nil {
		return nil, fmt.Errorf("No metadata was found for chaincode %s in channel %s", name, conf.ID) //lint:ignore ST1005 Fabric's words
	}
	key := layoutKey{conf.ID, name, def.Sequence, conf.Sequence}
	s.mu.Lock()
	defer s.mu.Unlock()
	if l, ok := s.layouts[key]; ok {
		return l, nil
	}
	env, reference, err := def.SignaturePolicy()
	if err != nil {
		return nil, err
	}
	layouts := conf.EndorsementLayouts()
	if env != nil {
		layouts = policy.Layouts(env, maxLayouts)
	} else if reference != "Endorsement" && reference != "/Channel/Application/Endorsement" {
		return nil, fmt.Errorf("the policy of chaincode %s is the channel policy %s; name the endorsing organisations", name, reference)
	}
	s.layouts[key] = layouts
	return layouts, nil
}

// collection gathers the endorsements of one proposal.
type collection struct {
	s       *Server
	p       *proposal
	named   bool // the client named the organisations
	layouts []map[string]int
	peers   map[string][]Endorser // not asked yet, by organisation
	good    map[string][]*peer.Endorsement
	payload []byte // what the good endorsers signed
	layout  map[string]int
	details []*gw.ErrorDetail
}

// oneOfEach makes the one layout of organisations that the client named.
func (c *collection) oneOfEach(orgs []string) error {
	c.named = true
	layout, missing := map[string]int{}, []string(nil)
	for _, o := range orgs {
		if layout[o] = 1; len(c.peers[o]) == 0 {
			missing = append(missing, o)
		}
	}
	if len(missing) > 0 {
		return status.Errorf(codes.Unavailable, "failed to find any endorsing peers for org(s): %s", names(missing))
	}
	c.layouts = []map[string]int{layout}
	return nil
}

// next is the first layout that the good endorsements and the peers left can
// still fill, or nil.
func (c *collection) next() map[string]int {
	for _, l := range c.layouts {
		possible := true
		for org, n := range l {
			possible = possible && len(c.good[org])+len(c.peers[org]) >= n
		}
		if possible {
			return l
		}
	}
	return nil
}

// run asks peers, in rounds, until a layout is full.
func (c *collection) run(ctx context.Context) error {
	for {
		if c.layout = c.next(); c.layout == nil {
			return c.failed()
		}
		round := c.missing()
		if len(round) == 0 {
			return nil
		}
		c.ask(ctx, round)
		if ctx.Err() != nil {
			return status.Error(codes.DeadlineExceeded, "endorsement timeout expired while collecting endorsements")
		}
	}
}

// missing takes the peers to ask for the layout out of those left.
func (c *collection) missing() []Endorser {
	var round []Endorser
	for org, n := range c.layout {
		if need := n - len(c.good[org]); need > 0 {
			round = append(round, c.peers[org][:need]...)
			c.peers[org] = c.peers[org][need:]
		}
	}
	return round
}

func (c *collection) ask(ctx context.Context, round []Endorser) {
	type reply struct {
		e   Endorser
		r   *peer.ProposalResponse
		out outcome
	}
	replies := make(chan reply, len(round))
	for _, e := range round {
		go func() {
			r, out := c.s.ask(ctx, e, c.p.signed)
			replies <- reply{e, r, out}
		}()
	}
	for range round {
		r := <-replies
		c.take(r.e, r.r, r.out)
	}
}

func (c *collection) take(e Endorser, r *peer.ProposalResponse, out outcome) {
	switch {
	case out.code != codes.OK:
		c.details = append(c.details, detail(e, out.message))
	case r.Endorsement == nil || r.Payload == nil:
		c.details = append(c.details, detail(e, "the response carries no endorsement"))
	case c.payload != nil && !bytes.Equal(c.payload, r.Payload):
		c.s.cfg.Log.Warn("endorsers disagree", "channel", c.p.channel, "chaincode", c.p.chaincode, "tx", c.p.txID, "peer", e.Endpoint)
		c.details = append(c.details, detail(e, "ProposalResponsePayloads do not match"))
	default:
		c.payload = r.Payload
		c.good[e.MSPID] = append(c.good[e.MSPID], r.Endorsement)
	}
}

// failed tells a refusal by this organisation from endorsements that others
// did not give.
func (c *collection) failed() error {
	own := slices.DeleteFunc(slices.Clone(c.details), func(d *gw.ErrorDetail) bool { return d.MspId != c.s.cfg.MSPID })
	if !c.named && len(own) > 0 && len(c.good[c.s.cfg.MSPID]) == 0 {
		return failure(codes.Aborted, "failed to endorse transaction, see attached details for more info", own)
	}
	return failure(codes.Aborted, "failed to collect enough transaction endorsements, see attached details for more info", c.details)
}

// chosen are the endorsements of the layout, by organisation, each endorser once.
func (c *collection) chosen() []*peer.Endorsement {
	var list []*peer.Endorsement
	seen := map[string]bool{}
	for _, org := range sortedKeys(c.layout) {
		for _, e := range c.good[org] {
			if !seen[string(e.Endorser)] {
				seen[string(e.Endorser)] = true
				list = append(list, e)
			}
		}
	}
	return list
}

func sortedKeys(m map[string]int) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
