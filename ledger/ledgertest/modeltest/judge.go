package modeltest

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"slices"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/ledger/rwset"
	"github.com/hyperledger/fabric-protos-go-apiv2/ledger/rwset/kvrwset"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"google.golang.org/protobuf/proto"
)

type code = peer.TxValidationCode

const (
	undecided = peer.TxValidationCode_NOT_VALIDATED
	valid     = peer.TxValidationCode_VALID
)

// judgement is that of one block.
type judgement struct {
	m       *Model
	f       Facts
	number  uint64
	pending map[Key]*Value // Value "" is a delete
	config  *config        // after the block, nil when it stays

	// whose are the transactions whose endorsement holds in a namespace and that
	// write a key's metadata there.
	changed map[Key]bool
}

// tx is an envelope, as far as it was understood.
type tx struct {
	id        string
	config    []byte // data of a CONFIG
	chaincode string
	set       []space
	signers   []*member
}

// space is one namespace of a read-write set.
type space struct {
	name        string
	kv          *kvrwset.KVRWSet
	collections []string
	hashed      []*kvrwset.HashedRWSet
}

func (j *judgement) block(b *common.Block) ([]code, error) {
	codes, txs := make([]code, len(b.Data.Data)), make([]*tx, len(b.Data.Data))
	j.changed = map[Key]bool{}
	for i, raw := range b.Data.Data {
		t := &tx{}
		var err error
		if codes[i], err = j.alone(t, raw); err != nil {
			return nil, err
		}
		txs[i] = t
	}
	first := map[string]bool{}
	for i, t := range txs {
		switch {
		case codes[i] != valid || t.config != nil:
		case first[t.id] && j.m.Bug != NoBlockDuplicate:
			codes[i] = peer.TxValidationCode_DUPLICATE_TXID
		default:
			first[t.id] = true
		}
	}
	for i, t := range txs {
		switch {
		case codes[i] != valid:
		case t.config != nil:
			j.pending[configKey] = &Value{Value: string(t.config), Block: j.number, Tx: uint64(i)}
		default:
			if codes[i] = j.reads(t); codes[i] == valid {
				j.apply(t, uint64(i))
			}
		}
	}
	return codes, nil
}

// alone is rules 1 to 16.
func (j *judgement) alone(t *tx, raw []byte) (code, error) {
	env, p := &common.Envelope{}, &common.Payload{}
	ch, sh := &common.ChannelHeader{}, &common.SignatureHeader{}
	bug := j.m.Bug
	switch {
	case proto.Unmarshal(raw, env) != nil:
		return peer.TxValidationCode_INVALID_OTHER_REASON, nil
	case proto.Unmarshal(env.Payload, p) != nil:
		return peer.TxValidationCode_BAD_PAYLOAD, nil
	case p.Header == nil, proto.Unmarshal(p.Header.ChannelHeader, ch) != nil, proto.Unmarshal(p.Header.SignatureHeader, sh) != nil,
		ch.Type < 1 || ch.Type > 3, ch.Epoch != 0, len(sh.Nonce) == 0, len(sh.Creator) == 0:
		return peer.TxValidationCode_BAD_COMMON_HEADER, nil
	}
	creator := j.m.config.member(sh.Creator, bug)
	if creator == nil || ch.ChannelId != j.m.channel || bug != NoCreatorCheck && !j.m.config.good(creator, signature{env.Payload, sh.Creator, env.Signature}, bug) {
		return peer.TxValidationCode_BAD_CREATOR_SIGNATURE, nil
	}
	switch ch.Type {
	case 2:
		return peer.TxValidationCode_UNSUPPORTED_TX_PAYLOAD, nil
	case 1:
		return j.configuration(t, p)
	}
	t.id = fmt.Sprintf("%x", sha256.Sum256(join(sh.Nonce, sh.Creator)))
	if ch.TxId != t.id && bug != NoTxIDCheck {
		return peer.TxValidationCode_BAD_PROPOSAL_TXID, nil
	}
	capl, prp, ok := action(p, bug)
	switch {
	case !ok:
		return peer.TxValidationCode_INVALID_ENDORSER_TRANSACTION, nil
	case j.m.IDs[ch.TxId] && bug != NoLedgerDuplicate:
		return peer.TxValidationCode_DUPLICATE_TXID, nil
	}
	if c := t.understand(ch, prp); c != undecided {
		return c, nil
	}
	var signed []signature
	response := capl.Action.ProposalResponsePayload
	for _, e := range capl.Action.Endorsements {
		signed = append(signed, signature{join(response, e.Endorser), e.Endorser, e.Signature})
	}
	t.signers = j.m.config.signers(bug, signed)
	return j.endorsed(t)
}

