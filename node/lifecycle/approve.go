package lifecycle

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	lb "github.com/hyperledger/fabric-protos-go-apiv2/peer/lifecycle"
	"github.com/weft-network/weft/ledger/channel"
	"github.com/weft-network/weft/ledger/definition"
	"github.com/weft-network/weft/ledger/policy"
	"github.com/weft-network/weft/node/endorse"
	"google.golang.org/protobuf/proto"
)

// approve records what the caller, an administrator of this organisation,
// approves. It leaves the read-write set empty: the record is no channel state.
func (l *Lifecycle) approve(_ context.Context, c *call) (proto.Message, error) {
	args := &lb.ApproveChaincodeDefinitionForMyOrgArgs{}
	if err := c.arguments(args); err != nil {
		return nil, err
	}
	asked, err := checkTerms(args, c.Channel.Config(), func(d *definition.Definition) error {
		return sequenceToApprove(c, d)
	})
	if err != nil {
		return nil, err
	}
	a, err := readApproval(c.Proposal)
	if err != nil {
		return nil, err
	}
	if err := l.checkRedefinition(c, a, asked); err != nil {
		return nil, err
	}
	if err := l.cfg.Approvals.add(a); errors.Is(err, errOlder) {
		return nil, fmt.Errorf("approval of sequence %d for namespace %s was signed at %s: %w; check the clocks of the administrators' machines",
			asked.Sequence, asked.Name, a.At, err)
	} else if err != nil {
		return nil, err
	}
	l.cfg.Log.Info("chaincode approved", "channel", a.Channel, "chaincode", asked.Name, "version", asked.Version,
		"sequence", asked.Sequence, "package", a.PackageID)
	return &lb.ApproveChaincodeDefinitionForMyOrgResult{}, nil
}

// checkTerms checks what approve and commit share, in Fabric's order: words,
// collections, sequence, then policy; and fills in the defaults.
func checkTerms(t terms, cfg *channel.Config, sequence func(*definition.Definition) error) (*definition.Definition, error) {
	d, err := definitionOf(t)
	if err == nil {
		err = checkWords(d)
	}
	if err != nil {
		return nil, fmt.Errorf("error validating chaincode definition: %w", err)
	}
	if err := sequence(d); err != nil {
		return nil, err
	}
	if err := setDefaults(d, cfg); err != nil {
		return nil, err
	}
	if err := d.Validate(); err != nil {
		return nil, fmt.Errorf("error validating chaincode definition: %w", err)
	}
	if err := checkPolicy(d, cfg); err != nil {
		return nil, fmt.Errorf("error validating chaincode definition: %w", err)
	}
	return d, nil
}

