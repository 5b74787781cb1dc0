package endorse

import (
	"fmt"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"google.golang.org/protobuf/proto"

	"github.com/weft-network/weft/ledger/definition"
	"github.com/weft-network/weft/ledger/sim"
)

// interest tells a gateway whose policies the transaction has to satisfy: those
// of the chaincode itself and of every one that it called, unless that touched
// nothing; and those of written keys that have their own. Where every written
// key of a chaincode has, the chaincode's own policy is to be disregarded.
// System chaincodes' are not asked for this way.
func (e *Endorser) interest(p *Proposal, demands []sim.Demand) (*peer.ChaincodeInterest, error) {
	own := &peer.ChaincodeCall{Name: p.Chaincode}
	interest := &peer.ChaincodeInterest{}
	if !e.isSystem(p.Chaincode) {
		interest.Chaincodes = append(interest.Chaincodes, own)
	}
	for _, d := range demands {
		if e.isSystem(d.Namespace) {
			continue
		}
		call := own
		if d.Namespace != p.Chaincode {
			call = &peer.ChaincodeCall{Name: d.Namespace}
			interest.Chaincodes = append(interest.Chaincodes, call)
		}
		var err error
		if call.KeyPolicies, err = keyPolicies(d); err != nil {
			return nil, err
		}
		call.DisregardNamespacePolicy = !d.Chaincode
	}
	return interest, nil
}

func (e *Endorser) isSystem(name string) bool {
	_, system := e.cfg.System[name]
	return system || name == definition.Namespace
}

// keyPolicies parses the policies of keys. One that is none is an error: nobody
// can endorse a write of its key.
func keyPolicies(d sim.Demand) ([]*common.SignaturePolicyEnvelope, error) {
	var list []*common.SignaturePolicyEnvelope
	for _, raw := range d.Policies {
		env := &common.SignaturePolicyEnvelope{}
		if err := proto.Unmarshal(raw, env); err != nil {
			return nil, fmt.Errorf("a key of %s has an endorsement policy that is no signature policy, so nobody can endorse its change: %w", d.Namespace, err)
		}
		list = append(list, env)
	}
	return list, nil
}
