package block

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/weft-network/weft/ledger/ident"
	"google.golang.org/protobuf/proto"
)

// Sign puts the orderer's signature metadata (OrdererBlockMetadata with
// lastConfig and consenterMetadata) into b, and the same last config into the
// unsigned slot where older tools look for it. Signatures that were there are
// replaced.
func Sign(b *common.Block, s ident.Signer, lastConfig uint64, consenterMetadata []byte) error {
	if b.GetHeader() == nil {
		return errors.New("sign block: it has no header")
	}
	last := &common.LastConfig{Index: lastConfig}
	value := marshal(&common.OrdererBlockMetadata{
		LastConfig:        last,
		ConsenterMetadata: marshal(&common.Metadata{Value: consenterMetadata}),
	})
	header := marshal(&common.SignatureHeader{Creator: s.Serialized(), Nonce: nonce(b, s.Serialized())})
	sig, err := s.Sign(signedBytes(value, header, b.Header))
	if err != nil {
		return fmt.Errorf("sign block %d: %w", b.Header.Number, err)
	}
	setSlot(b, slotLastConfig, marshal(&common.Metadata{Value: marshal(last)}))
	setSlot(b, common.BlockMetadataIndex_SIGNATURES, marshal(&common.Metadata{
		Value:      value,
		Signatures: []*common.MetadataSignature{{SignatureHeader: header, Signature: sig}},
	}))
	return nil
}

// nonceSize is that of Fabric's nonces.
const nonceSize = 24

// nonce is unique for a block and its signer. Nothing checks the nonce of a
// block signature, and a pure ledger has no randomness to spend on it.
func nonce(b *common.Block, creator []byte) []byte {
	sum := sha256.Sum256(slices.Concat(HeaderBytes(b.Header), creator))
	return sum[:nonceSize]
}

// signedBytes is what an orderer's signature covers.
func signedBytes(value, signatureHeader []byte, h *common.BlockHeader) []byte {
	return slices.Concat(value, signatureHeader, HeaderBytes(h))
}

// unmarshalCreator reads the identity behind one block signature.
func unmarshalCreator(s *common.MetadataSignature) ([]byte, error) {
	sh := &common.SignatureHeader{}
	if err := proto.Unmarshal(s.GetSignatureHeader(), sh); err != nil {
		return nil, fmt.Errorf("signature header: %w", err)
	}
	return sh.Creator, nil
}
