package audit

import (
	"bytes"
	"encoding/json"
	"time"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"google.golang.org/protobuf/proto"

	"github.com/weft-network/weft/ledger"
	"github.com/weft-network/weft/ledger/block"
	"github.com/weft-network/weft/ledger/channel"
)

// Block is a block for people and programs: what its bytes say, decoded, with
// nothing checked.
type Block struct {
	Number       uint64 `json:"number"`
	Hash         Hash   `json:"hash"`
	PreviousHash Hash   `json:"previousHash"`
	DataHash     Hash   `json:"dataHash"`
	// CommitHash is absent on orderers and in the genesis block.
	CommitHash Hash   `json:"commitHash,omitempty"`
	LastConfig uint64 `json:"lastConfig"`
	// Signers are the orderers that signed.
	Signers      []*Identity   `json:"signers"`
	Bytes        int           `json:"bytes"`
	Transactions []Transaction `json:"transactions"`
}

// Transaction is one envelope of a block, decoded as far as it goes.
type Transaction struct {
	Index int    `json:"index"`
	TxID  string `json:"transactionID"`
	Type  string `json:"type"`
	// Code and CodeNumber are absent where no peer validated the block.
	Code       string `json:"code,omitempty"`
	CodeNumber *int32 `json:"codeNumber,omitempty"`
	Channel    string `json:"channel"`
	// Timestamp is what the creator claims, absent when it claims nothing.
	Timestamp *time.Time `json:"timestamp,omitempty"`
	Creator   *Identity  `json:"creator"`
	Bytes     int        `json:"bytes"`

	// Of calls of chaincode.
	Chaincode string      `json:"chaincode,omitempty"`
	Version   string      `json:"version,omitempty"`
	Args      []Bytes     `json:"arguments,omitempty"` // the function first
	Endorsers []*Identity `json:"endorsers,omitempty"`
	Response  *Response   `json:"response,omitempty"`
	Event     *Event      `json:"event,omitempty"`
	RWSet     []Namespace `json:"readWriteSet,omitempty"`

	// Config is the configuration that a config transaction brings, in the form
	// of Fabric's configtxlator.
	Config json.RawMessage `json:"config,omitempty"`

	// Problem says why the rest could not be decoded.
	Problem string `json:"problem,omitempty"`
}

// Response is what the chaincode answered.
type Response struct {
	Status  int32  `json:"status"`
	Message string `json:"message,omitempty"`
	Payload Bytes  `json:"payload,omitempty"`
}

// Event is the chaincode event of a transaction.
type Event struct {
	Name    string `json:"name"`
	Payload Bytes  `json:"payload,omitempty"`
}

// Decode spells a block out. It fails only where there is no header or no data.
func Decode(b *common.Block) (*Block, error) {
	parsed, err := ledger.ParseBlock(b)
	if err != nil {
		return nil, err
	}
	d := &Block{
		Number: b.Header.Number, Hash: parsed.Hash, PreviousHash: b.Header.PreviousHash, DataHash: b.Header.DataHash,
		CommitHash: block.CommitHash(b), Bytes: proto.Size(b), Signers: []*Identity{},
	}
	d.LastConfig, _ = block.LastConfig(b) // 0 where the block does not say
	for _, creator := range block.Signers(b) {
		d.Signers = append(d.Signers, identity(creator))
	}
	codes := block.Codes(b)
	for i, t := range parsed.Txs {
		tx := decodeTx(t)
		tx.Index = i
		if i < len(codes) {
			number := int32(codes[i])
			tx.Code, tx.CodeNumber = codes[i].String(), &number
		}
		d.Transactions = append(d.Transactions, tx)
	}
	return d, nil
}

func decodeTx(t *ledger.Tx) Transaction {
	tx := Transaction{
		TxID: t.TxID(), Type: "UNKNOWN", Channel: t.ChannelHeader.GetChannelId(), Bytes: len(t.Raw),
		Creator: identity(t.SignatureHeader.GetCreator()), Problem: t.Why,
	}
	if t.ChannelHeader != nil {
		tx.Type = common.HeaderType(t.ChannelHeader.Type).String()
		if ts := t.ChannelHeader.Timestamp; ts != nil && ts.IsValid() {
			at := ts.AsTime()
			tx.Timestamp = &at
		}
	}
	switch {
	case t.IsConfig():
		tx.decodeConfig(t)
	case t.IsEndorser():
		tx.decodeCall(t)
	}
	return tx
}

func (tx *Transaction) decodeConfig(t *ledger.Tx) {
	env := &common.ConfigEnvelope{}
	if err := proto.Unmarshal(t.Payload.GetData(), env); err != nil {
		tx.Problem = "config: " + err.Error()
		return
	}
	text, err := channel.ConfigJSON(env.Config)
	var compact bytes.Buffer
	if err == nil {
		err = json.Compact(&compact, text)
	}
	if err != nil {
		tx.Problem = err.Error()
		return
	}
	tx.Config = compact.Bytes()
}

func (tx *Transaction) decodeCall(t *ledger.Tx) {
	tx.Chaincode, tx.Version = t.Chaincode(), t.Action.GetChaincodeId().GetVersion()
	tx.Args = arguments(t.Proposal)
	for _, e := range t.Endorsements {
		tx.Endorsers = append(tx.Endorsers, identity(e.GetEndorser()))
	}
	if r := t.Action.GetResponse(); r != nil {
		tx.Response = &Response{r.Status, r.Message, r.Payload}
	}
	if t.Event != nil {
		tx.Event = &Event{t.Event.EventName, t.Event.Payload}
	}
	if t.RWSet != nil {
		for i := range t.RWSet.Namespaces {
			tx.RWSet = append(tx.RWSet, namespace(&t.RWSet.Namespaces[i]))
		}
	}
}

// arguments of a call, as its proposal has them; nil when they cannot be read.
func arguments(proposal []byte) []Bytes {
	payload, spec := &peer.ChaincodeProposalPayload{}, &peer.ChaincodeInvocationSpec{}
	if proto.Unmarshal(proposal, payload) != nil || proto.Unmarshal(payload.Input, spec) != nil {
		return nil
	}
	var args []Bytes
	for _, a := range spec.GetChaincodeSpec().GetInput().GetArgs() {
		args = append(args, a)
	}
	return args
}