// checkWords gives Fabric's texts; definition.Validate is stricter after it.
func checkWords(d *definition.Definition) error {
	if d.Name != definition.Namespace && definition.IsSystem(d.Name) {
		return fmt.Errorf("chaincode name '%s' is the name of a system chaincode", d.Name)
	}
	if definition.CheckName(d.Name) != nil {
		return fmt.Errorf("invalid chaincode name '%.200s'. Names can only consist of alphanumerics, '_', and '-' and can only begin with alphanumerics", d.Name)
	}
	ok := d.Version != ""
	for _, r := range d.Version {
		ok = ok && (r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_-+.", r))
	}
	if !ok {
		return fmt.Errorf("invalid chaincode version '%.200s'. Versions can only consist of alphanumerics, '_', '-', '+', and '.'", d.Version)
	}
	return nil
}

// sequenceToApprove allows the committed sequence and the one after it.
func sequenceToApprove(c *call, d *definition.Definition) error {
	current, err := definition.Sequence(endorse.Committed(c.Proposal), d.Name)
	switch {
	case err != nil:
		return fmt.Errorf("could not get current sequence: %w", err)
	case current == 0 && d.Sequence == 0:
		return errors.New("requested sequence is 0, but first definable sequence number is 1")
	case d.Sequence < current:
		return fmt.Errorf("currently defined sequence %d is larger than requested sequence %d", current, d.Sequence)
	case d.Sequence > current+1:
		return fmt.Errorf("requested sequence %d is larger than the next available sequence number %d", d.Sequence, current+1)
	}
	return nil
}

// setDefaults fills in plugins and policy; the default policy must be there.
func setDefaults(d *definition.Definition, cfg *channel.Config) error {
	if len(d.ValidationParameter) == 0 && !cfg.HasPolicy(definition.DefaultPolicyReference) {
		return fmt.Errorf("could not set defaults for chaincode definition in channel %s: policy '%s' must be defined for channel '%s' before chaincode operations can be attempted",
			cfg.ID, definition.DefaultPolicyReference, cfg.ID)
	}
	d.SetDefaults()
	return nil
}

// checkPolicy refuses a policy that no transaction could ever satisfy because
// the channel does not know it, or it does not compile.
func checkPolicy(d *definition.Definition, cfg *channel.Config) error {
	signature, reference, err := d.SignaturePolicy()
	if err != nil {
		return err
	}
	if signature != nil {
		if _, err := policy.FromSignature(cfg.MSPs, signature); err != nil {
			return fmt.Errorf("endorsement policy: %w", err)
		}
		return nil
	}
	if path := definition.PolicyPath(reference); !cfg.HasPolicy(path) {
		return fmt.Errorf("endorsement policy: channel '%s' has no policy '%s'", cfg.ID, path)
	}
	return nil
}

// checkRedefinition refuses an approval that would change nothing, and one that
// differs from what is committed already.
func (l *Lifecycle) checkRedefinition(c *call, a *Approval, asked *definition.Definition) error {
	committed, err := definition.Read(endorse.Committed(c.Proposal), asked.Name)
	if err != nil {
		return fmt.Errorf("could not fetch metadata for current definition: %w", err)
	}
	isCurrent := committed != nil && committed.Sequence == asked.Sequence
	if isCurrent {
		if err := differ(committed, asked); err != nil {
			return fmt.Errorf("attempted to redefine the current committed sequence (%d) for namespace %s with different parameters: %w", asked.Sequence, asked.Name, err)
		}
	}
	old := l.cfg.Approvals.Get(a.Channel, asked.Name, asked.Sequence)
	if old == nil || old.PackageID != a.PackageID || old.agrees(asked) != nil {
		return nil
	}
	if isCurrent {
		return fmt.Errorf("attempted to redefine the current committed sequence (%d) for namespace %s", asked.Sequence, asked.Name)
	}
	return fmt.Errorf("attempted to redefine uncommitted sequence (%d) for namespace %s with unchanged content", asked.Sequence, asked.Name)
}

// agrees is nil when d is what was approved.
func (a *Approval) agrees(d *definition.Definition) error { return differ(a.Definition, d) }

// differ names the first parameter in which got is not what was expected.
func differ(expected, got *definition.Definition) error {
	const text = "expected %s '%v' does not match passed %[1]s '%[3]v'"
	switch {
	case expected.Version != got.Version:
		return fmt.Errorf(text, "Version", expected.Version, got.Version)
	case expected.EndorsementPlugin != got.EndorsementPlugin:
		return fmt.Errorf(text, "EndorsementPlugin", expected.EndorsementPlugin, got.EndorsementPlugin)
	case expected.InitRequired != got.InitRequired:
		return fmt.Errorf(text, "InitRequired", expected.InitRequired, got.InitRequired)
	case expected.ValidationPlugin != got.ValidationPlugin:
		return fmt.Errorf(text, "ValidationPlugin", expected.ValidationPlugin, got.ValidationPlugin)
	case !bytes.Equal(expected.ValidationParameter, got.ValidationParameter):
		return fmt.Errorf("expected ValidationParameter '%x' does not match passed ValidationParameter '%x'", expected.ValidationParameter, got.ValidationParameter)
	case !bytes.Equal(expected.Collections, got.Collections):
		return errors.New("Collections do not match") //nolint:staticcheck // Fabric's text
	}
	return nil
}

func (l *Lifecycle) queryApproved(_ context.Context, c *call) (proto.Message, error) {
	args := &lb.QueryApprovedChaincodeDefinitionArgs{}
	if err := c.arguments(args); err != nil {
		return nil, err
	}
	sequence := args.Sequence
	if sequence == 0 { // the latest
		current, err := definition.Sequence(endorse.Committed(c.Proposal), args.Name)
		if err != nil {
			return nil, fmt.Errorf("could not get current sequence: %w", err)
		}
		sequence = current
		if l.cfg.Approvals.Get(c.ChannelID, args.Name, current+1) != nil {
			sequence = current + 1
		}
	}
	a := l.cfg.Approvals.Get(c.ChannelID, args.Name, sequence)
	if a == nil {
		return nil, fmt.Errorf("could not fetch approved chaincode definition (name: '%s', sequence: '%d') on channel '%s'", args.Name, sequence, c.ChannelID)
	}
	d := a.Definition
	return &lb.QueryApprovedChaincodeDefinitionResult{
		Sequence: d.Sequence, Version: d.Version, InitRequired: d.InitRequired,
		EndorsementPlugin: d.EndorsementPlugin, ValidationPlugin: d.ValidationPlugin,
		ValidationParameter: d.ValidationParameter,
		Collections:         noCollections(), Source: a.source(),
	}, nil
}

func (l *Lifecycle) listApproved(_ context.Context, c *call) (proto.Message, error) {
	result := &lb.QueryApprovedChaincodeDefinitionsResult{}
	for _, a := range l.cfg.Approvals.List(c.ChannelID) {
		d := a.Definition
		result.ApprovedChaincodeDefinitions = append(result.ApprovedChaincodeDefinitions,
			&lb.QueryApprovedChaincodeDefinitionsResult_ApprovedChaincodeDefinition{
				Name: d.Name, Sequence: d.Sequence, Version: d.Version, InitRequired: d.InitRequired,
				EndorsementPlugin: d.EndorsementPlugin, ValidationPlugin: d.ValidationPlugin,
				ValidationParameter: d.ValidationParameter,
				Collections:         noCollections(), Source: a.source(),
			})
	}
	return result, nil
}

func (a *Approval) source() *lb.ChaincodeSource {
	if a.PackageID == "" {
		return &lb.ChaincodeSource{Type: &lb.ChaincodeSource_Unavailable_{Unavailable: &lb.ChaincodeSource_Unavailable{}}}
	}
	return &lb.ChaincodeSource{Type: &lb.ChaincodeSource_LocalPackage{LocalPackage: &lb.ChaincodeSource_Local{PackageId: a.PackageID}}}
}
