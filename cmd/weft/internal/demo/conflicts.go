package demo

import (
	"context"

	"github.com/hyperledger/fabric-protos-go-apiv2/peer"

	"github.com/weft-network/weft/cmd/weft/internal/client"
)

// Conflicts are the transactions of Conflicts.
type Conflicts struct {
	// First and Second read and wrote the same key at the same version.
	First  *client.Result `json:"first"`
	Second *client.Result `json:"second"`
	// TooFew has the endorsement of one organisation where two are asked for.
	TooFew *client.Result `json:"tooFewEndorsements"`
	// After is the counter at the end: only First counted.
	After string `json:"counterAfter"`
}

// Conflicts shows transactions that the peers find invalid: they are on the
// ledger, with a code, and change nothing.
func (s *Scenario) Conflicts(ctx context.Context) (*Conflicts, error) {
	gw, err := s.session(ctx, "peer0.org1", channel1)
	if err != nil {
		return nil, err
	}
	defer gw.Close()
	c := &Conflicts{}
	if err := s.mvcc(ctx, gw, c); err != nil {
		return nil, err
	}
	return c, s.tooFew(ctx, gw, c)
}

// mvcc has two increments endorsed at the same version of the counter, then
// submits both.
func (s *Scenario) mvcc(ctx context.Context, gw *client.Session, c *Conflicts) error {
	const name = "visits"
	if _, err := s.submit(ctx, gw, increment(name)); err != nil {
		return err
	}
	// Peers that have committed different blocks endorse different versions.
	if err := s.settle(ctx, channel1); err != nil {
		return err
	}
	var pending []*client.Pending
	for range 2 {
		p, err := gw.Endorse(ctx, increment(name))
		if err != nil {
			return err
		}
		pending = append(pending, p)
	}
	var results []*client.Result
	for _, p := range pending {
		sub, err := p.Submit(ctx)
		if err != nil {
			return err
		}
		r, err := sub.Status(ctx)
		if err != nil {
			return err
		}
		results = append(results, r)
	}
	c.First, c.Second = results[0], results[1]
	s.out.say("Two increments of counter %q, endorsed on the same version of it, then both submitted:", name)
	for _, r := range results {
		s.printCode(r)
	}
	if err := claim(c.First.Valid() && c.Second.Code == peer.TxValidationCode_MVCC_READ_CONFLICT,
		"the first is VALID and the second MVCC_READ_CONFLICT; they are %s and %s", c.First.Code, c.Second.Code); err != nil {
		return err
	}
	v, err := gw.Evaluate(ctx, readCounter(name))
	if err != nil {
		return err
	}
	c.After = string(v.Payload)
	if err := claim(c.After == "2", "the counter is 2 after two valid increments and an invalid one; it is %s", c.After); err != nil {
		return err
	}
	s.out.ok("the second conflicts and changes nothing: the counter is %s", c.After)
	s.out.gap()
	return nil
}

// tooFew has one organisation endorse where the policy asks for two.
func (s *Scenario) tooFew(ctx context.Context, gw *client.Session, c *Conflicts) error {
	r := createAsset(s.newAsset())
	r.Orgs = []string{"Org1MSP"}
	var err error
	if c.TooFew, err = gw.Submit(ctx, r); err != nil {
		return err
	}
	s.out.say("A new asset, endorsed by Org1 alone where the policy is %s:", bothPolicy)
	s.printCode(c.TooFew)
	if err := claim(c.TooFew.Code == peer.TxValidationCode_ENDORSEMENT_POLICY_FAILURE,
		"the code is ENDORSEMENT_POLICY_FAILURE; it is %s", c.TooFew.Code); err != nil {
		return err
	}
	_, err = gw.Evaluate(ctx, readAsset(string(r.Args[0])))
	if err := claim(err != nil, "the asset was not made"); err != nil {
		return err
	}
	s.out.ok("too small an endorsement changes nothing: the asset does not exist")
	return nil
}

func (s *Scenario) printCode(r *client.Result) {
	s.out.line("%s in block %d: code %d %s: %s", short(r.TxID), r.Block, int32(r.Code), r.Code, client.Meaning(r.Code))
}
