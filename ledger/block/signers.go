package block

import (
	"fmt"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/weft-network/weft/ledger/ident"
	"github.com/weft-network/weft/ledger/policy"
)

// CheckSignatures is that part of Check which is about the orderers' signatures,
// for who has made the other checks.
func CheckSignatures(b *common.Block, set *ident.Set, blockValidation policy.Policy) error {
	if err := checkSignatures(b, set, blockValidation); err != nil {
		return fmt.Errorf("check block %d: %w", b.GetHeader().GetNumber(), err)
	}
	return nil
}

// Signers are the serialized identities behind the block's signatures, whether
// they are good or not. One that cannot be read is nil, as is the result where
// there are none.
func Signers(b *common.Block) [][]byte {
	md, err := signatures(b)
	if err != nil {
		return nil
	}
	var all [][]byte
	for _, s := range md.Signatures[:min(len(md.Signatures), maxSignatures)] {
		creator, err := unmarshalCreator(s)
		if err != nil {
			creator = nil
		}
		all = append(all, creator)
	}
	return all
}
