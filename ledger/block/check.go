package block

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/weft-network/weft/ledger"
	"github.com/weft-network/weft/ledger/ident"
	"github.com/weft-network/weft/ledger/policy"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

// Limits on what a block from outside can cost besides its transactions, whose
// size is the ordering service's to limit.
const (
	// maxSignatures bounds the signature checks. A block carries one signature
	// under Raft and one per consenter under BFT; no ordering service comes near.
	maxSignatures = 256
	// maxSlots and maxMetadataBytes bound what is kept of a block without being
	// covered by its hash: Fabric fills five slots, and that many signatures take
	// a third of that.
	maxSlots         = 16
	maxMetadataBytes = 1 << 20
)

// Check verifies a block against its place on the chain: number, previous hash,
// data hash, metadata slots, strict re-encoding of every envelope, and the
// orderers' signatures against blockValidation (rules B1 to B4 of
// docs/validation.md). A nil policy skips signatures (genesis only). What the
// transactions say is not looked at, their channel included.
//
// A block that fails is refused whole and says nothing about the chain: its
// sender is at fault. The error names what is wrong.
func Check(b *ledger.Block, number uint64, previousHash []byte, set *ident.Set, blockValidation policy.Policy) error {
	switch {
	case b == nil || b.GetHeader() == nil:
		return errors.New("check block: it has no header")
	case b.Header.Number != number:
		return fmt.Errorf("check block: its number is %d, expected %d", b.Header.Number, number)
	case !bytes.Equal(b.Header.PreviousHash, previousHash):
		return fmt.Errorf("check block %d: its previous hash %x is not that of the block before, %x",
			number, b.Header.PreviousHash, previousHash)
	}
	if err := checkSlots(b.GetMetadata().GetMetadata()); err != nil {
		return fmt.Errorf("check block %d: %w", number, err)
	}
	if err := checkData(b); err != nil {
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

// checkSlots is rule B2.
func checkSlots(slots [][]byte) error {
	size := 0
	for _, s := range slots {
		size += len(s)
	}
	switch {
	case len(slots) < Slots:
		return fmt.Errorf("it has %d metadata slots of %d", len(slots), Slots)
	case len(slots) > maxSlots:
		return fmt.Errorf("it has %d metadata slots, more than %d", len(slots), maxSlots)
	case size > maxMetadataBytes:
		return fmt.Errorf("its metadata has %d bytes, more than %d", size, maxMetadataBytes)
	}
	return nil
}

// checkData is rule B3.
func checkData(b *ledger.Block) error {
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
// re-encodes to itself leaves no room for that: it begins with its one payload,
// so no two of them are one, and none is two. Nor does a lone CONFIG.
func checkWellFormed(b *ledger.Block) error {
	if len(b.GetData().GetData()) == 0 {
		return errors.New("it has no transactions")
	}
	if len(b.Txs) == 1 && b.Txs[0].IsConfig() {
		return nil
	}
	for i, raw := range b.Data.Data {
		if isCanonical(raw) {
			continue
		}
		if err := checkEnvelope(raw); err != nil {
			return fmt.Errorf("transaction %d: %w", i, err)
		}
	}
	return nil
}

// isCanonical recognises, without copying it, the encoding of nearly every
// envelope: a payload, a signature and nothing else. It implies checkEnvelope.
func isCanonical(raw []byte) bool {
	rest, ok := cutField(raw, fieldPayload)
	if ok {
		rest, ok = cutField(rest, fieldSignature)
	}
	return ok && len(rest) == 0
}

// The fields of an Envelope.
const (
	fieldPayload   = 1
	fieldSignature = 2
)

// cutField takes one field of bytes off b, if it is the one with that number,
// not empty, and in its shortest form.
func cutField(b []byte, field protowire.Number) (rest []byte, ok bool) {
	tag := protowire.EncodeTag(field, protowire.BytesType)
	if len(b) == 0 || uint64(b[0]) != tag {
		return nil, false
	}
	size, n := protowire.ConsumeVarint(b[1:])
	if n < 0 || n != protowire.SizeVarint(size) || size == 0 || size > uint64(len(b)-1-n) {
		return nil, false
	}
	return b[1+n+int(size):], true
}

// checkEnvelope says what is wrong with an encoding. One that carries fields
// which nobody knows is in order, as for Fabric.
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
	if len(again) < len(raw) {
		return fmt.Errorf("the envelope has %d bytes more than its content takes: it is not in its one canonical encoding", len(raw)-len(again))
	}
	if !bytes.Equal(again, raw) {
		return errors.New("the envelope is not in its one canonical encoding")
	}
	return nil
}

// checkSignatures is rule B4.
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
