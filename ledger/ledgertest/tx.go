package ledgertest

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"github.com/weft-network/weft/ledger/ident"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// Tx describes an endorsed transaction. What is left out has the default that
// its comment names, so Tx{Chaincode: "cc", Set: set} is a good one.
type Tx struct {
	Chaincode string       // the chaincode invoked
	Version   string       // of the chaincode; "1"
	Set       *RWSet       // what it read and wrote; nothing
	Creator   ident.Signer // the client of the first organisation
	// Endorsers sign the result; peer0 of every organisation. An empty list that
	// is not nil is nobody.
	Endorsers []ident.Signer
	Nonce     []byte               // one that was not used before
	Event     *peer.ChaincodeEvent // none
	Args      [][]byte             // of the call

	// The rest spoils one part after it was made and before what signs or
	// hashes it is: a transaction that a client or an endorser forged.
	Header    func(*common.ChannelHeader)
	Extension func(*peer.ChaincodeHeaderExtension)
	Results   func([]byte) []byte // the read-write set
	Action    func(*peer.ChaincodeAction)
	ActionRaw func([]byte) []byte
	Response  func(*peer.ProposalResponsePayload)
	Endorsed  func(*peer.ChaincodeActionPayload)
	Body      func(*peer.Transaction)
	Data      func([]byte) []byte // the encoded Transaction
	Payload   func([]byte) []byte
	Signature func([]byte) []byte // of the creator
	Envelope  func([]byte) []byte
}

// Tx makes the envelope.
func (n *Network) Tx(t Tx) []byte {
	n.defaults(&t)
	sum := sha256.Sum256(slices.Concat(t.Nonce, t.Creator.Serialized()))
	ext := &peer.ChaincodeHeaderExtension{ChaincodeId: &peer.ChaincodeID{Name: t.Chaincode}}
	edit(t.Extension, ext)
	ch := &common.ChannelHeader{
		Type: int32(common.HeaderType_ENDORSER_TRANSACTION), ChannelId: n.Channel, TxId: hex.EncodeToString(sum[:]),
		Timestamp: &timestamppb.Timestamp{Seconds: 1767225600}, Extension: Encode(ext),
	}
	edit(t.Header, ch)
	header := &common.Header{
		ChannelHeader:   Encode(ch),
		SignatureHeader: Encode(&common.SignatureHeader{Creator: t.Creator.Serialized(), Nonce: t.Nonce}),
	}
	data := change(t.Data, Encode(n.body(&t, header)))
	return n.seal(&t, &common.Payload{Header: header, Data: data})
}

// TxID is the id that Tx gives with that creator and nonce.
func TxID(creator ident.Signer, nonce []byte) string {
	sum := sha256.Sum256(slices.Concat(nonce, creator.Serialized()))
	return hex.EncodeToString(sum[:])
}

func (n *Network) defaults(t *Tx) {
	if t.Version == "" {
		t.Version = "1"
	}
	if t.Set == nil {
		t.Set = NewRWSet()
	}
	if t.Creator == nil {
		t.Creator = n.Client(0)
	}
	if t.Endorsers == nil {
		t.Endorsers = n.Peers()
	}
	if t.Nonce == nil {
		t.Nonce = n.nonce()
	}
}

func (n *Network) body(t *Tx, header *common.Header) *peer.Transaction {
	proposal := Encode(&peer.ChaincodeProposalPayload{Input: Encode(&peer.ChaincodeInvocationSpec{
		ChaincodeSpec: &peer.ChaincodeSpec{
			ChaincodeId: &peer.ChaincodeID{Name: t.Chaincode},
			Input:       &peer.ChaincodeInput{Args: t.Args},
		},
	})})
	response := Encode(n.response(t, header, proposal))
	capl := &peer.ChaincodeActionPayload{
		ChaincodeProposalPayload: proposal,
		Action:                   &peer.ChaincodeEndorsedAction{ProposalResponsePayload: response},
	}
	for _, e := range t.Endorsers {
		capl.Action.Endorsements = append(capl.Action.Endorsements, &peer.Endorsement{
			Endorser: e.Serialized(), Signature: n.Sign(e, slices.Concat(response, e.Serialized())),
		})
	}
	edit(t.Endorsed, capl)
	body := &peer.Transaction{Actions: []*peer.TransactionAction{{Header: header.SignatureHeader, Payload: Encode(capl)}}}
	edit(t.Body, body)
	return body
}

func (n *Network) response(t *Tx, header *common.Header, proposal []byte) *peer.ProposalResponsePayload {
	action := &peer.ChaincodeAction{
		Results:     change(t.Results, t.Set.Bytes()),
		Response:    &peer.Response{Status: 200},
		ChaincodeId: &peer.ChaincodeID{Name: t.Chaincode, Version: t.Version},
	}
	if t.Event != nil {
		action.Events = Encode(t.Event)
	}
	edit(t.Action, action)
	prp := &peer.ProposalResponsePayload{ProposalHash: ProposalHash(header.ChannelHeader, header.SignatureHeader, proposal), Extension: change(t.ActionRaw, Encode(action))}
	edit(t.Response, prp)
	return prp
}

// ProposalHash is what endorsers answer for: of a proposal without its transient
// data.
func ProposalHash(channelHeader, signatureHeader, proposal []byte) []byte {
	sum := sha256.Sum256(slices.Concat(channelHeader, signatureHeader, proposal))
	return sum[:]
}

func (n *Network) seal(t *Tx, payload *common.Payload) []byte {
	raw := change(t.Payload, Encode(payload))
	sig := change(t.Signature, n.Sign(t.Creator, raw))
	return change(t.Envelope, Encode(&common.Envelope{Payload: raw, Signature: sig}))
}

func edit[M proto.Message](f func(M), m M) {
	if f != nil {
		f(m)
	}
}

func change(f func([]byte) []byte, raw []byte) []byte {
	if f != nil {
		return f(raw)
	}
	return raw
}

// Payload is what an envelope carries.
func (n *Network) Payload(envelope []byte) (*common.Payload, error) {
	env, p := &common.Envelope{}, &common.Payload{}
	if err := proto.Unmarshal(envelope, env); err != nil {
		return nil, err
	}
	return p, proto.Unmarshal(env.Payload, p)
}
