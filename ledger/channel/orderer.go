package channel

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/orderer"
	"github.com/hyperledger/fabric-protos-go-apiv2/orderer/etcdraft"
	"google.golang.org/protobuf/proto"
)

// MaxConsenters bounds the Raft cluster of a channel: every one takes part in
// every vote, and clusters beyond a few dozen do not make sense.
const MaxConsenters = 255

// readChannel reads the values of the channel group.
func (c *Config) readChannel() error {
	g := c.groups[rootPath]
	if err := g.onlyValues("HashingAlgorithm", "BlockDataHashingStructure", "OrdererAddresses", "Consortium", "Capabilities"); err != nil {
		return err
	}
	hash, width, addresses := &common.HashingAlgorithm{}, &common.BlockDataHashingStructure{}, &common.OrdererAddresses{}
	for name, msg := range map[string]proto.Message{"HashingAlgorithm": hash, "BlockDataHashingStructure": width, "OrdererAddresses": addresses} {
		if err := g.value(name, msg); err != nil {
			return err
		}
	}
	if hash.GetName() != "SHA256" {
		return fmt.Errorf("%s/HashingAlgorithm: only SHA256 is supported, not %q", g.path, clip(hash.GetName()))
	}
	if width.GetWidth() != math.MaxUint32 {
		return fmt.Errorf("%s/BlockDataHashingStructure: the width must be %d, not %d", g.path, uint32(math.MaxUint32), width.GetWidth())
	}
	c.Addresses = addresses.GetAddresses()
	return checkEndpoints(g.path+"/OrdererAddresses", c.Addresses)
}

// readOrderer reads how blocks are cut.
func (c *Config) readOrderer() error {
	g := c.groups[ordererPath]
	if err := g.onlyValues("ConsensusType", "BatchSize", "BatchTimeout", "KafkaBrokers", "ChannelRestrictions", "Capabilities", "Orderers"); err != nil {
		return err
	}
	size, timeout := &orderer.BatchSize{}, &orderer.BatchTimeout{}
	if err := errors.Join(g.value("BatchSize", size), g.value("BatchTimeout", timeout)); err != nil {
		return err
	}
	d, err := time.ParseDuration(timeout.GetTimeout())
	if err != nil {
		return fmt.Errorf("%s/BatchTimeout: %q is not a duration such as 2s", g.path, clip(timeout.GetTimeout()))
	}
	c.Batch = Batch{
		Timeout:           d,
		MaxMessageCount:   size.GetMaxMessageCount(),
		AbsoluteMaxBytes:  size.GetAbsoluteMaxBytes(),
		PreferredMaxBytes: size.GetPreferredMaxBytes(),
	}
	return c.Batch.check(g.path)
}

func (b Batch) check(path string) error {
	switch {
	case b.Timeout <= 0:
		return fmt.Errorf("%s/BatchTimeout: %s is not more than zero", path, b.Timeout)
	case b.MaxMessageCount == 0:
		return fmt.Errorf("%s/BatchSize: MaxMessageCount must be more than zero", path)
	case b.AbsoluteMaxBytes == 0:
		return fmt.Errorf("%s/BatchSize: AbsoluteMaxBytes must be more than zero", path)
	case b.PreferredMaxBytes == 0:
		return fmt.Errorf("%s/BatchSize: PreferredMaxBytes must be more than zero", path)
	case b.PreferredMaxBytes > b.AbsoluteMaxBytes:
		return fmt.Errorf("%s/BatchSize: PreferredMaxBytes (%d) is more than AbsoluteMaxBytes (%d)", path, b.PreferredMaxBytes, b.AbsoluteMaxBytes)
	}
	return nil
}

