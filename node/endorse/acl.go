package endorse

import (
	"fmt"

	"github.com/hyperledger/fabric-protos-go-apiv2/msp"
	"github.com/weft-network/weft/ledger/channel"
	"github.com/weft-network/weft/ledger/ident"
	"google.golang.org/protobuf/proto"
)

// ResourcePropose guards calls of ordinary chaincode.
const ResourcePropose = "peer/Propose"

// Authorize asks the channel's policy for the resource about the proposal's
// creator. The channel need not be the proposal's own: a channel-less query of
// qscc names its channel in an argument. p has passed Verify.
func Authorize(p *Proposal, cfg *channel.Config, resource string) error {
	path := cfg.ACL(resource)
	if path == "" {
		return fmt.Errorf("Unmapped policy for %s", resource) //nolint:staticcheck // Fabric's text
	}
	// The key is the same, so the signature that Verify checked holds; whether
	// the identity is valid is for this channel's organisations to say.
	id, err := p.Creator, error(nil)
	if cfg.MSPs != p.verified {
		id, err = cfg.MSPs.Identity(p.CreatorBytes)
	}
	if err == nil {
		err = cfg.Policy(path).Evaluate([]*ident.Identity{id})
	}
	if err != nil {
		return fmt.Errorf("failed evaluating policy on signed data during check policy [%s]: [%w]", path, err)
	}
	return nil
}

// AuthorizeAdmin passes administrators of the peer's own organisation, and
// AuthorizeMember all its members. local holds that organisation only.
func AuthorizeAdmin(p *Proposal, local *ident.Set) error {
	return authorizeLocal(p, local, "Admins", msp.MSPRole_ADMIN)
}

// AuthorizeMember passes members of the peer's own organisation.
func AuthorizeMember(p *Proposal, local *ident.Set) error {
	return authorizeLocal(p, local, "Members", msp.MSPRole_MEMBER)
}

func authorizeLocal(p *Proposal, local *ident.Set, policy string, role msp.MSPRole_MSPRoleType) error {
	id, err := local.Identity(p.CreatorBytes)
	if err != nil {
		return fmt.Errorf("Failed deserializing proposal creator during channelless check policy with policy [%s]: [%w]", policy, err) //nolint:staticcheck // Fabric's text
	}
	raw, err := proto.Marshal(&msp.MSPRole{MspIdentifier: id.MSPID, Role: role})
	if err == nil {
		err = local.Satisfies(id, &msp.MSPPrincipal{PrincipalClassification: msp.MSPPrincipal_ROLE, Principal: raw})
	}
	if err != nil {
		return fmt.Errorf("Failed verifying that proposal's creator satisfies local MSP principal during channelless check policy with policy [%s]: [%w]", policy, err) //nolint:staticcheck // Fabric's text
	}
	return nil
}
