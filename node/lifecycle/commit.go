package lifecycle

import (
	"context"
	"fmt"
	"slices"

	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	lb "github.com/hyperledger/fabric-protos-go-apiv2/peer/lifecycle"
	"github.com/weft-network/weft/ledger/definition"
	"github.com/weft-network/weft/node/endorse"
	"google.golang.org/protobuf/proto"
)

// commit writes the definition into the simulation, if this organisation
// approved the same one. Reads and writes are a function of the arguments and
// the committed state, so that the endorsements of all peers agree.
func (l *Lifecycle) commit(_ context.Context, c *call) (proto.Message, error) {
	args := &lb.CommitChaincodeDefinitionArgs{}
	if err := c.arguments(args); err != nil {
		return nil, err
	}
	recorded := func(namespace, key string) ([]byte, error) { return c.sim.Get(namespace, key) }
	d, err := checkTerms(args, c.Channel.Config(), nextSequence(recorded))
	if err != nil {
		return nil, err
	}
	if !slices.Contains(organisations(c.Proposal), l.cfg.MSPID) {
		return nil, fmt.Errorf("impossibly, this peer's org is processing requests for a channel it is not a member of")
	}
	if a := l.cfg.Approvals.Get(c.ChannelID, d.Name, d.Sequence); a == nil || a.agrees(d) != nil {
		return nil, fmt.Errorf("chaincode definition not agreed to by this org (%s)", l.cfg.MSPID)
	}
	writes, err := d.WritesOver(recorded)
	if err != nil {
		return nil, fmt.Errorf("could not serialize chaincode definition: %w", err)
	}
	for _, w := range writes {
		if err := c.sim.Put(definition.Namespace, w.Key, w.Value); err != nil {
			return nil, fmt.Errorf("could not serialize chaincode definition: %w", err)
		}
	}
	l.cfg.Log.Info("chaincode commit endorsed", "channel", c.ChannelID, "chaincode", d.Name, "version", d.Version, "sequence", d.Sequence)
	return &lb.CommitChaincodeDefinitionResult{}, nil
}

// nextSequence allows exactly the sequence after the committed one.
func nextSequence(get definition.Getter) func(*definition.Definition) error {
	return func(d *definition.Definition) error {
		current, err := definition.Sequence(get, d.Name)
		if err != nil {
			return fmt.Errorf("could not get current sequence: %w", err)
		}
		if d.Sequence != current+1 {
			return fmt.Errorf("requested sequence is %d, but new definition must be sequence %d", d.Sequence, current+1)
		}
		return nil
	}
}

// readiness tells whether this organisation approved the definition, and in
// what it differs if not. Other organisations are absent from the answer: their
// approvals are on their own peers, so that a client asks a peer of each.
func (l *Lifecycle) readiness(_ context.Context, c *call) (proto.Message, error) {
	args := &lb.CheckCommitReadinessArgs{}
	if err := c.arguments(args); err != nil {
		return nil, err
	}
	d, err := checkTerms(args, c.Channel.Config(), nextSequence(endorse.Committed(c.Proposal)))
	if err != nil {
		return nil, err
	}
	items := mismatches(l.cfg.Approvals.Get(c.ChannelID, d.Name, d.Sequence), d)
	result := &lb.CheckCommitReadinessResult{Approvals: map[string]bool{l.cfg.MSPID: len(items) == 0}}
	if len(items) > 0 {
		result.Mismatches = map[string]*lb.CheckCommitReadinessResult_Mismatches{l.cfg.MSPID: {Items: items}}
	}
	return result, nil
}

// mismatches names the parts of a definition that were not approved, as Fabric
// names them.
func mismatches(a *Approval, d *definition.Definition) []string {
	if a == nil {
		return []string{"ChaincodeParameters"}
	}
	var items []string
	have := a.Definition
	if have.Version != d.Version || have.EndorsementPlugin != d.EndorsementPlugin || have.InitRequired != d.InitRequired {
		items = append(items, "EndorsementInfo")
	}
	if have.ValidationPlugin != d.ValidationPlugin || string(have.ValidationParameter) != string(d.ValidationParameter) {
		items = append(items, "ValidationInfo")
	}
	if string(have.Collections) != string(d.Collections) {
		items = append(items, "Collections")
	}
	return items
}

func (l *Lifecycle) queryDefined(_ context.Context, c *call) (proto.Message, error) {
	args := &lb.QueryChaincodeDefinitionArgs{}
	if err := c.arguments(args); err != nil {
		return nil, err
	}
	d, err := definition.Read(endorse.Committed(c.Proposal), args.Name)
	if err != nil {
		return nil, fmt.Errorf("could not fetch metadata for namespace %s: %w", args.Name, err)
	}
	if d == nil {
		return nil, &notDefined{args.Name}
	}
	collections, err := collectionsOf(d)
	if err != nil {
		return nil, err
	}
	a := l.cfg.Approvals.Get(c.ChannelID, d.Name, d.Sequence)
	return &lb.QueryChaincodeDefinitionResult{
		Sequence: d.Sequence, Version: d.Version, InitRequired: d.InitRequired,
		EndorsementPlugin: d.EndorsementPlugin, ValidationPlugin: d.ValidationPlugin,
		ValidationParameter: d.ValidationParameter, Collections: collections,
		Approvals: map[string]bool{l.cfg.MSPID: a != nil && a.agrees(d) == nil},
	}, nil
}

func (l *Lifecycle) listDefined(_ context.Context, c *call) (proto.Message, error) {
	definitions, err := committedIn(c.State)
	if err != nil {
		return nil, err
	}
	result := &lb.QueryChaincodeDefinitionsResult{}
	for _, d := range definitions {
		collections, err := collectionsOf(d)
		if err != nil {
			return nil, err
		}
		result.ChaincodeDefinitions = append(result.ChaincodeDefinitions, &lb.QueryChaincodeDefinitionsResult_ChaincodeDefinition{
			Name: d.Name, Sequence: d.Sequence, Version: d.Version, InitRequired: d.InitRequired,
			EndorsementPlugin: d.EndorsementPlugin, ValidationPlugin: d.ValidationPlugin,
			ValidationParameter: d.ValidationParameter, Collections: collections,
		})
	}
	return result, nil
}

func noCollections() *peer.CollectionConfigPackage { return &peer.CollectionConfigPackage{} }

func collectionsOf(d *definition.Definition) (*peer.CollectionConfigPackage, error) {
	p := noCollections()
	if err := proto.Unmarshal(d.Collections, p); err != nil {
		return nil, fmt.Errorf("collections of chaincode %s: %w", d.Name, err)
	}
	return p, nil
}
