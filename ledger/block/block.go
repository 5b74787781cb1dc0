// Package block handles the bytes of Fabric's blocks: hashes, signatures and
// metadata. It has no encoding of its own: what it makes a stock Fabric
// verifier accepts, and what it reads from outside it never trusts to be whole.
package block

import (
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/weft-network/weft/ledger"
	"google.golang.org/protobuf/proto"
)

// Slots is the number of metadata slots of a block: one for each of Fabric's
// BlockMetadataIndex.
const Slots = int(common.BlockMetadataIndex_COMMIT_HASH) + 1

// HeaderBytes is the ASN.1 encoding of a header, the thing that is hashed and signed.
func HeaderBytes(h *common.BlockHeader) []byte { return ledger.HeaderBytes(h) }

// HeaderHash is SHA-256 of HeaderBytes.
func HeaderHash(h *common.BlockHeader) []byte { return ledger.HeaderHash(h) }

// DataHash is SHA-256 over the concatenated envelopes.
func DataHash(d *common.BlockData) []byte {
	h := sha256.New()
	for _, envelope := range d.GetData() {
		h.Write(envelope)
	}
	return h.Sum(nil)
}

// New makes an unsigned block over the envelopes, with empty metadata slots.
func New(number uint64, previousHash []byte, envelopes [][]byte) *common.Block {
	data := &common.BlockData{Data: envelopes}
	return &common.Block{
		Header:   &common.BlockHeader{Number: number, PreviousHash: previousHash, DataHash: DataHash(data)},
		Data:     data,
		Metadata: &common.BlockMetadata{Metadata: make([][]byte, Slots)},
	}
}

// IsConfig reports whether b is a config block (one CONFIG envelope).
func IsConfig(b *common.Block) bool {
	if len(b.GetData().GetData()) != 1 {
		return false
	}
	ch, err := channelHeader(b.Data.Data[0])
	return err == nil && ch.Type == int32(common.HeaderType_CONFIG)
}

// ChannelID is the channel that the first envelope of b names.
func ChannelID(b *common.Block) (string, error) {
	if len(b.GetData().GetData()) == 0 {
		return "", fmt.Errorf("channel of block %d: it has no transactions", b.GetHeader().GetNumber())
	}
	ch, err := channelHeader(b.Data.Data[0])
	if err != nil {
		return "", fmt.Errorf("channel of block %d: %w", b.GetHeader().GetNumber(), err)
	}
	return ch.ChannelId, nil
}

func channelHeader(raw []byte) (*common.ChannelHeader, error) {
	env, payload, ch := &common.Envelope{}, &common.Payload{}, &common.ChannelHeader{}
	if err := proto.Unmarshal(raw, env); err != nil {
		return nil, fmt.Errorf("envelope: %w", err)
	}
	if err := proto.Unmarshal(env.Payload, payload); err != nil {
		return nil, fmt.Errorf("payload: %w", err)
	}
	if payload.Header == nil {
		return nil, errors.New("the payload has no header")
	}
	if err := proto.Unmarshal(payload.Header.ChannelHeader, ch); err != nil {
		return nil, fmt.Errorf("channel header: %w", err)
	}
	return ch, nil
}
