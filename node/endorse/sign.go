package endorse

import (
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
)

// responsePayload is the ProposalResponsePayload: what endorsers sign, and what
// must be equal on all of them.
func responsePayload(p *Proposal, r *result) ([]byte, error) {
	var event []byte
	if r.event != nil {
		raw, err := marshal(r.event)
		if err != nil {
			return nil, err
		}
		event = raw
	}
	action, err := marshal(&peer.ChaincodeAction{
		Results:     r.rwset,
		Events:      event,
		Response:    r.response,
		ChaincodeId: &peer.ChaincodeID{Name: p.Chaincode, Version: r.version},
	})
	if err != nil {
		return nil, err
	}
	hash, err := p.Hash()
	if err != nil {
		return nil, err
	}
	return marshal(&peer.ProposalResponsePayload{ProposalHash: hash, Extension: action})
}

// endorse signs payload ‖ identity, so that a signature cannot be claimed by
// another certificate of the same key. The peer will find its signature in a
// block, and need not check it there.
func (e *Endorser) endorse(p *Proposal, payload []byte) (*peer.Endorsement, error) {
	identity := e.cfg.Signer.Serialized()
	msg := make([]byte, 0, len(payload)+len(identity))
	msg = append(append(msg, payload...), identity...)
	sig, err := e.cfg.Signer.Sign(msg)
	if err != nil {
		return nil, err
	}
	if own, err := p.Channel.Config().MSPs.Identity(identity); err == nil {
		own.Vouch(msg, sig)
	}
	return &peer.Endorsement{Endorser: identity, Signature: sig}, nil
}
