package channel

import (
	"fmt"
	"strings"

	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
)

// Policies that Fabric's default access rules name.
const (
	applicationReaders = applicationPath + "/Readers"
	applicationWriters = applicationPath + "/Writers"
)

// readACLs reads the channel's overrides. A name without a leading slash stands
// for a policy of the application group; an empty one leaves the default.
func (c *Config) readACLs() error {
	msg := &peer.ACLs{}
	g := c.groups[applicationPath]
	if err := g.value("ACLs", msg); err != nil {
		return err
	}
	if n := len(msg.GetAcls()); n > MaxElements {
		return fmt.Errorf("%s/ACLs: %d entries, at most %d are allowed", g.path, n, MaxElements)
	}
	c.acls = map[string]string{}
	for resource, api := range msg.GetAcls() {
		ref := api.GetPolicyRef()
		if ref == "" {
			continue
		}
		if !strings.HasPrefix(ref, "/") {
			ref = applicationPath + "/" + ref
		}
		c.acls[resource] = ref
	}
	return nil
}

// ACL returns the policy path that guards a resource such as "peer/Propose":
// the channel's override or Fabric's default. A resource that neither knows has
// the path "", a policy that nobody satisfies. Resources that Fabric guards by
// the node's own organisation (installing, approving, joining) are none of the
// channel's, and so unknown here unless the channel names them.
func (c *Config) ACL(resource string) string {
	if path, ok := c.acls[resource]; ok {
		return path
	}
	return DefaultACL(resource)
}

// DefaultACL is Fabric's rule for a resource when the channel sets none, or "".
func DefaultACL(resource string) string {
	switch resource {
	case "_lifecycle/CommitChaincodeDefinition",
		"_lifecycle/QueryChaincodeDefinition",
		"_lifecycle/QueryChaincodeDefinitions",
		"_lifecycle/CheckCommitReadiness",
		"peer/Propose",
		"peer/ChaincodeToChaincode":
		return applicationWriters
	case "lscc/ChaincodeExists",
		"lscc/GetDeploymentSpec",
		"lscc/GetChaincodeData",
		"lscc/GetInstantiatedChaincodes",
		"lscc/GetCollectionsConfig",
		"qscc/GetChainInfo",
		"qscc/GetBlockByNumber",
		"qscc/GetBlockByHash",
		"qscc/GetTransactionByID",
		"qscc/GetBlockByTxID",
		"cscc/GetConfigBlock",
		"cscc/GetChannelConfig",
		"event/Block",
		"event/FilteredBlock",
		"gateway/CommitStatus",
		"gateway/ChaincodeEvents":
		return applicationReaders
	}
	return ""
}
