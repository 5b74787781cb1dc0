package gateway

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	gw "github.com/hyperledger/fabric-protos-go-apiv2/gateway"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/weft-network/weft/ledger"
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
	env, err := p.envelope(c.chosen.payload, c.endorsements())
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
	if err := takesWork(ch); err != nil {
		return nil, err
	}
	all := s.candidates(p, orgs)
	c := &collection{s: s, p: p, channel: ch, all: all, companies: companies(all, p.chaincode, s.cfg.Profile)}
	if len(orgs) > 0 {
		if err := c.oneOfEach(orgs); err != nil {
			return nil, err
		}
		if !c.next() {
			return nil, c.divided()
		}
		return c, nil
	}
	if p.transient && !from(all, s.cfg.MSPID) {
		return nil, status.Error(codes.FailedPrecondition, "no endorsers found in the gateway's organization; retry specifying endorsing organization(s) to protect transient data")
	}
	layouts, err := s.layoutsOf(ch, p.chaincode)
	if err != nil {
		return nil, status.Errorf(codes.FailedPrecondition, "no combination of peers can be derived which satisfy the endorsement policy: %s", err)
	}
	// This organisation endorses first where the policy lets it choose.
	c.layouts = c.someone(slices.Clone(layouts))
	slices.SortStableFunc(c.layouts, func(a, b map[string]int) int {
		return first(a[s.cfg.MSPID] > 0, b[s.cfg.MSPID] > 0)
	})
	if !c.next() {
		if err := c.divided(); err != nil {
			return nil, err
		}
		return nil, status.Errorf(codes.FailedPrecondition, "no combination of peers can be derived which satisfy the endorsement policy: no peer that could endorse chaincode %s is alive in enough organisations of channel %s", p.chaincode, p.channel)
	}
	return c, nil
}

// from tells whether a candidate is of the organisation.
func from(list []Endorser, org string) bool {
	return slices.ContainsFunc(list, func(e Endorser) bool { return e.MSPID == org })
}

// known are the layouts of a chaincode's policy at one version of everything
// they depend on.
type known struct {
	definition ledger.Version // of the definition's Sequence key, which every commit of one writes
	config     uint64
	layouts    []map[string]int
}

