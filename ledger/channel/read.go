package channel

import (
	"errors"
	"fmt"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"google.golang.org/protobuf/proto"
)

// FromBlock reads a config block (genesis included) and refuses, by name, a
// required capability that this software does not have.
func FromBlock(b *common.Block) (*Config, error) {
	if n := len(b.GetData().GetData()); n != 1 {
		return nil, fmt.Errorf("read config block %d: a config block holds one envelope, this one holds %d", b.GetHeader().GetNumber(), n)
	}
	raw := b.Data.Data[0]
	if len(raw) > MaxEnvelopeBytes {
		return nil, fmt.Errorf("read config block %d: the envelope has %d bytes, at most %d are allowed", b.GetHeader().GetNumber(), len(raw), MaxEnvelopeBytes)
	}
	env := &common.Envelope{}
	if err := proto.Unmarshal(raw, env); err != nil {
		return nil, fmt.Errorf("read config block %d: parse the envelope: %w", b.GetHeader().GetNumber(), err)
	}
	c, err := FromEnvelope(env)
	if err != nil {
		return nil, fmt.Errorf("read config block %d: %w", b.GetHeader().GetNumber(), err)
	}
	return c, nil
}

// FromEnvelope reads the CONFIG envelope of a config block.
func FromEnvelope(env *common.Envelope) (*Config, error) {
	id, cfg, err := open(env)
	if err != nil {
		return nil, err
	}
	c, err := FromConfig(id, cfg)
	if err != nil {
		return nil, fmt.Errorf("config of channel %s: %w", id, err)
	}
	return c, nil
}

// open takes the channel id and the config out of a CONFIG envelope.
func open(env *common.Envelope) (string, *common.Config, error) {
	if n := len(env.GetPayload()); n > MaxEnvelopeBytes {
		return "", nil, fmt.Errorf("config envelope has %d bytes, at most %d are allowed", n, MaxEnvelopeBytes)
	}
	payload, header, cenv := &common.Payload{}, &common.ChannelHeader{}, &common.ConfigEnvelope{}
	if err := proto.Unmarshal(env.GetPayload(), payload); err != nil {
		return "", nil, fmt.Errorf("parse the payload of a config envelope: %w", err)
	}
	if err := proto.Unmarshal(payload.GetHeader().GetChannelHeader(), header); err != nil {
		return "", nil, fmt.Errorf("parse the channel header of a config envelope: %w", err)
	}
	if t := common.HeaderType(header.GetType()); t != common.HeaderType_CONFIG {
		return "", nil, fmt.Errorf("the envelope is of type %s, not CONFIG", t)
	}
	if err := proto.Unmarshal(payload.GetData(), cenv); err != nil {
		return "", nil, fmt.Errorf("parse the config of channel %q: %w", clip(header.GetChannelId()), err)
	}
	return header.GetChannelId(), cenv.GetConfig(), nil
}

// FromConfig reads a config that belongs to the channel with that id. The
// config must not be changed afterwards.
func FromConfig(id string, cfg *common.Config) (*Config, error) { return read(id, cfg, nil) }

// read is FromConfig for a config that follows another one, nil for none, whose
// MSPs it takes over where they are the same.
func read(id string, cfg *common.Config, before *Config) (*Config, error) {
	if err := CheckID(id); err != nil {
		return nil, err
	}
	if cfg == nil {
		return nil, errors.New("there is no config in it")
	}
	groups, err := index(cfg.GetChannelGroup())
	if err != nil {
		return nil, err
	}
	c := &Config{ID: id, Sequence: cfg.GetSequence(), Proto: cfg, groups: groups}
	steps := []func() error{
		c.checkGroups,
		c.readCapabilities, // first of all values: it says whether the rest can be understood
		c.readChannel,
		c.readOrderer,
		c.readConsensus,
		func() error { return c.readOrgs(before) },
		c.readEndpointRules,
		c.readACLs,
		c.readPolicies,
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// checkGroups holds the tree to the shape of an application channel.
func (c *Config) checkGroups() error {
	for _, g := range c.groups[rootPath].children() {
		switch g.path {
		case ordererPath, applicationPath:
		case rootPath + "/Consortiums":
			return fmt.Errorf("%s: system channels are not supported, only application channels", g.path)
		default:
			return fmt.Errorf("%s: unknown group, a channel has Orderer and Application", g.path)
		}
	}
	for _, path := range []string{ordererPath, applicationPath} {
		g, ok := c.groups[path]
		if !ok {
			return fmt.Errorf("%s: the group is missing", path)
		}
		if err := checkOrgGroups(g); err != nil {
			return err
		}
	}
	return nil
}

func checkOrgGroups(g *group) error {
	if n := len(g.Groups); n == 0 || n > MaxOrgs {
		return fmt.Errorf("%s: the group must hold 1 to %d organisations, it holds %d", g.path, MaxOrgs, n)
	}
	for _, org := range g.children() {
		if len(org.Groups) > 0 {
			return fmt.Errorf("%s: an organisation has no sub-groups", org.path)
		}
	}
	return nil
}
