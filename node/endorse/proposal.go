package endorse

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"github.com/weft-network/weft/ledger/ident"
	"github.com/weft-network/weft/ledger/state"
	"google.golang.org/protobuf/proto"
)

// Proposal is a proposal taken apart. Unpack fills what the bytes say; Creator,
// Channel and State are set as the proposal passes its checks.
type Proposal struct {
	Signed    *peer.SignedProposal
	ChannelID string // "" for channel-less system chaincode calls
	Channel   Channel
	// State is the committed state that the call runs on, nil without a
	// channel. What is read here is not recorded in the read-write set.
	State      State
	TxID       string
	Creator    *ident.Identity
	Seconds    int64
	Nanos      int32
	Nonce      []byte
	Chaincode  string
	Args       [][]byte
	Init       bool // the call is the chaincode's Init
	Transient  map[string][]byte
	Header     []byte // common.Header bytes
	Payload    []byte // ChaincodeProposalPayload bytes
	Decoration map[string][]byte
	// ChannelHeader and CreatorBytes are as they came.
	ChannelHeader *common.ChannelHeader
	CreatorBytes  []byte

	parts    *Parts
	verified *ident.Set // that Verify found Creator in
}

// State is a ledger at one height, its past included; *chain.Snapshot is one.
type State interface {
	state.Reader
	Past
}

// Parts are the messages inside a proposal, parsed. They may share its memory.
type Parts struct {
	Proposal      *peer.Proposal
	Header        *common.Header
	ChannelHeader *common.ChannelHeader
	Payload       *peer.ChaincodeProposalPayload
	Spec          *peer.ChaincodeInvocationSpec
}

// Hash is what endorsers sign of the proposal: SHA-256 over channel header,
// signature header and the payload without transient data.
func (p *Proposal) Hash() ([]byte, error) {
	visible, err := marshal(&peer.ChaincodeProposalPayload{Input: p.parts.Payload.Input})
	if err != nil {
		return nil, fmt.Errorf("could not marshal non-transient portion of payload: %w", err)
	}
	h := sha256.New()
	h.Write(p.parts.Header.ChannelHeader)
	h.Write(p.parts.Header.SignatureHeader)
	h.Write(visible)
	return h.Sum(nil), nil
}

// Binding ties the proposal to its creator and nonce, as the chaincode API's
// GetBinding promises: SHA-256(nonce ‖ creator ‖ epoch).
func (p *Proposal) Binding() []byte {
	h := sha256.New()
	h.Write(p.Nonce)
	h.Write(p.CreatorBytes)
	var epoch [8]byte
	binary.LittleEndian.PutUint64(epoch[:], p.ChannelHeader.GetEpoch())
	h.Write(epoch[:])
	return h.Sum(nil)
}

// Unpack takes a signed proposal apart and fails on the first part that is
// missing or does not parse. It verifies nothing.
func Unpack(sp *peer.SignedProposal) (*Proposal, error) {
	parts := &Parts{Proposal: &peer.Proposal{}, Header: &common.Header{}, ChannelHeader: &common.ChannelHeader{}}
	if err := OpenProposal(sp.GetProposalBytes(), parts.Proposal); err != nil {
		return nil, malformed("Proposal", err)
	}
	if err := OpenHeader(parts.Proposal.Header, parts.Header); err != nil {
		return nil, malformed("Header", err)
	}
	if err := parse(parts.Header.ChannelHeader, parts.ChannelHeader, "ChannelHeader"); err != nil {
		return nil, err
	}
	return assemble(sp, parts)
}

// assemble parses what there is not of the parts. The payload may be missing.
func assemble(sp *peer.SignedProposal, parts *Parts) (*Proposal, error) {
	p := &Proposal{Signed: sp, Header: parts.Proposal.Header, Payload: parts.Proposal.Payload, parts: parts}
	if err := p.readHeaders(); err != nil {
		return nil, err
	}
	if err := p.readPayload(); err != nil {
		return nil, err
	}
	return p, nil
}

func (p *Proposal) readHeaders() error {
	ch, sh, ext := p.parts.ChannelHeader, &common.SignatureHeader{}, &peer.ChaincodeHeaderExtension{}
	if err := openSignatureHeader(p.parts.Header.SignatureHeader, sh); err != nil {
		return malformed("SignatureHeader", err)
	}
	if err := parse(ch.Extension, ext, "ChaincodeHeaderExtension"); err != nil {
		return err
	}
	if ext.ChaincodeId == nil {
		return errors.New("ChaincodeHeaderExtension.ChaincodeId is nil")
	}
	if ext.ChaincodeId.Name == "" {
		return errors.New("ChaincodeHeaderExtension.ChaincodeId.Name is empty")
	}
	p.ChannelHeader = ch
	p.ChannelID, p.TxID = ch.ChannelId, ch.TxId
	p.Seconds, p.Nanos = ch.GetTimestamp().GetSeconds(), ch.GetTimestamp().GetNanos()
	p.Nonce, p.CreatorBytes = sh.Nonce, sh.Creator
	p.Chaincode = ext.ChaincodeId.Name
	return nil
}

func (p *Proposal) readPayload() error {
	if p.parts.Payload == nil || p.parts.Spec == nil {
		p.parts.Payload, p.parts.Spec = &peer.ChaincodeProposalPayload{}, &peer.ChaincodeInvocationSpec{}
		if err := OpenPayload(p.Payload, p.parts.Payload); err != nil {
			return malformed("ChaincodeProposalPayload", err)
		}
		if err := parse(p.parts.Payload.Input, p.parts.Spec, "ChaincodeInvocationSpec"); err != nil {
			return err
		}
	}
	spec := p.parts.Spec.ChaincodeSpec
	if spec == nil {
		return errors.New("chaincode invocation spec did not contain chaincode spec")
	}
	if spec.Input == nil {
		return errors.New("chaincode input did not contain any input")
	}
	// Fabric looks at the extension only; a spec that names another chaincode
	// is at best a mistake, and what the user meant cannot be known.
	if name := spec.GetChaincodeId().GetName(); name != "" && name != p.Chaincode {
		return fmt.Errorf("chaincode id '%s' in the header extension differs from '%s' in the invocation spec", p.Chaincode, name)
	}
	p.Args, p.Init = spec.Input.Args, spec.Input.IsInit
	p.Transient = p.parts.Payload.TransientMap
	return nil
}

func parse(raw []byte, m proto.Message, what string) error {
	if err := proto.Unmarshal(raw, m); err != nil {
		return malformed(what, err)
	}
	return nil
}

func malformed(what string, err error) error {
	return fmt.Errorf("error unmarshaling %s: %w", what, err)
}

// marshal is deterministic: what it makes is hashed and signed.
func marshal(m proto.Message) ([]byte, error) {
	return proto.MarshalOptions{Deterministic: true}.Marshal(m)
}
