package ledger

import (
	"errors"
	"fmt"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"google.golang.org/protobuf/proto"
)

// ParseBlock parses every transaction of b once. It fails only when b has no
// header or no data; a transaction that does not parse carries its code.
func ParseBlock(b *common.Block) (*Block, error) {
	switch {
	case b.GetHeader() == nil:
		return nil, errors.New("parse block: it has no header")
	case len(b.GetData().GetData()) == 0:
		return nil, fmt.Errorf("parse block %d: it has no transactions", b.Header.Number)
	}
	p := &Block{Block: b, Hash: HeaderHash(b.Header), Txs: make([]*Tx, len(b.Data.Data))}
	for i, raw := range b.Data.Data {
		p.Txs[i] = ParseTx(raw)
	}
	return p, nil
}

// ParseTx parses one envelope. It never fails: see Tx.Code. What it returns
// shares the memory of raw, which must not change. It makes all checks
// of docs/validation.md that need neither keys nor state, and stops at the
// first one that fails; Tx.Rule tells which, because rules that do need them
// (the creator's signature, the duplicate id) stand in between.
func ParseTx(raw []byte) *Tx {
	t := &Tx{Raw: raw, Code: peer.TxValidationCode_NOT_VALIDATED}
	steps := []func() *fault{t.parseEnvelope, t.parseHeader, t.parseType}
	switch {
	case !t.run(steps):
	case t.IsConfig():
		t.run([]func() *fault{t.parseConfig})
	default:
		t.run([]func() *fault{
			t.parseTxID, t.parseTransaction, t.parseAction, t.parseRWSet,
			t.parseChaincode, t.parseEvent, t.parseNamespaces,
		})
	}
	return t
}

// IsConfig reports whether the transaction claims to carry a configuration.
func (t *Tx) IsConfig() bool { return t.is(common.HeaderType_CONFIG) }

// IsEndorser reports whether it claims to carry an endorsed chaincode call.
func (t *Tx) IsEndorser() bool { return t.is(common.HeaderType_ENDORSER_TRANSACTION) }

func (t *Tx) is(typ common.HeaderType) bool {
	return t.ChannelHeader != nil && t.ChannelHeader.Type == int32(typ)
}

// fault is a broken rule.
type fault struct {
	rule int
	code Code
	why  string
}

func broken(rule int, code Code, format string, args ...any) *fault {
	return &fault{rule, code, fmt.Sprintf(format, args...)}
}

// run takes the steps in order and keeps the first fault.
func (t *Tx) run(steps []func() *fault) bool {
	for _, step := range steps {
		if f := step(); f != nil {
			t.Rule, t.Code, t.Why = f.rule, f.code, f.why
			return false
		}
	}
	return true
}

// Rules 1 and 2. An empty envelope, which Fabric would call nil only inside one
// process, is one whose payload has no header: it gets the code of rule 3.
func (t *Tx) parseEnvelope() *fault {
	env, err := openEnvelope(t.Raw)
	if err != nil {
		return broken(RuleEnvelope, peer.TxValidationCode_INVALID_OTHER_REASON, "envelope: %v", err)
	}
	t.Envelope = env
	payload, err := openPayload(env.Payload)
	if err != nil {
		return broken(RulePayload, peer.TxValidationCode_BAD_PAYLOAD, "payload: %v", err)
	}
	t.Payload = payload
	return nil
}

// Rule 3.
func (t *Tx) parseHeader() *fault {
	bad := func(format string, args ...any) *fault {
		return broken(RuleHeader, peer.TxValidationCode_BAD_COMMON_HEADER, format, args...)
	}
	h := t.Payload.Header
	if h == nil {
		return bad("the payload has no header")
	}
	ch := &common.ChannelHeader{}
	if err := proto.Unmarshal(h.ChannelHeader, ch); err != nil {
		return bad("channel header: %v", err)
	}
	t.ChannelHeader = ch
	sh, err := openSignatureHeader(h.SignatureHeader)
	if err != nil {
		return bad("signature header: %v", err)
	}
	t.SignatureHeader = sh
	switch common.HeaderType(ch.Type) {
	case common.HeaderType_ENDORSER_TRANSACTION, common.HeaderType_CONFIG, common.HeaderType_CONFIG_UPDATE:
	default:
		return bad("transaction type %d does not belong in a block", ch.Type)
	}
	if ch.Epoch != 0 {
		return bad("epoch %d is not 0", ch.Epoch)
	}
	if why := checkSignatureHeader(sh); why != "" {
		return bad("%s", why)
	}
	return nil
}

func checkSignatureHeader(sh *common.SignatureHeader) string {
	switch {
	case len(sh.Nonce) == 0:
		return "the signature header has no nonce"
	case len(sh.Creator) == 0:
		return "the signature header has no creator"
	}
	return ""
}

// Rule 5.
func (t *Tx) parseType() *fault {
	if t.IsConfig() || t.IsEndorser() {
		return nil
	}
	return broken(RuleType, peer.TxValidationCode_UNSUPPORTED_TX_PAYLOAD,
		"a %s cannot be committed", common.HeaderType(t.ChannelHeader.Type))
}

// Rule 7 for configurations.
func (t *Tx) parseConfig() *fault {
	if t.Payload.Data == nil {
		return broken(RuleTransaction, peer.TxValidationCode_INVALID_CONFIG_TRANSACTION, "the configuration is empty")
	}
	return nil
}

// Rule 6.
func (t *Tx) parseTxID() *fault {
	want := txID(t.SignatureHeader.Nonce, t.SignatureHeader.Creator)
	if claimed := t.ChannelHeader.TxId; claimed != want {
		return broken(RuleTxID, peer.TxValidationCode_BAD_PROPOSAL_TXID,
			"transaction id %q is not that of its nonce and creator, %s", claimed[:min(len(claimed), 2*len(want))], want)
	}
	return nil
}