func (j *judgement) configuration(t *tx, p *common.Payload) (code, error) {
	if p.Data == nil {
		return peer.TxValidationCode_INVALID_CONFIG_TRANSACTION, nil
	}
	if j.f.BadConfig {
		return undecided, ErrBadConfig
	}
	c, err := readConfig(p.Data)
	if err != nil {
		return undecided, err
	}
	t.config, j.config = p.Data, c
	return valid, nil
}

// action is rule 7.
func action(p *common.Payload, bug Bug) (*peer.ChaincodeActionPayload, *peer.ProposalResponsePayload, bool) {
	body, sh := &peer.Transaction{}, &common.SignatureHeader{}
	capl, prp := &peer.ChaincodeActionPayload{}, &peer.ProposalResponsePayload{}
	if p.Data == nil || proto.Unmarshal(p.Data, body) != nil || len(body.Actions) != 1 {
		return nil, nil, false
	}
	a := body.Actions[0]
	if proto.Unmarshal(a.Header, sh) != nil || len(sh.Nonce) == 0 || len(sh.Creator) == 0 ||
		proto.Unmarshal(a.Payload, capl) != nil || capl.Action == nil || proto.Unmarshal(capl.Action.ProposalResponsePayload, prp) != nil {
		return nil, nil, false
	}
	if p.Header.ChannelHeader == nil || a.Header == nil || capl.ChaincodeProposalPayload == nil {
		return nil, nil, false
	}
	sum := sha256.Sum256(join(p.Header.ChannelHeader, a.Header, capl.ChaincodeProposalPayload))
	return capl, prp, bytes.Equal(sum[:], prp.ProposalHash) || bug == NoProposalHash
}

// understand is rules 10 to 13.
func (t *tx) understand(ch *common.ChannelHeader, prp *peer.ProposalResponsePayload) code {
	ext, act, ev := &peer.ChaincodeHeaderExtension{}, &peer.ChaincodeAction{}, &peer.ChaincodeEvent{}
	set := &rwset.TxReadWriteSet{}
	switch {
	case proto.Unmarshal(ch.Extension, ext) != nil:
		return peer.TxValidationCode_BAD_HEADER_EXTENSION
	case prp.Extension == nil || proto.Unmarshal(prp.Extension, act) != nil:
		return peer.TxValidationCode_BAD_RESPONSE_PAYLOAD
	case proto.Unmarshal(act.Results, set) != nil:
		return peer.TxValidationCode_BAD_RWSET
	}
	for _, ns := range set.NsRwset {
		s := space{name: ns.Namespace, kv: &kvrwset.KVRWSet{}}
		if proto.Unmarshal(ns.Rwset, s.kv) != nil {
			return peer.TxValidationCode_BAD_RWSET
		}
		for _, c := range ns.CollectionHashedRwset {
			h := &kvrwset.HashedRWSet{}
			if proto.Unmarshal(c.HashedRwset, h) != nil {
				return peer.TxValidationCode_BAD_RWSET
			}
			s.collections, s.hashed = append(s.collections, c.CollectionName), append(s.hashed, h)
		}
		t.set = append(t.set, s)
	}
	switch {
	case ext.ChaincodeId == nil || act.ChaincodeId == nil:
		return peer.TxValidationCode_INVALID_OTHER_REASON
	case ext.ChaincodeId.Name == "" || ext.ChaincodeId.Name != act.ChaincodeId.Name || act.ChaincodeId.Version == "":
		return peer.TxValidationCode_INVALID_CHAINCODE
	case act.Events != nil && (proto.Unmarshal(act.Events, ev) != nil || ev.ChaincodeId != ext.ChaincodeId.Name):
		return peer.TxValidationCode_INVALID_OTHER_REASON
	}
	t.chaincode = ext.ChaincodeId.Name
	for i, s := range t.set {
		if slices.ContainsFunc(t.set[:i], func(o space) bool { return o.name == s.name }) {
			return peer.TxValidationCode_ILLEGAL_WRITESET
		}
	}
	return undecided
}
