package deploy

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/weft-network/weft/cmd/weft/internal/access"
	"github.com/weft-network/weft/cmd/weft/internal/client"
	"github.com/weft-network/weft/cmd/weft/internal/devnet"
	"github.com/weft-network/weft/ledger/definition"
)

const (
	// settleTimeout is how long peers may take to pass on an approval, commit a
	// block and tell each other: parts of a second when they are connected and the
	// machine is idle.
	settleTimeout = 2 * time.Minute
	// pollInterval of what can only be asked, not waited for.
	pollInterval = 20 * time.Millisecond
)

// log collects the steps and passes them on, one at a time.
type log struct {
	mu     sync.Mutex
	result *Result
	report Report
}

func newLog(r *Result, report Report) *log { return &log{result: r, report: report} }

func (l *log) step(s Step) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !s.Running {
		l.result.Steps = append(l.result.Steps, s)
	}
	if l.report != nil {
		l.report(s)
	}
}

// each does the same for all, at the same time, and returns all errors.
func each[T any](all []T, do func(T) error) error {
	errs := make([]error, len(all))
	var g errgroup.Group
	for i, x := range all {
		g.Go(func() error {
			errs[i] = do(x)
			return nil
		})
	}
	_ = g.Wait() // the errors are in errs
	return errors.Join(errs...)
}

// short cuts the hash of a package id to what people compare.
func short(packageID string) string {
	label, hash, ok := strings.Cut(packageID, ":")
	if !ok || len(hash) <= 12 {
		return packageID
	}
	return label + ":" + hash[:12] + "…"
}

// Approve has an organisation's administrator approve a definition at one of
// its peers, and waits until all peers of the organisation that answer have the
// record.
func Approve(ctx context.Context, a *access.Access, org *devnet.Org, channel string, d *definition.Definition, packageID string, report Report) error {
	start := time.Now()
	admin, err := a.Identity(org.Name, access.Admin)
	if err != nil {
		return err
	}
	at, detail, err := approve(ctx, a, org, admin, channel, d, packageID)
	if err != nil {
		return fmt.Errorf("approve as %s: %w", org.Name, err)
	}
	for _, p := range a.Net.Peers(org.Name) {
		if p == at {
			continue
		}
		if err := hasApproval(ctx, a, p, admin, channel, d); err != nil {
			return err
		}
	}
	report(done(start, "approve", org.Name, detail))
	return nil
}

// approve asks the first peer that answers.
func approve(ctx context.Context, a *access.Access, org *devnet.Org, admin *client.Identity, channel string, d *definition.Definition, packageID string) (*devnet.Node, string, error) {
	var errs []error
	for _, p := range a.Net.Peers(org.Name) {
		conn, err := a.Conn(ctx, p)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		err = client.Approve(ctx, conn, admin, channel, d, packageID)
		var refused *client.RefusedError
		switch {
		case errors.As(err, &refused) && strings.Contains(refused.Message, "with unchanged content"):
			return p, "was approved before", nil
		case err != nil:
			return nil, "", fmt.Errorf("at %s: %w", p.Name, err)
		}
		return p, fmt.Sprintf("%s, sequence %d, %s, at %s", d.Version, d.Sequence, client.PolicyText(d.ValidationParameter), p.Name), nil
	}
	return nil, "", errors.Join(errs...)
}

// hasApproval waits until a peer has its organisation's record. A peer that
// does not answer gets it when it is back.
func hasApproval(ctx context.Context, a *access.Access, p *devnet.Node, admin *client.Identity, channel string, d *definition.Definition) error {
	conn, err := a.Conn(ctx, p)
	if errors.Is(err, client.ErrUnreachable) {
		return nil
	}
	if err != nil {
		return err
	}
	return until(ctx, fmt.Sprintf("%s has the approval of chaincode %s", p.Name, d.Name), func() (bool, error) {
		r, err := client.Approved(ctx, conn, admin, channel, d.Name, d.Sequence)
		return r != nil && r.Version == d.Version, err
	})
}

// Commit commits a definition as an administrator of an organisation, endorsed
// by as many organisations as the channel's LifecycleEndorsement asks for.
func Commit(ctx context.Context, a *access.Access, org, channel string, d *definition.Definition, report Report) (*client.Result, error) {
	start := time.Now()
	s, err := a.Gateway(ctx, org, access.Admin, channel)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	c, err := client.CommitCall(channel, d)
	if err != nil {
		return nil, err
	}
	r, err := s.SubmitCall(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("commit chaincode %s on %s: %w", d.Name, channel, err)
	}
	if !r.Valid() {
		return nil, fmt.Errorf("commit chaincode %s on %s: transaction %s is %s in block %d: %s", d.Name, channel, r.TxID, r.Code, r.Block, client.Meaning(r.Code))
	}
	report(done(start, "commit", channel, fmt.Sprintf("transaction %.12s… is VALID in block %d", r.TxID, r.Block)))
	return r, nil
}

// WaitReady waits until the peers can endorse the chaincode and all peers of
// the channel that answer know that of each other.
func WaitReady(ctx context.Context, a *access.Access, channel string, d *definition.Definition, installed []*devnet.Node, report Report) error {
	start := time.Now()
	all, err := a.ChannelPeers(channel)
	if err != nil {
		return err
	}
	endorsers := map[string]bool{}
	for _, p := range installed {
		endorsers[p.Endpoint] = true
	}
	if err := each(all, func(p *devnet.Node) error {
		return until(ctx, fmt.Sprintf("%s knows who can endorse chaincode %s", p.Name, d.Name), func() (bool, error) {
			return knows(ctx, p, channel, d, endorsers), nil
		})
	}); err != nil {
		return err
	}
	report(done(start, "ready", channel, fmt.Sprintf("%d peers can endorse, all %d know", len(installed), len(all))))
	return nil
}

// knows reports whether a peer has the definition and sees all endorsers. A peer
// that does not answer is not waited for.
func knows(ctx context.Context, p *devnet.Node, channel string, d *definition.Definition, endorsers map[string]bool) bool {
	st, err := p.Status(ctx)
	if err != nil {
		pid, err := p.PID()
		return err == nil && pid == 0
	}
	for _, c := range st.Channels {
		if c.ID != channel {
			continue
		}
		seen := 0
		if endorsers[p.Endpoint] && c.Chaincodes[d.Name] == d.Version {
			seen++
		}
		for _, m := range c.Peers {
			if endorsers[m.Endpoint] && m.Chaincodes[d.Name] == d.Version {
				seen++
			}
		}
		return seen >= len(endorsers)
	}
	return false
}

// until asks again and again until the answer is yes.
func until(ctx context.Context, what string, ask func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, settleTimeout)
	defer cancel()
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		done, err := ask()
		if done || err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("waited in vain until %s: %w", what, context.Cause(ctx))
		}
	}
}
