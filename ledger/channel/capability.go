package channel

import (
	"fmt"
	"slices"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
)

// Names of capabilities that change what Weft does or refuses.
const (
	ChannelV3_0     = "V3_0"
	OrdererV2_0     = "V2_0"
	ApplicationV2_5 = "V2_5"
)

// capabilityRule says, for one group, which capabilities are understood and
// which of them is the least: Weft has the rules of Fabric 2.0 and later only,
// so an older name is welcome beside a newer one and not enough by itself.
type capabilityRule struct {
	path   string
	older  []string
	enough []string
}

func capabilityRules() []capabilityRule {
	return []capabilityRule{
		{rootPath, []string{"V1_1", "V1_3", "V1_4_2"}, []string{"V1_4_3", "V2_0", ChannelV3_0}},
		{ordererPath, []string{"V1_1", "V1_4_2"}, []string{OrdererV2_0}},
		{applicationPath, []string{"V1_1", "V1_2", "V1_3", "V1_4_2"}, []string{"V2_0", ApplicationV2_5}},
	}
}

// check refuses an unknown capability by its name and its group.
func (r capabilityRule) check(required []string) error {
	for _, name := range required {
		if !slices.Contains(r.older, name) && !slices.Contains(r.enough, name) {
			return fmt.Errorf("%s/Capabilities: the channel requires capability %q, which this software does not have; it has %v",
				r.path, clip(name), slices.Concat(r.older, r.enough))
		}
	}
	if !slices.ContainsFunc(required, func(name string) bool { return slices.Contains(r.enough, name) }) {
		return fmt.Errorf("%s/Capabilities: one of %v is required, the channel has %v", r.path, r.enough, required)
	}
	return nil
}

func (c *Config) readCapabilities() error {
	into := map[string]*[]string{
		rootPath:        &c.Capabilities.Channel,
		ordererPath:     &c.Capabilities.Orderer,
		applicationPath: &c.Capabilities.Application,
	}
	for _, rule := range capabilityRules() {
		msg := &common.Capabilities{}
		if err := c.groups[rule.path].value("Capabilities", msg); err != nil {
			return err
		}
		required := sortedKeys(msg.GetCapabilities())
		if err := rule.check(required); err != nil {
			return err
		}
		*into[rule.path] = required
	}
	return nil
}

// v3 tells whether the channel follows Fabric 3.0: endpoints per organisation
// only, and members with Ed25519 keys.
func (c *Config) v3() bool { return slices.Contains(c.Capabilities.Channel, ChannelV3_0) }
