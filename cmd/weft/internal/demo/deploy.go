package demo

import (
	"context"
	"errors"
	"strings"

	"github.com/weft-network/weft/cmd/weft/internal/access"
	"github.com/weft-network/weft/cmd/weft/internal/client"
	"github.com/weft-network/weft/cmd/weft/internal/deploy"
	"github.com/weft-network/weft/cmd/weft/internal/devnet"
)

// Deployed is what Deploy did.
type Deployed struct {
	Asset   *deploy.Result `json:"asset"`
	Counter *deploy.Result `json:"counter"`
	// Committed is a transaction that the peer without the package committed,
	// and Refusal what it said when it was asked to endorse.
	Committed *client.Result `json:"committedWithoutPackage"`
	Refusal   string         `json:"refusalWithoutPackage"`
}

// Deploy brings two chaincodes onto channel1. One peer gets asset's package
// last: until then it commits and does not endorse.
func (s *Scenario) Deploy(ctx context.Context) (*Deployed, error) {
	late, err := s.node("peer1.org1")
	if err != nil {
		return nil, err
	}
	d := &Deployed{}
	if d.Asset, err = s.deploy(ctx, deploy.Spec{Channel: channel1, Name: asset, Path: s.cfg.Asset, Policy: bothPolicy, Without: []*devnet.Node{late}}); err != nil {
		return nil, err
	}
	if err := s.withoutPackage(ctx, late, d); err != nil {
		return nil, err
	}
	if d.Counter, err = s.deploy(ctx, deploy.Spec{Channel: channel1, Name: counter, Path: s.cfg.Counter}); err != nil {
		return nil, err
	}
	return d, nil
}

func (s *Scenario) deploy(ctx context.Context, spec deploy.Spec) (*deploy.Result, error) {
	s.out.say("deploy %s on %s:", spec.Name, spec.Channel)
	r, err := deploy.Run(ctx, s.access, spec, s.step)
	if err != nil {
		return nil, err
	}
	s.out.ok("%s %s is committed on %s with policy %s, in %s", spec.Name, r.Definition.Version, spec.Channel,
		client.PolicyText(r.Definition.ValidationParameter), ms(r.Took))
	return r, nil
}

// step prints one step of a deployment when it is done.
func (s *Scenario) step(st deploy.Step) {
	if st.Running {
		return
	}
	s.out.line("%8s  %-8s %-26s %s", ms(st.Took), st.Name, st.Where, st.Detail)
}

// withoutPackage shows the peer that lacks the package, then installs it there.
func (s *Scenario) withoutPackage(ctx context.Context, late *devnet.Node, d *Deployed) error {
	ask, err := s.refusesWithout(ctx, late, d)
	if err != nil {
		return err
	}
	if _, err := deploy.Install(ctx, s.access, []*devnet.Node{late}, d.Asset.Package, s.step); err != nil {
		return err
	}
	if _, err := ask(); err != nil {
		return claim(false, "%s endorses once it has the package: %s", late.Name, err)
	}
	s.out.ok("with the package it endorses")
	all, err := s.access.ChannelPeers(channel1)
	if err != nil {
		return err
	}
	return deploy.WaitReady(ctx, s.access, channel1, d.Asset.Definition, all, s.step)
}

// refusesWithout shows that the peer commits and does not endorse. It returns
// how the peer was asked.
func (s *Scenario) refusesWithout(ctx context.Context, late *devnet.Node, d *Deployed) (func() ([]byte, error), error) {
	gw, err := s.session(ctx, "peer0.org1", channel1)
	if err != nil {
		return nil, err
	}
	defer gw.Close()
	id := s.newAsset()
	if d.Committed, err = s.submit(ctx, gw, createAsset(id)); err != nil {
		return nil, err
	}
	conn, err := s.access.Conn(ctx, late)
	if err != nil {
		return nil, err
	}
	user, err := s.access.Identity(late.Org, access.User1)
	if err != nil {
		return nil, err
	}
	if err := until(ctx, late.Name+" has committed the transaction", func() (bool, error) {
		tx, err := client.Transaction(ctx, conn, user, channel1, d.Committed.TxID)
		return err == nil && tx.ValidationCode == 0, err
	}); err != nil {
		return nil, err
	}
	ask := func() ([]byte, error) { return client.Ask(ctx, conn, user, callOf(channel1, readAsset(id))) }
	_, err = ask()
	var refused *client.RefusedError
	if !errors.As(err, &refused) || !strings.Contains(refused.Message, "chaincode is not installed") {
		return nil, errors.Join(claim(false, "%s refuses to endorse and says that the chaincode is not installed", late.Name), err)
	}
	d.Refusal = refused.Message
	s.out.ok("%s has no package: it committed block %d as all others, and asked to endorse it answers", late.Name, d.Committed.Block)
	s.out.line("%d: %s", refused.Status, refused.Message)
	return ask, nil
}

// submit is a transaction that must be valid.
func (s *Scenario) submit(ctx context.Context, gw *client.Session, r client.Request) (*client.Result, error) {
	res, err := gw.Submit(ctx, r)
	if err != nil {
		return nil, err
	}
	return res, claim(res.Valid(), "transaction %s is valid; it is %s", res.TxID, res.Code)
}
