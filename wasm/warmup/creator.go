package warmup

import (
	_ "embed"

	"google.golang.org/protobuf/encoding/protowire"
)

// CreatorMSP is the organisation of the creator of warm-up calls.
const CreatorMSP = "WarmupMSP"

// creatorCert certifies the client warmup@warmup.example.com, with the units
// client and admin and the attribute warmup. Nobody has its key.
//
//go:embed creator.pem
var creatorCert []byte

// Creator answers the creator of warm-up calls, a marshalled
// msp.SerializedIdentity: the same on every peer, so that chaincode which looks
// at who calls can be warmed up too. No channel has its organisation.
func Creator() []byte {
	b := protowire.AppendTag(nil, 1, protowire.BytesType)
	b = protowire.AppendString(b, CreatorMSP)
	b = protowire.AppendTag(b, 2, protowire.BytesType)
	return protowire.AppendBytes(b, creatorCert)
}
