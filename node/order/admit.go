package order

import (
	"errors"
	"fmt"
	"time"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/weft-network/weft/ledger/channel"
	"github.com/weft-network/weft/ledger/policy"
	"google.golang.org/protobuf/proto"
)

const writersPath = "/Channel/Writers"

// parsed is an envelope whose structure is sound.
type parsed struct {
	channelID string
	kind      common.HeaderType
	creator   []byte
}

func malformed(format string, args ...any) error {
	return refuse(common.Status_BAD_REQUEST, fmt.Sprintf(format, args...))
}

// parseEnvelope reads the headers, and refuses an envelope that lacks one.
func parseEnvelope(env *common.Envelope) (parsed, error) {
	if len(env.GetPayload()) == 0 {
		return parsed{}, malformed("Message was empty")
	}
	payload, ch, sh := &common.Payload{}, &common.ChannelHeader{}, &common.SignatureHeader{}
	if err := proto.Unmarshal(env.Payload, payload); err != nil {
		return parsed{}, malformed("could not determine channel ID: the payload does not parse: %v", err)
	}
	if payload.Header == nil {
		return parsed{}, malformed("could not determine channel ID: the payload has no header")
	}
	if err := proto.Unmarshal(payload.Header.ChannelHeader, ch); err != nil {
		return parsed{}, malformed("could not determine channel ID: the channel header does not parse: %v", err)
	}
	if err := proto.Unmarshal(payload.Header.SignatureHeader, sh); err != nil {
		return parsed{}, malformed("could not convert message to signedData: the signature header does not parse: %v", err)
	}
	if ch.ChannelId == "" {
		return parsed{}, malformed("could not determine channel ID: the channel header names none")
	}
	return parsed{channelID: ch.ChannelId, kind: common.HeaderType(ch.Type), creator: sh.Creator}, nil
}

// admit checks an envelope against the configuration of its channel: kind, size,
// expiry of the creator, signature and the Writers policy, cheapest first. The
// result holds the envelope's one canonical encoding, which peers insist on.
func admit(cfg *channel.Config, env *common.Envelope, p parsed, now time.Time) (Message, error) {
	if err := checkKind(p.kind); err != nil {
		return Message{}, err
	}
	size := uint64(len(env.Payload)) + uint64(len(env.Signature))
	if size > uint64(cfg.Batch.AbsoluteMaxBytes) {
		return Message{}, malformed("message payload is %d bytes and exceeds maximum allowed %d bytes", size, cfg.Batch.AbsoluteMaxBytes)
	}
	if len(env.Signature) == 0 || len(p.creator) == 0 {
		return Message{}, malformed("could not convert message to signedData: it has no creator or no signature")
	}
	if id, err := cfg.MSPs.Identity(p.creator); err == nil && !now.Before(id.ExpiresAt()) {
		return Message{}, malformed("broadcast client identity expired")
	}
	signed := []policy.Signed{{Data: env.Payload, Identity: p.creator, Signature: env.Signature}}
	if err := cfg.Policy(writersPath).Evaluate(policy.Verify(cfg.MSPs, signed)); err != nil {
		return Message{}, refuse(common.Status_FORBIDDEN, err.Error()+": permission denied")
	}
	raw, err := proto.Marshal(&common.Envelope{Payload: env.Payload, Signature: env.Signature})
	if err != nil {
		return Message{}, fmt.Errorf("marshal the envelope: %w", err)
	}
	return Message{Raw: raw, Size: uint32(size), ConfigSequence: cfg.Sequence}, nil
}

func checkKind(kind common.HeaderType) error {
	switch kind {
	case common.HeaderType_CONFIG_UPDATE:
		return malformed("configuration updates are not supported by this version")
	case common.HeaderType_CONFIG:
		return malformed("message is of type that cannot be processed directly")
	//lint:ignore SA1019 old clients may still send it
	case common.HeaderType_ORDERER_TRANSACTION:
		return malformed("message is of type that is no longer supported")
	}
	return nil
}

// errUnknownChannel is Fabric's text.
var errUnknownChannel = refuse(common.Status_NOT_FOUND, "channel does not exist")

// admit finds the channel of an envelope and checks it there. A channelID that
// is not empty is the only one allowed.
func (r *Registrar) admit(channelID string, env *common.Envelope) (*Channel, Message, error) {
	p, err := parseEnvelope(env)
	if err != nil {
		return nil, Message{}, err
	}
	if channelID != "" && channelID != p.channelID {
		return nil, Message{}, malformed("the envelope is for channel %q, the stream for %q", p.channelID, channelID)
	}
	c, ok := r.Channel(p.channelID)
	if !ok {
		return nil, Message{}, errUnknownChannel
	}
	m, err := admit(c.Config(), env, p, r.cfg.Now())
	if err != nil {
		var known *Refusal
		if !errors.As(err, &known) {
			r.cfg.Log.Error("admission failed", "channel", p.channelID, "error", err)
		}
		return nil, Message{}, err
	}
	return c, m, nil
}
