// Package block handles the bytes of Fabric's blocks: hashes, signatures and
// metadata. It has no encoding of its own.
package block

import (
	"errors"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/weft-network/weft/ledger"
	"github.com/weft-network/weft/ledger/ident"
	"github.com/weft-network/weft/ledger/policy"
)

// HeaderBytes is the ASN.1 encoding of a header, the thing that is hashed and signed.
func HeaderBytes(h *common.BlockHeader) []byte { return nil }

// HeaderHash is SHA-256 of HeaderBytes.
func HeaderHash(h *common.BlockHeader) []byte { return nil }

// DataHash is SHA-256 over the concatenated envelopes.
func DataHash(d *common.BlockData) []byte { return nil }

// New makes an unsigned block over the envelopes, with empty metadata slots.
func New(number uint64, previousHash []byte, envelopes [][]byte) *common.Block { return nil }

// Sign puts the orderer's signature metadata (OrdererBlockMetadata with
// lastConfig and consenterMetadata) into b.
func Sign(b *common.Block, s ident.Signer, lastConfig uint64, consenterMetadata []byte) error {
	return errors.New("not built yet")
}

// LastConfig is the number of the config block in force at b.
func LastConfig(b *common.Block) (uint64, error) { return 0, errors.New("not built yet") }

// Check verifies a block against its place on the chain: number, previous hash,
// data hash, metadata slots, strict re-encoding of every envelope, and the
// orderers' signatures against blockValidation. A nil policy skips signatures
// (genesis only).
func Check(b *ledger.Block, number uint64, previousHash []byte, set *ident.Set, blockValidation policy.Policy) error {
	return errors.New("not built yet")
}

// SetCodes writes one validation byte per transaction into the metadata.
func SetCodes(b *common.Block, codes []ledger.Code) {}

// Codes reads them.
func Codes(b *common.Block) []ledger.Code { return nil }

// SetCommitHash and CommitHash handle metadata[4].
func SetCommitHash(b *common.Block, h []byte) {}

// CommitHash is the commit hash stored in the block, or nil.
func CommitHash(b *common.Block) []byte { return nil }

// IsConfig reports whether b is a config block (one CONFIG envelope).
func IsConfig(b *common.Block) bool { return false }
