package ledgertest

import (
	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"github.com/weft-network/weft/ledger"
	"github.com/weft-network/weft/ledger/definition"
	"github.com/weft-network/weft/ledger/policy"
)

// Definition describes a committed chaincode.
type Definition struct {
	Name     string
	Version  string // "1"
	Sequence int64  // 1
	// Policy is a signature policy in words, or, starting with a slash, the path
	// of one of the channel's; its Endorsement policy.
	Policy string
	// Parameter stands for what Policy would be encoded to, if not nil.
	Parameter   []byte
	Collections []*peer.StaticCollectionConfig
}

// Writes are the writes to _lifecycle that commit the definition, sorted.
func (n *Network) Writes(d Definition) []ledger.Write {
	full := &definition.Definition{Name: d.Name, Version: d.Version, Sequence: d.Sequence}
	if full.Version == "" {
		full.Version = "1"
	}
	if full.Sequence == 0 {
		full.Sequence = 1
	}
	switch {
	case d.Parameter != nil:
		full.ValidationParameter = d.Parameter
	case d.Policy == "":
	case d.Policy[0] == '/':
		full.ValidationParameter = definition.ReferencePolicy(d.Policy)
	default:
		full.ValidationParameter = Encode(&peer.ApplicationPolicy{
			Type: &peer.ApplicationPolicy_SignaturePolicy{SignaturePolicy: n.Policy(d.Policy)},
		})
	}
	if len(d.Collections) > 0 {
		full.Collections = Encode(Package(d.Collections...))
	}
	full.SetDefaults()
	writes, err := full.Writes()
	if err != nil {
		n.tb.Fatal(err)
	}
	return writes
}

// Define is a transaction that commits definitions.
func (n *Network) Define(all ...Definition) []byte { return n.Tx(n.Defining(all...)) }

// Defining describes it.
func (n *Network) Defining(all ...Definition) Tx {
	set := NewRWSet()
	for _, d := range all {
		for _, w := range n.Writes(d) {
			set.NS(definition.Namespace).Write(w.Key, string(w.Value))
		}
	}
	return Tx{Chaincode: definition.Namespace, Version: "syscc", Set: set}
}

// Package joins collections.
func Package(collections ...*peer.StaticCollectionConfig) *peer.CollectionConfigPackage {
	p := &peer.CollectionConfigPackage{}
	for _, c := range collections {
		p.Config = append(p.Config, &peer.CollectionConfig{
			Payload: &peer.CollectionConfig_StaticCollectionConfig{StaticCollectionConfig: c},
		})
	}
	return p
}

// Collection describes one whose members are those of a signature policy. An
// endorsement policy of its own is written as in Definition; "" is none.
func (n *Network) Collection(name, members, endorsement string) *peer.StaticCollectionConfig {
	c := &peer.StaticCollectionConfig{
		Name: name,
		MemberOrgsPolicy: &peer.CollectionPolicyConfig{
			Payload: &peer.CollectionPolicyConfig_SignaturePolicy{SignaturePolicy: n.Policy(members)},
		},
	}
	switch {
	case endorsement == "":
	case endorsement[0] == '/':
		c.EndorsementPolicy = &peer.ApplicationPolicy{Type: &peer.ApplicationPolicy_ChannelConfigPolicyReference{ChannelConfigPolicyReference: endorsement}}
	default:
		c.EndorsementPolicy = &peer.ApplicationPolicy{Type: &peer.ApplicationPolicy_SignaturePolicy{SignaturePolicy: n.Policy(endorsement)}}
	}
	return c
}

// Policy is a signature policy from words such as "OR('Org1MSP.peer')".
func (n *Network) Policy(words string) *common.SignaturePolicyEnvelope {
	env, err := policy.Parse(words)
	if err != nil {
		n.tb.Fatal(err)
	}
	return env
}
