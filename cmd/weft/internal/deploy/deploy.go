// Package deploy brings chaincode onto a network: it builds, packs, installs,
// approves and commits, each step alone or all of them in order.
//
// Every step says what it did and how long it took, and may be repeated: what
// is installed or approved already counts as done. Run returns only when every
// peer that it installed on can endorse and every gateway knows it.
package deploy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/weft-network/weft/cmd/weft/internal/access"
	"github.com/weft-network/weft/cmd/weft/internal/client"
	"github.com/weft-network/weft/cmd/weft/internal/devnet"
	"github.com/weft-network/weft/ledger/channel"
	"github.com/weft-network/weft/ledger/definition"
)

// Spec is what to deploy where.
type Spec struct {
	Channel, Name string
	// Path is a folder of Go source or a file of WebAssembly.
	Path string
	// Policy of endorsement, as client.ValidationParameter reads it.
	Policy string
	// Version defaults to the sequence with ".0".
	Version string
	// Sequence defaults to the one after the committed one.
	Sequence int64
	Init     bool
	// Label of the package; it defaults to the name and version.
	Label string
	// Without are peers that get no package.
	Without []*devnet.Node
}

// Step is something that was done.
type Step struct {
	Name   string        `json:"step"`
	Where  string        `json:"where,omitempty"`
	Detail string        `json:"detail,omitempty"`
	Took   time.Duration `json:"tookNs"`
	// Running is a step that is not done: Detail is what it is at, Took for how
	// long it has been at that.
	Running bool `json:"-"`
}

// done is a step that began at start.
func done(start time.Time, name, where, detail string) Step {
	return Step{Name: name, Where: where, Detail: detail, Took: time.Since(start)}
}

// Report is told of each step when it is done, and now and then of an install
// that is running. It is called by several goroutines, one at a time.
type Report func(Step)

// Result is what was deployed.
type Result struct {
	Definition *definition.Definition `json:"definition"`
	PackageID  string                 `json:"packageID"`
	Label      string                 `json:"label"`
	Wasm       []byte                 `json:"-"`
	Package    []byte                 `json:"-"`
	TxID       string                 `json:"transactionID"`
	Block      uint64                 `json:"block"`
	Steps      []Step                 `json:"steps"`
	Took       time.Duration          `json:"tookNs"`
}

// Run deploys a chaincode for all organisations of its channel.
func Run(ctx context.Context, a *access.Access, spec Spec, report Report) (*Result, error) {
	start := time.Now()
	r := &Result{}
	log := newLog(r, report)
	d, err := Define(ctx, a, &spec)
	if err != nil {
		return nil, err
	}
	r.Definition = d
	if r.Wasm, err = Compile(ctx, spec.Path, log.step); err != nil {
		return nil, err
	}
	r.Label = spec.Label
	if r.Package, r.PackageID, err = Pack(r.Label, r.Wasm, log.step); err != nil {
		return nil, err
	}
	if err := bring(ctx, a, spec, r, log.step); err != nil {
		return nil, err
	}
	r.Took = time.Since(start)
	return r, nil
}

// bring installs, approves and commits what is packed.
func bring(ctx context.Context, a *access.Access, spec Spec, r *Result, report Report) error {
	peers, err := a.ChannelPeers(spec.Channel)
	if err != nil {
		return err
	}
	with := without(peers, spec.Without)
	if _, err := Install(ctx, a, with, r.Package, report); err != nil {
		return err
	}
	orgs, err := a.Members(spec.Channel)
	if err != nil {
		return err
	}
	if err := each(orgs, func(o *devnet.Org) error {
		return Approve(ctx, a, o, spec.Channel, r.Definition, r.PackageID, report)
	}); err != nil {
		return err
	}
	res, err := Commit(ctx, a, orgs[0].Name, spec.Channel, r.Definition, report)
	if err != nil {
		return err
	}
	r.TxID, r.Block = res.TxID, res.Block
	return WaitReady(ctx, a, spec.Channel, r.Definition, with, report)
}

// Define works out the definition that is to be committed next, and fills in
// what the spec leaves out.
func Define(ctx context.Context, a *access.Access, spec *Spec) (*definition.Definition, error) {
	if err := definition.CheckName(spec.Name); err != nil {
		return nil, err
	}
	parameter, err := client.ValidationParameter(spec.Policy)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(knownOrgs(a, spec.Channel, parameter), knownPolicy(ctx, a, spec.Channel, spec.Policy)); err != nil {
		return nil, err
	}
	if spec.Sequence == 0 {
		if spec.Sequence, err = NextSequence(ctx, a, spec.Channel, spec.Name); err != nil {
			return nil, err
		}
	}
	if spec.Version == "" {
		spec.Version = fmt.Sprintf("%d.0", spec.Sequence)
	}
	if spec.Label == "" {
		spec.Label = spec.Name + "_" + spec.Version
	}
	d := &definition.Definition{Name: spec.Name, Version: spec.Version, Sequence: spec.Sequence, ValidationParameter: parameter, InitRequired: spec.Init}
	d.SetDefaults()
	return d, d.Validate()
}

// knownOrgs refuses a policy that asks for an organisation that is no member:
// no transaction could satisfy it.
func knownOrgs(a *access.Access, channel string, parameter []byte) error {
	members, err := a.Members(channel)
	if err != nil {
		return err
	}
	var ids []string
	for _, o := range members {
		ids = append(ids, o.MSPID)
	}
	for _, id := range client.PolicyOrgs(parameter) {
		if !slices.Contains(ids, id) {
			return fmt.Errorf("the policy asks for %s, which is no member of channel %s: its members are %s", id, channel, strings.Join(ids, ", "))
		}
	}
	return nil
}

// knownPolicy refuses a policy that refers to one of the channel's that it does
// not have, before packages are installed for nothing.
func knownPolicy(ctx context.Context, a *access.Access, id, path string) error {
	if !strings.HasPrefix(path, "/") {
		return nil
	}
	b, _, err := a.Net.ConfigBlock(ctx, id)
	if err != nil {
		return err
	}
	conf, err := channel.FromBlock(b)
	if err != nil {
		return err
	}
	if !conf.HasPolicy(definition.PolicyPath(path)) {
		return fmt.Errorf("channel %s has no policy %s: see \"weft channel inspect %[1]s\"", id, path)
	}
	return nil
}

// NextSequence is the sequence that the chaincode's next definition must have.
func NextSequence(ctx context.Context, a *access.Access, channel, name string) (int64, error) {
	orgs, err := a.Members(channel)
	if err != nil {
		return 0, err
	}
	s, err := a.Gateway(ctx, orgs[0].Name, access.Admin, channel)
	if err != nil {
		return 0, err
	}
	defer s.Close()
	d, err := client.Defined(ctx, s.Conn(), s.Identity(), channel, name)
	if err != nil {
		return 0, fmt.Errorf("ask %s for the definition of %s: %w", s.Peer.Name, name, err)
	}
	return d.GetSequence() + 1, nil
}

func without(all, some []*devnet.Node) []*devnet.Node {
	var left []*devnet.Node
	for _, n := range all {
		found := false
		for _, s := range some {
			found = found || s.Name == n.Name
		}
		if !found {
			left = append(left, n)
		}
	}
	return left
}
