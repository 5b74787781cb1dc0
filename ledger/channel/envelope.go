package channel

import (
	"errors"
	"fmt"
	"slices"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/weft-network/weft/ledger/policy"
	"google.golang.org/protobuf/proto"
)

const (
	// MaxUpdateSignatures bounds the signatures of a config update: a majority
	// of the largest channel's organisations.
	MaxUpdateSignatures = 1_000
	// MaxSignedBytes bounds what all signatures of an update together cover,
	// since each is made over a copy of the update. An update that rewrites a
	// hundred organisations may carry eighty signatures.
	MaxSignedBytes = 128 << 20
)

// update is a config update as it was signed.
type update struct {
	*common.ConfigUpdate
	signed []policy.Signed
}

// openUpdate reads a CONFIG_UPDATE envelope within the limits. The signature of
// the envelope is not part of an update's meaning.
func openUpdate(env *common.Envelope) (*update, error) {
	if env == nil {
		return nil, errors.New("there is no config update")
	}
	if n := len(env.GetPayload()); n > MaxEnvelopeBytes {
		return nil, fmt.Errorf("the config update has %d bytes, at most %d are allowed", n, MaxEnvelopeBytes)
	}
	payload, header, signed, inner := &common.Payload{}, &common.ChannelHeader{}, &common.ConfigUpdateEnvelope{}, &common.ConfigUpdate{}
	if err := proto.Unmarshal(env.GetPayload(), payload); err != nil {
		return nil, fmt.Errorf("parse the payload of the config update: %w", err)
	}
	if payload.GetHeader() == nil {
		return nil, errors.New("the config update has no header")
	}
	if err := proto.Unmarshal(payload.Header.GetChannelHeader(), header); err != nil {
		return nil, fmt.Errorf("parse the channel header of the config update: %w", err)
	}
	if t := common.HeaderType(header.GetType()); t != common.HeaderType_CONFIG_UPDATE {
		return nil, fmt.Errorf("the config update is in an envelope of type %s, not CONFIG_UPDATE", t)
	}
	if err := proto.Unmarshal(payload.GetData(), signed); err != nil {
		return nil, fmt.Errorf("parse the signed config update: %w", err)
	}
	signatures, err := signaturesOf(signed)
	if err != nil {
		return nil, err
	}
	if err := proto.Unmarshal(signed.GetConfigUpdate(), inner); err != nil {
		return nil, fmt.Errorf("parse the config update: %w", err)
	}
	return &update{inner, signatures}, nil
}

// signaturesOf lists who signed what: each signer its own header and the update.
func signaturesOf(env *common.ConfigUpdateEnvelope) ([]policy.Signed, error) {
	if n := len(env.GetSignatures()); n > MaxUpdateSignatures {
		return nil, fmt.Errorf("the config update has %d signatures, at most %d are allowed", n, MaxUpdateSignatures)
	}
	if n := len(env.GetSignatures()) * len(env.GetConfigUpdate()); n > MaxSignedBytes {
		return nil, fmt.Errorf("the config update's %d signatures cover %d bytes, at most %d are allowed; split it, or send fewer signatures",
			len(env.Signatures), n, MaxSignedBytes)
	}
	signed := make([]policy.Signed, 0, len(env.GetSignatures()))
	for i, s := range env.GetSignatures() {
		header := &common.SignatureHeader{}
		if err := proto.Unmarshal(s.GetSignatureHeader(), header); err != nil {
			return nil, fmt.Errorf("parse the header of signature %d of the config update: %w", i+1, err)
		}
		signed = append(signed, policy.Signed{
			Data:      slices.Concat(s.GetSignatureHeader(), env.GetConfigUpdate()),
			Identity:  header.GetCreator(),
			Signature: s.GetSignature(),
		})
	}
	return signed, nil
}
