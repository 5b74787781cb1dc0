// Package genesis makes the first block of a channel, in Fabric's format, from
// one YAML file that names the organisations, the consenters and the limits.
//
// Making a block is a pure function of the file and of the certificates that it
// points to: two organisations that hold the same inputs get the same bytes, so
// they can compare a hash instead of trusting whoever made the block. The two
// things that Fabric's tools fill with chance are fixed: the nonce is the
// beginning of the SHA-256 of the config, and the timestamp is 1970-01-01
// UTC, unless the file sets them.
//
// The least that a file says (see Spec for everything else and the defaults):
//
//	channel: channel1
//	orderer:
//	  organizations:
//	    - name: Orderer
//	      mspID: OrdererMSP
//	      mspDir: organizations/ordererOrganizations/example.com/msp
//	      ordererEndpoints: [orderer0.example.com:7050]
//	  consenters:
//	    - host: orderer0.example.com
//	      port: 7050
//	      clientTLSCert: organizations/ordererOrganizations/example.com/orderers/orderer0.example.com/tls/server.crt
//	      serverTLSCert: organizations/ordererOrganizations/example.com/orderers/orderer0.example.com/tls/server.crt
//	  batchTimeout: 2s
//	  maxMessageCount: 500
//	  absoluteMaxBytes: 10 MB
//	  preferredMaxBytes: 2 MB
//	application:
//	  organizations:
//	    - name: Org1
//	      mspID: Org1MSP
//	      mspDir: organizations/peerOrganizations/org1.example.com/msp
//	      anchorPeers: [peer0.org1.example.com:7051]
//
// A block is never returned unless package channel reads it: what makes a
// channel valid is written down there once. On top of it, a mistake in the file
// is reported by file, line or key, and what is allowed instead.
package genesis

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/weft-network/weft/ledger/block"
	"github.com/weft-network/weft/ledger/channel"
	"github.com/weft-network/weft/ledger/ident"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// nonceBytes is the length of Fabric's nonces.
const nonceBytes = 24

// Block makes the genesis block that the Spec describes.
func (s *Spec) Block() (*common.Block, error) {
	b, err := s.build()
	if err != nil {
		return nil, fmt.Errorf("make the genesis block of channel %q%s: %w", s.Channel, s.from(), err)
	}
	return b, nil
}

func (s *Spec) build() (*common.Block, error) {
	full := s.withDefaults()
	if err := full.validate(); err != nil {
		return nil, err
	}
	group, err := full.tree()
	if err != nil {
		return nil, err
	}
	b, err := full.wrap(&common.ConfigEnvelope{Config: &common.Config{ChannelGroup: group}})
	if err != nil {
		return nil, err
	}
	cfg, err := channel.FromBlock(b)
	if err != nil {
		return nil, err
	}
	return b, full.checkConsenterChains(cfg)
}

// from names the file, when there is one.
func (s *Spec) from() string {
	if s.file == "" {
		return ""
	}
	return " from " + s.file
}

// wrap puts the config into an unsigned envelope and the envelope into block 0.
func (s *Spec) wrap(config *common.ConfigEnvelope) (*common.Block, error) {
	data, err := marshal(config)
	if err != nil {
		return nil, err
	}
	nonce, err := s.nonce(data)
	if err != nil {
		return nil, err
	}
	at := &timestamppb.Timestamp{}
	if !s.Timestamp.IsZero() {
		at = timestamppb.New(s.Timestamp.UTC())
	}
	channelHeader, err := marshal(&common.ChannelHeader{
		Type:      int32(common.HeaderType_CONFIG),
		Timestamp: at,
		ChannelId: s.Channel,
		TxId:      ident.TxID(nonce, nil),
	})
	if err != nil {
		return nil, err
	}
	signatureHeader, err := marshal(&common.SignatureHeader{Nonce: nonce})
	if err != nil {
		return nil, err
	}
	payload, err := marshal(&common.Payload{
		Header: &common.Header{ChannelHeader: channelHeader, SignatureHeader: signatureHeader},
		Data:   data,
	})
	if err != nil {
		return nil, err
	}
	envelope, err := marshal(&common.Envelope{Payload: payload})
	if err != nil {
		return nil, err
	}
	b := block.New(0, nil, [][]byte{envelope})
	return b, setLastConfig(b)
}

// setLastConfig points block 0 at itself, twice: in the slot that old clients
// read and in the one that is signed in later blocks.
func setLastConfig(b *common.Block) error {
	last := &common.LastConfig{Index: 0}
	for slot, value := range map[common.BlockMetadataIndex]proto.Message{
		common.BlockMetadataIndex_LAST_CONFIG: last, //lint:ignore SA1019 deprecated for reading first, not for filling
		common.BlockMetadataIndex_SIGNATURES:  &common.OrdererBlockMetadata{LastConfig: last},
	} {
		raw, err := marshal(value)
		if err != nil {
			return err
		}
		if b.Metadata.Metadata[slot], err = marshal(&common.Metadata{Value: raw}); err != nil {
			return err
		}
	}
	return nil
}

func (s *Spec) nonce(config []byte) ([]byte, error) {
	if s.Nonce == "" {
		sum := sha256.Sum256(config)
		return sum[:nonceBytes], nil
	}
	nonce, err := hex.DecodeString(s.Nonce)
	if err != nil || len(nonce) != nonceBytes {
		return nil, fmt.Errorf("nonce: %q is not %d bytes in hexadecimal", s.Nonce, nonceBytes)
	}
	return nonce, nil
}

// marshal writes maps in order of their keys, so that equal messages become
// equal bytes.
func marshal(m proto.Message) ([]byte, error) {
	raw, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", m.ProtoReflect().Descriptor().Name(), err)
	}
	return raw, nil
}

// validAt is the moment at which a certificate chain is judged: never now, so
// that the result depends on the inputs alone.
func validAt(notBefore time.Time) time.Time { return notBefore.Add(time.Second) }
