package definition

import (
	"errors"
	"strings"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
)

// implicitPrefix begins the name of the collection that every organisation has
// in every chaincode without anybody defining it.
const implicitPrefix = "_implicit_org_"

// ImplicitCollection is the name of an organisation's own collection.
func ImplicitCollection(mspID string) string { return implicitPrefix + mspID }

// ImplicitCollectionOrg is the MSP id of the organisation whose own collection
// has that name, and whether it is such a name. It does not tell whether the
// channel has the organisation.
func ImplicitCollectionOrg(collection string) (mspID string, ok bool) {
	return strings.CutPrefix(collection, implicitPrefix)
}

// Collection is the definition of a collection of the chaincode, nil when there
// is none of that name; implicit ones are not looked for.
func (d *Definition) Collection(name string) (*peer.StaticCollectionConfig, error) {
	all, err := d.collections()
	if err != nil {
		return nil, corrupt(d.Name, "%v", err)
	}
	for _, c := range all.Config {
		if static := c.GetStaticCollectionConfig(); static != nil && static.Name == name {
			return static, nil
		}
	}
	return nil, nil
}

// PolicyOf returns the inline signature policy, or the channel policy reference,
// of an application policy. A reference is a full path such as
// /Channel/Application/Endorsement, or one below /Channel.
func PolicyOf(p *peer.ApplicationPolicy) (*common.SignaturePolicyEnvelope, string, error) {
	switch t := p.GetType().(type) {
	case *peer.ApplicationPolicy_SignaturePolicy:
		if t.SignaturePolicy != nil {
			return t.SignaturePolicy, "", nil
		}
	case *peer.ApplicationPolicy_ChannelConfigPolicyReference:
		return nil, t.ChannelConfigPolicyReference, nil
	}
	return nil, "", errors.New("it holds no policy")
}
