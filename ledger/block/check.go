package block

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/weft-network/weft/ledger"
	"github.com/weft-network/weft/ledger/ident"
	"github.com/weft-network/weft/ledger/policy"
	"google.golang.org/protobuf/proto"
)

// maxSignatures bounds the signature checks that one block from outside can
// cost. A block carries one signature under Raft and one per consenter under
// BFT; no ordering service comes near this number.
const maxSignatures = 256

// Check verifies a block against its place on the chain: number, previous hash,
// data hash, metadata slots, strict re-encoding of every envelope, and the
// orderers' signatures against blockValidation. A nil policy skips signatures
// (genesis only).
//
// A block that fails is refused whole and says nothing about the chain: its
// sender is at fault.
func Check(b *ledger.Block, number uint64, previousHash []byte, set *ident.Set, blockValidation policy.Policy) error {
	switch {
	case b == nil || b.GetHeader() == nil:
		return errors.New("check block: it has no header")
	case b.Header.Number != number:
		return fmt.Errorf("check block: its number is %d, expected %d", b.Header.Number, number)
	case !bytes.Equal(b.Header.PreviousHash, previousHash):
		return fmt.Errorf("check block %d: its previous hash %x is not that of the block before, %x",
			number, b.Header.PreviousHash, previousHash)
	case len(b.GetMetadata().GetMetadata()) < Slots:
		return fmt.Errorf("check block %d: it has %d metadata slots of %d",
			number, len(b.GetMetadata().GetMetadata()), Slots)
	}
	if err := checkData(b.Block); err != nil {
		return fmt.Errorf("check block %d: %w", number, err)
	}
	if blockValidation == nil {
		return nil
	}
	if err := checkSignatures(b.Block, set, blockValidation); err != nil {
		return fmt.Errorf("check block %d: %w", number, err)
	}
	return nil
}

func checkData(b *common.Block) error {
	if err := checkWellFormed(b); err != nil {
		return err
	}
	if h := DataHash(b.Data); !bytes.Equal(b.Header.DataHash, h) {
		return fmt.Errorf("its data hash %x is not that of its data, %x", b.Header.DataHash, h)
	}
	return nil
}

// checkWellFormed makes sure that the bytes of the data can be read in one way
// only. The data hash covers the envelopes without their borders, so two cuts
// of the same bytes would be two blocks with one hash. An envelope that
// re-encodes to itself leaves no room for that; nor does a lone CONFIG.
func checkWellFormed(b *common.Block) error {
	if len(b.GetData().GetData()) == 0 {
		return errors.New("it has no transactions")
	}
	if IsConfig(b) {
		return nil
	}
	for i, raw := range b.Data.Data {
		if err := checkEnvelope(raw); err != nil {
			return fmt.Errorf("transaction %d: %w", i, err)
		}
	}
	return nil
}

func checkEnvelope(raw []byte) error {
	env := &common.Envelope{}
	if err := proto.Unmarshal(raw, env); err != nil {
		return err
	}
	if len(env.Payload) == 0 {
		return errors.New("the envelope has no payload")
	}
	if len(env.Signature) == 0 {
		return errors.New("the envelope has no signature")
	}
	again, err := proto.Marshal(env)
	if err != nil {
		return err
	}
	if !bytes.Equal(again, raw) {
		return errors.New("the envelope is not in its one canonical encoding")
	}
	return nil
}

func checkSignatures(b *common.Block, set *ident.Set, p policy.Policy) error {
	md, err := signatures(b)
	if err != nil {
		return err
	}
	if n := len(md.Signatures); n > maxSignatures {
		return fmt.Errorf("it has %d signatures, more than %d", n, maxSignatures)
	}
	signed := make([]policy.Signed, len(md.Signatures))
	for i, s := range md.Signatures {
		creator, err := unmarshalCreator(s)
		if err != nil {
			return fmt.Errorf("signature %d: %w", i, err)
		}
		signed[i] = policy.Signed{
			Data:      signedBytes(md.Value, s.GetSignatureHeader(), b.Header),
			Identity:  creator,
			Signature: s.GetSignature(),
		}
	}
	if err := p.Evaluate(policy.Verify(set, signed)); err != nil {
		return fmt.Errorf("its signatures do not satisfy the block validation policy: %w", err)
	}
	return nil
}
