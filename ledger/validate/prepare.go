package validate

import (
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"github.com/weft-network/weft/ledger"
	"github.com/weft-network/weft/ledger/channel"
	"github.com/weft-network/weft/ledger/policy"
)

// prepareTx makes the checks of one transaction that need no state. Parsing has
// found the first broken rule that needs no key either; what is left is to put
// rule 4, the creator's signature, into its place.
func prepareTx(t *ledger.Tx, cfg *channel.Config) prepared {
	var parsed verdict
	if t.Rule != 0 {
		parsed = invalid(t.Code, "%s", t.Why)
	}
	if t.Rule != 0 && t.Rule < ledger.RuleCreator {
		return prepared{early: parsed}
	}
	if v := checkCreator(t, cfg); v != nil {
		return prepared{early: v}
	}
	if t.Rule != 0 && t.Rule < ledger.RuleDuplicate {
		return prepared{early: parsed}
	}
	if t.Rule != 0 || t.IsConfig() {
		return prepared{late: parsed}
	}
	return prepared{endorsers: policy.Verify(cfg.MSPs, endorsements(t))}
}

// checkCreator is rule 4. A transaction of another channel has its creator
// looked up among that channel's members, of whom this channel knows none.
func checkCreator(t *ledger.Tx, cfg *channel.Config) verdict {
	bad := peer.TxValidationCode_BAD_CREATOR_SIGNATURE
	if t.ChannelHeader.ChannelId != cfg.ID {
		return invalid(bad, "the transaction is for channel %q, not for %q", t.ChannelHeader.ChannelId, cfg.ID)
	}
	id, err := cfg.MSPs.Identity(t.SignatureHeader.Creator)
	if err != nil {
		return invalid(bad, "creator: %v", err)
	}
	if err := id.Verify(t.Envelope.Payload, t.Envelope.Signature); err != nil {
		return invalid(bad, "signature of the creator: %v", err)
	}
	return nil
}

// endorsements are the signatures of a transaction's endorsers: each covers the
// proposal response and the endorser's own identity.
func endorsements(t *ledger.Tx) []policy.Signed {
	signed := make([]policy.Signed, len(t.Endorsements))
	for i, e := range t.Endorsements {
		signed[i] = policy.Signed{Prefix: t.Response, Data: e.GetEndorser(), Identity: e.GetEndorser(), Signature: e.GetSignature()}
	}
	return signed
}
