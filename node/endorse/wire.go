package endorse

import (
	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"google.golang.org/protobuf/proto"

	"github.com/weft-network/weft/ledger"
)

// A proposal is bytes within bytes, and a protobuf library copies those of each
// layer: the creator's certificate four times. The functions of this file read
// the wrapping messages and leave the bytes where they are: what they return
// shares the memory of what they are given. Whatever is more than plain fields
// of bytes they leave to the library, so that all mean the same by it.

// OpenProposal reads a Proposal into a new one, as proto.Unmarshal does. What it
// reads shares the memory of raw, which must not change.
func OpenProposal(raw []byte, p *peer.Proposal) error {
	return open(raw, p, &p.Header, &p.Payload, &p.Extension)
}

// OpenHeader is OpenProposal for a Header.
func OpenHeader(raw []byte, h *common.Header) error {
	return open(raw, h, &h.ChannelHeader, &h.SignatureHeader)
}

// OpenPayload is OpenProposal for a ChaincodeProposalPayload.
func OpenPayload(raw []byte, p *peer.ChaincodeProposalPayload) error {
	return open(raw, p, &p.Input)
}

func openSignatureHeader(raw []byte, sh *common.SignatureHeader) error {
	return open(raw, sh, &sh.Creator, &sh.Nonce)
}

// open reads m, whose fields from 1 on are bytes.
func open(raw []byte, m proto.Message, fields ...*[]byte) error {
	if ledger.PlainFields(raw, fields...) {
		return nil
	}
	return proto.Unmarshal(raw, m)
}
