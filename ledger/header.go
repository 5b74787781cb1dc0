package ledger

import (
	"crypto/sha256"
	"encoding/asn1"
	"encoding/hex"
	"math/big"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
)

// HeaderBytes is the DER encoding of a block header,
// SEQUENCE{INTEGER number, OCTET STRING previous hash, OCTET STRING data hash}:
// the thing that is hashed into the next block and signed by orderers.
func HeaderBytes(h *common.BlockHeader) []byte {
	// Numbers above the int64 range are still positive integers in DER, hence
	// big.Int. An integer and two byte strings always encode.
	der, _ := asn1.Marshal(struct {
		Number             *big.Int
		PreviousHash, Data []byte
	}{new(big.Int).SetUint64(h.GetNumber()), h.GetPreviousHash(), h.GetDataHash()})
	return der
}

// HeaderHash is SHA-256 of HeaderBytes, the identity of a block.
func HeaderHash(h *common.BlockHeader) []byte {
	sum := sha256.Sum256(HeaderBytes(h))
	return sum[:]
}

// txID is the transaction id that a creator has to claim for its nonce.
func txID(nonce, creator []byte) string {
	h := sha256.New()
	h.Write(nonce)
	h.Write(creator)
	return hex.EncodeToString(h.Sum(nil))
}
