package block

import (
	"fmt"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/weft-network/weft/ledger"
	"google.golang.org/protobuf/proto"
)

// slotLastConfig is the unsigned copy of the last config, which Fabric's
// orderers still fill and old tools still read.
const slotLastConfig = common.BlockMetadataIndex_LAST_CONFIG //lint:ignore SA1019 deprecated for reading first, not for filling

// slot is the bytes of one metadata slot, nil when the block does not have it.
func slot(b *common.Block, i common.BlockMetadataIndex) []byte {
	if md := b.GetMetadata().GetMetadata(); int(i) < len(md) {
		return md[i]
	}
	return nil
}

// setSlot fills one slot and makes the missing ones.
func setSlot(b *common.Block, i common.BlockMetadataIndex, v []byte) {
	if b.Metadata == nil {
		b.Metadata = &common.BlockMetadata{}
	}
	for len(b.Metadata.Metadata) < Slots {
		b.Metadata.Metadata = append(b.Metadata.Metadata, []byte{})
	}
	b.Metadata.Metadata[i] = v
}

// ordererMetadata reads the signed metadata of b. Blocks before any orderer
// signed (a genesis block) may have none: the result is nil then.
func ordererMetadata(b *common.Block) (*common.OrdererBlockMetadata, error) {
	md, err := signatures(b)
	if err != nil || len(md.Value) == 0 {
		return nil, err
	}
	obm := &common.OrdererBlockMetadata{}
	if err := proto.Unmarshal(md.Value, obm); err != nil {
		return nil, fmt.Errorf("orderer metadata of block %d: %w", b.GetHeader().GetNumber(), err)
	}
	return obm, nil
}

func signatures(b *common.Block) (*common.Metadata, error) {
	md := &common.Metadata{}
	if err := proto.Unmarshal(slot(b, common.BlockMetadataIndex_SIGNATURES), md); err != nil {
		return nil, fmt.Errorf("signature metadata of block %d: %w", b.GetHeader().GetNumber(), err)
	}
	return md, nil
}

// LastConfig is the number of the config block in force at b. A block without
// any says 0, the genesis block.
func LastConfig(b *common.Block) (uint64, error) {
	obm, err := ordererMetadata(b)
	if err != nil {
		return 0, err
	}
	if obm != nil {
		return obm.GetLastConfig().GetIndex(), nil
	}
	md, last := &common.Metadata{}, &common.LastConfig{}
	if err := proto.Unmarshal(slot(b, slotLastConfig), md); err != nil {
		return 0, fmt.Errorf("last config of block %d: %w", b.GetHeader().GetNumber(), err)
	}
	if err := proto.Unmarshal(md.Value, last); err != nil {
		return 0, fmt.Errorf("last config of block %d: %w", b.GetHeader().GetNumber(), err)
	}
	return last.Index, nil
}

// ConsenterMetadata is what Sign was given as consenterMetadata, nil when the
// block has none.
func ConsenterMetadata(b *common.Block) ([]byte, error) {
	obm, err := ordererMetadata(b)
	if err != nil || obm == nil {
		return nil, err
	}
	md := &common.Metadata{}
	if err := proto.Unmarshal(obm.ConsenterMetadata, md); err != nil {
		return nil, fmt.Errorf("consenter metadata of block %d: %w", b.GetHeader().GetNumber(), err)
	}
	return md.Value, nil
}

// SetCodes writes one validation byte per transaction into the metadata.
func SetCodes(b *common.Block, codes []ledger.Code) {
	setSlot(b, common.BlockMetadataIndex_TRANSACTIONS_FILTER, ledger.CodeBytes(codes))
}

// Codes reads them; nil when the block has none.
func Codes(b *common.Block) []ledger.Code {
	raw := slot(b, common.BlockMetadataIndex_TRANSACTIONS_FILTER)
	if len(raw) == 0 {
		return nil
	}
	codes := make([]ledger.Code, len(raw))
	for i, c := range raw {
		codes[i] = ledger.Code(c)
	}
	return codes
}

// SetCommitHash puts the commit hash into its slot; nil empties the slot.
func SetCommitHash(b *common.Block, h []byte) {
	raw := []byte{}
	if h != nil {
		raw = marshal(&common.Metadata{Value: h})
	}
	setSlot(b, common.BlockMetadataIndex_COMMIT_HASH, raw)
}

// CommitHash is the commit hash stored in the block, or nil.
func CommitHash(b *common.Block) []byte {
	md := &common.Metadata{}
	if err := proto.Unmarshal(slot(b, common.BlockMetadataIndex_COMMIT_HASH), md); err != nil || len(md.Value) == 0 {
		return nil
	}
	return md.Value
}

// marshal encodes messages of bytes and numbers, which always encode.
func marshal(m proto.Message) []byte {
	raw, _ := proto.Marshal(m)
	return raw
}