// readConsensus reads who orders and with which Raft options.
func (c *Config) readConsensus() error {
	g := c.groups[ordererPath]
	path := g.path + "/ConsensusType"
	ct, meta := &orderer.ConsensusType{}, &etcdraft.ConfigMetadata{}
	if err := g.value("ConsensusType", ct); err != nil {
		return err
	}
	if ct.GetType() != ConsensusRaft {
		return fmt.Errorf("%s: only %s is supported, not %q", path, ConsensusRaft, clip(ct.GetType()))
	}
	if err := proto.Unmarshal(ct.GetMetadata(), meta); err != nil {
		return fmt.Errorf("%s: parse the metadata: %w", path, err)
	}
	if err := checkOptions(meta.GetOptions()); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if err := checkConsenters(meta.GetConsenters()); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	c.ConsensusType, c.Consenters, c.RaftOptions = ct.GetType(), meta.GetConsenters(), meta.GetOptions()
	return nil
}

func checkOptions(o *etcdraft.Options) error {
	tick, err := time.ParseDuration(o.GetTickInterval())
	switch {
	case o == nil:
		return errors.New("there are no Raft options")
	case err != nil:
		return fmt.Errorf("TickInterval %q is not a duration such as 500ms", clip(o.GetTickInterval()))
	case tick <= 0:
		return fmt.Errorf("TickInterval %s is not more than zero", tick)
	case o.GetHeartbeatTick() == 0:
		return errors.New("HeartbeatTick must be more than zero")
	case o.GetElectionTick() <= o.GetHeartbeatTick():
		return fmt.Errorf("ElectionTick (%d) must be more than HeartbeatTick (%d)", o.GetElectionTick(), o.GetHeartbeatTick())
	case o.GetMaxInflightBlocks() == 0:
		return errors.New("MaxInflightBlocks must be more than zero")
	}
	return nil
}

// checkConsenters wants every consenter complete and every certificate once:
// an orderer finds itself in this list by its TLS certificate.
func checkConsenters(all []*etcdraft.Consenter) error {
	if n := len(all); n == 0 || n > MaxConsenters {
		return fmt.Errorf("there must be 1 to %d consenters, there are %d", MaxConsenters, n)
	}
	seen := map[string]int{}
	for i, c := range all {
		if c.GetPort() > math.MaxUint16 || c.GetPort() == 0 || c.GetHost() == "" {
			return fmt.Errorf("consenter %d: %q port %d is no address", i+1, clip(c.GetHost()), c.GetPort())
		}
		for kind, text := range map[string][]byte{"client": c.GetClientTlsCert(), "server": c.GetServerTlsCert()} {
			cert, err := ParseCertificate(text)
			if err != nil {
				return fmt.Errorf("consenter %d (%s:%d): %s TLS certificate: %w", i+1, clip(c.GetHost()), c.GetPort(), kind, err)
			}
			if other, ok := seen[string(cert.Raw)]; ok && other != i {
				return fmt.Errorf("consenters %d and %d have the same TLS certificate", other+1, i+1)
			}
			seen[string(cert.Raw)] = i
		}
	}
	return nil
}

// ParseCertificate reads the first certificate of a PEM text.
func ParseCertificate(text []byte) (*x509.Certificate, error) {
	for rest := text; ; {
		var b *pem.Block
		if b, rest = pem.Decode(rest); b == nil {
			return nil, errors.New("there is no PEM certificate in it")
		}
		if b.Type == "CERTIFICATE" {
			return x509.ParseCertificate(b.Bytes)
		}
	}
}

// readEndpointRules applies what V3_0 asks of orderer endpoints, and asks every
// channel for at least one.
func (c *Config) readEndpointRules() error {
	if c.v3() && len(c.Addresses) > 0 {
		return fmt.Errorf("%s/OrdererAddresses: with capability %s endpoints belong to each ordering organisation", rootPath, ChannelV3_0)
	}
	for _, id := range sortedKeys(c.Orderers) {
		if org := c.Orderers[id]; c.v3() && len(org.Endpoints) == 0 {
			return fmt.Errorf("%s/%s/Endpoints: with capability %s every ordering organisation has endpoints", ordererPath, org.Name, ChannelV3_0)
		}
	}
	if len(c.OrdererEndpoints()) == 0 {
		return fmt.Errorf("%s: the channel has no orderer endpoint", ordererPath)
	}
	return nil
}