// layoutsOf are the sets of organisations that satisfy a chaincode's policy.
func (s *Server) layoutsOf(ch *commit.Channel, name string) ([]map[string]int, error) {
	conf := ch.Config()
	if name == definition.Namespace {
		return conf.LifecycleLayouts(), nil
	}
	snap := ch.Ledger().Snapshot()
	defer snap.Close()
	_, version, err := snap.Get(definition.Namespace, definition.SequenceKey(name))
	if err != nil {
		return nil, err
	}
	key := [2]string{conf.ID, name}
	s.mu.Lock()
	k, ok := s.layouts[key]
	s.mu.Unlock()
	if ok && version != nil && k.definition == *version && k.config == conf.Sequence {
		return k.layouts, nil
	}
	def, err := definition.Read(func(ns, key string) ([]byte, error) {
		v, _, err := snap.Get(ns, key)
		return v, err
	}, name)
	if err != nil {
		return nil, err
	}
	if def == nil || version == nil {
		return nil, fmt.Errorf("No metadata was found for chaincode %s in channel %s", name, conf.ID) //lint:ignore ST1005 Fabric's words
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
	s.mu.Lock()
	defer s.mu.Unlock()
	s.layouts[key] = known{*version, conf.Sequence, layouts}
	return layouts, nil
}

// collection gathers the endorsements of one proposal.
type collection struct {
	s       *Server
	p       *proposal
	named   bool       // the client named the organisations
	all     []Endorser // every candidate
	asked   []Endorser
	layouts []map[string]int      // of the chaincode's policy, or of the named organisations
	peers   map[string][]Endorser // of one profile, not asked yet, by organisation
	// companies are the peers of the profiles that were not turned to yet.
	companies []company
	answers   []*answers        // by what was signed; that of this organisation first
	details   []*gw.ErrorDetail // of those who did not endorse

	channel *commit.Channel

	// What next has chosen.
	layout map[string]int
	chosen *answers
}

// answers are the endorsements of one payload. Peers at different heights may
// sign different ones; a transaction carries one.
type answers struct {
	payload []byte
	layouts []map[string]int // that the transaction needs
	by      []Endorser
	good    map[string][]*peer.Endorsement // by organisation
}

func (a *answers) has(org string) int { return len(a.good[org]) }

// oneOfEach makes the one layout of organisations that the client named.
func (c *collection) oneOfEach(orgs []string) error {
	c.named = true
	layout, missing := map[string]int{}, []string(nil)
	for _, o := range orgs {
		if layout[o] = 1; !from(c.all, o) {
			missing = append(missing, o)
		}
	}
	if len(missing) > 0 {
		return status.Errorf(codes.Unavailable, "failed to find any endorsing peers for org(s): %s", names(missing))
	}
	c.layouts = []map[string]int{layout}
	return nil
}

// next chooses a layout that peers of one profile fill or still can; false when
// there is none.
func (c *collection) next() bool {
	for !c.choose() {
		if !c.turn() {
			return false
		}
	}
	return true
}

// choose takes a layout that the good endorsements of one payload fill, else the
// first that they and the peers left still can; false when there is none.
func (c *collection) choose() bool {
	return c.pick(c.answers, func(string) int { return 0 }) ||
		c.pick(append(slices.Clone(c.answers), &answers{layouts: c.layouts}), func(org string) int { return len(c.peers[org]) })
}

func (c *collection) pick(among []*answers, more func(org string) int) bool {
	for _, a := range among {
		for _, l := range a.layouts {
			possible := true
			for org, n := range l {
				possible = possible && a.has(org)+more(org) >= n
			}
			if possible {
				c.layout, c.chosen = l, a
				return true
			}
		}
	}
	return false
}

// run asks peers, in rounds, until a layout is full.
func (c *collection) run(ctx context.Context) error {
	for {
		if err := c.unreachable(); err != nil {
			return err
		}
		if !c.next() {
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
	for _, org := range sortedKeys(c.layout) {
		for range c.layout[org] - c.chosen.has(org) {
			round = append(round, c.take(org)...)
		}
	}
	return round
}

// take takes a peer of an organisation out of those left, if there is one.
func (c *collection) take(org string) []Endorser {
	left := c.peers[org]
	n := min(1, len(left))
	c.peers[org] = left[n:]
	c.asked = append(c.asked, left[:n]...)
	return left[:n]
}

// full tells that the endorsements of one payload fill a layout.
func (c *collection) full() bool { return c.pick(c.answers, func(string) int { return 0 }) }

// slow is how long a peer may take before another one of its organisation is
// asked as well: the first answer counts.
const slow = time.Second

// ask asks peers at once and returns when all have answered, or as soon as a
// layout is full.
func (c *collection) ask(ctx context.Context, round []Endorser) {
	ctx, cancel := context.WithCancel(ctx) // whoever still works then works in vain
	defer cancel()
	type reply struct {
		n   int
		r   *peer.ProposalResponse
		out outcome
	}
	replies := make(chan reply)
	waiting := map[int]Endorser{}
	start := func(e Endorser) {
		n := len(round)
		round, waiting[n] = append(round, e), e
		go func() {
			r, out := c.s.ask(ctx, e.Process, c.p)
			select {
			case replies <- reply{n, r, out}:
			case <-ctx.Done():
			}
		}()
	}
	first := round
	round = nil
	for _, e := range first {
		start(e)
	}
	late := time.NewTicker(slow)
	defer late.Stop()
	for len(waiting) > 0 {
		select {
		case r := <-replies:
			e := waiting[r.n]
			delete(waiting, r.n)
			if c.note(e, r.r, r.out); c.full() {
				return
			}
		case <-late.C:
			for _, n := range slices.Sorted(maps.Keys(waiting)) {
				for _, e := range c.take(waiting[n].MSPID) {
					start(e)
				}
			}
		case <-ctx.Done():
			return
		}
	}
}

// note keeps an answer.
func (c *collection) note(e Endorser, r *peer.ProposalResponse, out outcome) {
	switch {
	case out.code != codes.OK:
		c.details = append(c.details, detail(e, out.message))
		return
	case r.Endorsement == nil || len(r.Payload) == 0:
		c.details = append(c.details, detail(e, "the response carries no endorsement"))
		return
	}
	i := slices.IndexFunc(c.answers, func(a *answers) bool { return bytes.Equal(a.payload, r.Payload) })
	if i < 0 {
		i = len(c.answers)
		c.answers = append(c.answers, &answers{payload: r.Payload, good: map[string][]*peer.Endorsement{}})
		if i > 0 {
			c.s.cfg.Log.Warn("endorsers disagree", "channel", c.p.channel, "chaincode", c.p.chaincode, "tx", c.p.txID, "peer", e.Endpoint)
		}
	}
	a := c.answers[i]
	for _, old := range a.good[e.MSPID] {
		if bytes.Equal(old.Endorser, r.Endorsement.Endorser) {
			return // one endorser counts once
		}
	}
	a.by, a.good[e.MSPID] = append(a.by, e), append(a.good[e.MSPID], r.Endorsement)
	c.plan(a, e, r.Interest)
	slices.SortStableFunc(c.answers, func(x, y *answers) int {
		return first(x.has(c.s.cfg.MSPID) > 0, y.has(c.s.cfg.MSPID) > 0)
	})
}

// plan keeps the layouts that an endorser's answer asks for. That of the first
// counts, unless a peer of this organisation says otherwise.
func (c *collection) plan(a *answers, e Endorser, interest *peer.ChaincodeInterest) {
	home := c.s.cfg.MSPID
	switch {
	case c.named:
		a.layouts = c.layouts // the client knows better
	case len(a.by) == 1, e.MSPID == home && a.has(home) == 1:
		trusted := e.MSPID == home || !from(c.all, home)
		a.layouts = c.planFor(interest, trusted, func(name string) ([]map[string]int, error) { return c.s.layoutsOf(c.channel, name) })
	}
}

// failed tells a refusal by this organisation from endorsements that others
// did not give.
func (c *collection) failed() error {
	home := c.s.cfg.MSPID
	own := slices.DeleteFunc(slices.Clone(c.details), func(d *gw.ErrorDetail) bool { return d.MspId != home })
	endorsed := slices.ContainsFunc(c.answers, func(a *answers) bool { return a.has(home) > 0 })
	if !c.named && len(own) > 0 && !endorsed {
		return failure(codes.Aborted, "failed to endorse transaction, see attached details for more info", own)
	}
	details := slices.Concat(c.details, c.unasked())
	for _, a := range c.answers[min(1, len(c.answers)):] {
		for _, e := range a.by {
			details = append(details, detail(e, "ProposalResponsePayloads do not match"))
		}
	}
	return failure(codes.Aborted, "failed to collect enough transaction endorsements, see attached details for more info", details)
}

// endorsements are those of the layout, by organisation.
func (c *collection) endorsements() []*peer.Endorsement {
	var list []*peer.Endorsement
	for _, org := range sortedKeys(c.layout) {
		list = append(list, c.chosen.good[org]...)
	}
	return list
}

func sortedKeys(m map[string]int) []string { return slices.Sorted(maps.Keys(m)) }
