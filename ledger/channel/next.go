package channel

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/orderer"
	"google.golang.org/protobuf/proto"
)

// Next is the config after a config transaction, by the rules T of
// docs/config-updates.md, which are those of Fabric's committing peer: the
// sequence follows, the config update in it was made for this channel and these
// versions, every change is authorised by the policy that guards the changed
// element so far, the update makes exactly the config that the transaction
// holds, that config can be read, and no organisation changes its MSP id.
//
// Next is pure and never panics. It keeps env's config, which must not be
// changed afterwards. What the organisations that stay as they were had parsed
// and remembered is kept. An error means that whoever ordered the block broke
// the rules; it names the element.
func (c *Config) Next(env *common.ConfigEnvelope) (*Config, error) {
	next, err := c.next(env)
	if err != nil {
		return nil, fmt.Errorf("config %d of channel %s: %w", c.Sequence+1, c.ID, err)
	}
	return next, nil
}

func (c *Config) next(env *common.ConfigEnvelope) (*Config, error) {
	cfg := env.GetConfig()
	if cfg == nil {
		return nil, errors.New("the transaction holds no config")
	}
	if cfg.Sequence != c.Sequence+1 {
		return nil, fmt.Errorf("the transaction's config has sequence %d, the one in force %d", cfg.Sequence, c.Sequence)
	}
	made, err := c.change(env.GetLastUpdate())
	if err != nil {
		return nil, err
	}
	if !proto.Equal(made.root, cfg.ChannelGroup) {
		return nil, fmt.Errorf("%s: the transaction's config is not what its update makes of config %d",
			firstDifference(rootPath, made.root, cfg.ChannelGroup), c.Sequence)
	}
	return c.succeededBy(cfg)
}

// succeededBy reads the config that follows c, and makes the checks that need
// both.
func (c *Config) succeededBy(cfg *common.Config) (*Config, error) {
	next, err := read(c.ID, cfg, c)
	if err != nil {
		return nil, err
	}
	if err := sameMSPIDs(ordererPath, c.Orderers, next.Orderers); err != nil {
		return nil, err
	}
	if err := sameMSPIDs(applicationPath, c.Application, next.Application); err != nil {
		return nil, err
	}
	return next, nil
}

// sameMSPIDs refuses an organisation with another MSP id than before: it would
// not be the organisation that its name stands for.
func sameMSPIDs(path string, before, after map[string]*Org) error {
	ids := map[string]string{}
	for id, org := range before {
		ids[org.Name] = id
	}
	for _, id := range sortedKeys(after) {
		name := after[id].Name
		if was, ok := ids[name]; ok && was != id {
			return fmt.Errorf("%s/%s/MSP: the MSP id of an organisation cannot change, here from %s to %s", path, name, was, clip(id))
		}
	}
	return nil
}

// assembledBytes is left of an envelope's limit for what an orderer puts around
// a config: two headers with its certificate and its signature.
const assembledBytes = 64 << 10

// Update is what an orderer makes of a CONFIG_UPDATE: the content of the config
// transaction that carries it out, which Next accepts. It is stricter than Next
// by the rules O of docs/config-updates.md: nothing new may be lost, consensus
// stays out of maintenance, consenters change one at a time, and the result fits
// into an envelope.
//
// Whether the rest of the consenters can spare one is for the orderer to know,
// as is who may submit: the envelope's own signature is not looked at. The
// result holds env and shares nothing else. Update is pure and never panics.
func (c *Config) Update(env *common.Envelope) (*common.ConfigEnvelope, error) {
	made, err := c.update(env)
	if err != nil {
		return nil, fmt.Errorf("update config %d of channel %s: %w", c.Sequence, c.ID, err)
	}
	return made, nil
}

func (c *Config) update(env *common.Envelope) (*common.ConfigEnvelope, error) {
	made, err := c.change(env)
	if err != nil {
		return nil, err
	}
	if len(made.lost) > 0 {
		return nil, fmt.Errorf("%s: it is new, but group %s is not changed to hold it; list it in the write set's group, with the group's version plus one",
			made.lost[0], made.lost[0].parent())
	}
	cfg := &common.Config{Sequence: c.Sequence + 1, ChannelGroup: proto.CloneOf(made.root)}
	next, err := c.succeededBy(cfg)
	if err != nil {
		return nil, err
	}
	if err := c.checkConsensusChange(next); err != nil {
		return nil, err
	}
	result := &common.ConfigEnvelope{Config: cfg, LastUpdate: env}
	if n, most := proto.Size(result), MaxEnvelopeBytes-assembledBytes; n > most {
		return nil, fmt.Errorf("the new config and its update take %d bytes, at most %d are allowed", n, most)
	}
	return result, nil
}

// checkConsensusChange holds the step from c to next to what Raft can follow.
func (c *Config) checkConsensusChange(next *Config) error {
	path := ordererPath + "/ConsensusType"
	ct := &orderer.ConsensusType{}
	if err := next.groups[ordererPath].value("ConsensusType", ct); err != nil {
		return err
	}
	if ct.GetState() != orderer.ConsensusType_STATE_NORMAL {
		return fmt.Errorf("%s: the state %s is for moving to another type of consensus, and there is none", path, ct.GetState())
	}
	before, after := consenterCerts(c), consenterCerts(next)
	added, removed := missingFrom(before, after), missingFrom(after, before)
	if added > 1 || removed > 1 {
		return fmt.Errorf("%s: consenters change one at a time, this update adds %d and removes %d", path, added, removed)
	}
	return nil
}

// consenterCerts are the client TLS certificates, by which Fabric tells
// consenters apart.
func consenterCerts(c *Config) map[string]bool {
	all := map[string]bool{}
	for _, one := range c.Consenters {
		all[string(one.GetClientTlsCert())] = true
	}
	return all
}

// missingFrom counts what is in list and not in set.
func missingFrom(set, list map[string]bool) int {
	n := 0
	for key := range list {
		if !set[key] {
			n++
		}
	}
	return n
}

// firstDifference is the path of the first element that two trees do not share.
func firstDifference(path string, a, b *common.ConfigGroup) string {
	if a.GetVersion() != b.GetVersion() || a.GetModPolicy() != b.GetModPolicy() ||
		!bytes.Equal(a.ProtoReflect().GetUnknown(), b.ProtoReflect().GetUnknown()) {
		return path
	}
	if name, ok := differing(a.GetGroups(), b.GetGroups()); ok {
		x, y := a.GetGroups()[name], b.GetGroups()[name]
		if x == nil || y == nil {
			return path + "/" + name
		}
		return firstDifference(path+"/"+name, x, y)
	}
	if name, ok := differing(a.GetValues(), b.GetValues()); ok {
		return path + "/" + name
	}
	if name, ok := differing(a.GetPolicies(), b.GetPolicies()); ok {
		return path + "/" + name
	}
	return path
}

// differing is the first name that stands for different things, or for one only.
func differing[V proto.Message](a, b map[string]V) (string, bool) {
	names := slices.AppendSeq(sortedKeys(a), maps.Keys(b))
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		x, inA := a[name]
		y, inB := b[name]
		if inA != inB || !proto.Equal(x, y) {
			return clip(name), true
		}
	}
	return "", false
}
