package ledger

import (
	"bytes"
	"crypto/sha256"

	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"google.golang.org/protobuf/proto"
)

// Rule 7 for endorsed transactions: one action, whose proposal response answers
// just the proposal that the transaction carries. Absent byte fields (nil) and
// empty ones differ here, as they do in Fabric.
func (t *Tx) parseTransaction() *fault {
	bad := func(format string, args ...any) *fault {
		return broken(RuleTransaction, peer.TxValidationCode_INVALID_ENDORSER_TRANSACTION, format, args...)
	}
	if t.Payload.Data == nil {
		return bad("the transaction is empty")
	}
	actions, err := openTransaction(t.Payload.Data)
	if err != nil {
		return bad("transaction: %v", err)
	}
	if n := len(actions); n != 1 {
		return bad("a transaction has one action, this one %d", n)
	}
	act := actions[0]
	sh, err := openSignatureHeader(act.Header)
	if err != nil {
		return bad("signature header of the action: %v", err)
	}
	if why := checkSignatureHeader(sh); why != "" {
		return bad("action: %s", why)
	}
	capl, err := openActionPayload(act.Payload)
	if err != nil {
		return bad("chaincode action payload: %v", err)
	}
	prp, err := openProposalResponse(capl.GetAction().GetProposalResponsePayload())
	if err != nil {
		return bad("proposal response payload: %v", err)
	}
	if t.Payload.Header.ChannelHeader == nil || act.Header == nil || capl.ChaincodeProposalPayload == nil {
		return bad("a part of the proposal is missing")
	}
	hash := proposalHash(t.Payload.Header.ChannelHeader, act.Header, capl.ChaincodeProposalPayload)
	if !bytes.Equal(hash, prp.ProposalHash) {
		return bad("the endorsers answered another proposal: its hash differs")
	}
	t.Proposal = capl.ChaincodeProposalPayload
	t.Response = capl.GetAction().GetProposalResponsePayload()
	t.Endorsements = capl.GetAction().GetEndorsements()
	t.prp = prp
	return nil
}

func proposalHash(parts ...[]byte) []byte {
	h := sha256.New()
	for _, p := range parts {
		h.Write(p)
	}
	return h.Sum(nil)
}

// Rule 10, first two parts.
func (t *Tx) parseAction() *fault {
	ext := &peer.ChaincodeHeaderExtension{}
	if err := proto.Unmarshal(t.ChannelHeader.Extension, ext); err != nil {
		return broken(RuleAction, peer.TxValidationCode_BAD_HEADER_EXTENSION, "header extension: %v", err)
	}
	t.Extension = ext
	if t.prp.Extension == nil {
		return broken(RuleAction, peer.TxValidationCode_BAD_RESPONSE_PAYLOAD, "the proposal response has no chaincode action")
	}
	action, err := openAction(t.prp.Extension)
	if err != nil {
		return broken(RuleAction, peer.TxValidationCode_BAD_RESPONSE_PAYLOAD, "chaincode action: %v", err)
	}
	t.Action = action
	return nil
}

// Rule 10, last part.
func (t *Tx) parseRWSet() *fault {
	set, err := ParseRWSet(t.Action.Results)
	if err != nil {
		return broken(RuleAction, peer.TxValidationCode_BAD_RWSET, "read-write set: %v", err)
	}
	t.RWSet = set
	return nil
}

// Rules 11 (ids) and 12.
func (t *Tx) parseChaincode() *fault {
	other, invalid := peer.TxValidationCode_INVALID_OTHER_REASON, peer.TxValidationCode_INVALID_CHAINCODE
	asked, ran := t.Extension.ChaincodeId, t.Action.ChaincodeId
	switch {
	case asked == nil:
		return broken(RuleIDs, other, "the header extension names no chaincode")
	case ran == nil:
		return broken(RuleIDs, other, "the chaincode action names no chaincode")
	case asked.Name == "":
		return broken(RuleChaincode, invalid, "the chaincode's name is empty")
	case asked.Name != ran.Name:
		return broken(RuleChaincode, invalid, "the proposal asked for chaincode %q, the endorsers ran %q", asked.Name, ran.Name)
	case ran.Version == "":
		return broken(RuleChaincode, invalid, "the version of chaincode %q is empty", ran.Name)
	}
	return nil
}

// Rule 11 (event), which Fabric checks after rule 12.
func (t *Tx) parseEvent() *fault {
	if t.Action.Events == nil {
		return nil
	}
	ev := &peer.ChaincodeEvent{}
	if err := proto.Unmarshal(t.Action.Events, ev); err != nil {
		return broken(RuleEvent, peer.TxValidationCode_INVALID_OTHER_REASON, "chaincode event: %v", err)
	}
	if ev.ChaincodeId != t.Chaincode() {
		return broken(RuleEvent, peer.TxValidationCode_INVALID_OTHER_REASON,
			"the event claims to be of chaincode %q, but %q was invoked", ev.ChaincodeId, t.Chaincode())
	}
	t.Event = ev
	return nil
}

// Rule 13.
func (t *Tx) parseNamespaces() *fault {
	seen := make(map[string]bool, len(t.RWSet.Namespaces))
	for _, ns := range t.RWSet.Namespaces {
		if seen[ns.Namespace] {
			return broken(RuleNamespaces, peer.TxValidationCode_ILLEGAL_WRITESET,
				"namespace %q stands twice in the read-write set", ns.Namespace)
		}
		seen[ns.Namespace] = true
	}
	return nil
}

// Chaincode is the name of the invoked chaincode, or "".
func (t *Tx) Chaincode() string { return t.Extension.GetChaincodeId().GetName() }
