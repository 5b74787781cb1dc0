package genesis

import (
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/hyperledger/fabric-config/configtx"
	"github.com/hyperledger/fabric-config/configtx/orderer"
	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"github.com/weft-network/weft/ledger/channel"
	"github.com/weft-network/weft/ledger/ident"
	"google.golang.org/protobuf/proto"
)

// tree builds the channel group. The library fabric-config makes the tree; what
// it cannot do is done to the tree afterwards: it has its own idea of an MSP
// (a loaded folder would be taken apart and put together again), leaves out
// anchor peers and writes maps in chance order. Its block is thrown away, since
// it carries a random nonce and the time of day.
func (s *Spec) tree() (*common.ConfigGroup, error) {
	spec, err := s.library()
	if err != nil {
		return nil, err
	}
	made, err := configtx.NewApplicationChannelGenesisBlock(spec, s.Channel)
	if err != nil {
		return nil, err
	}
	root, err := groupOf(made)
	if err != nil {
		return nil, err
	}
	for group, orgs := range map[string][]Org{
		configtx.OrdererGroupKey:     s.Orderer.Organizations,
		configtx.ApplicationGroupKey: s.Application.Organizations,
	} {
		for _, org := range orgs {
			if err := s.finish(root.Groups[group].Groups[org.Name], org); err != nil {
				return nil, fmt.Errorf("organisation %s: %w", org.Name, err)
			}
		}
	}
	return root, sortMaps(root)
}

// groupOf takes the channel group out of a config block.
func groupOf(b *common.Block) (*common.ConfigGroup, error) {
	env, payload, config := &common.Envelope{}, &common.Payload{}, &common.ConfigEnvelope{}
	if err := proto.Unmarshal(b.GetData().GetData()[0], env); err != nil {
		return nil, err
	}
	if err := proto.Unmarshal(env.GetPayload(), payload); err != nil {
		return nil, err
	}
	if err := proto.Unmarshal(payload.GetData(), config); err != nil {
		return nil, err
	}
	return config.GetConfig().GetChannelGroup(), nil
}

// finish gives an organisation's group its MSP and its anchor peers.
func (s *Spec) finish(g *common.ConfigGroup, org Org) error {
	msp, err := ident.LoadConfig(s.path(org.MSPDir), org.MSPID)
	if err != nil {
		return err
	}
	if err := set(g, configtx.MSPKey, msp); err != nil {
		return err
	}
	if len(org.AnchorPeers) == 0 {
		return nil
	}
	anchors := &peer.AnchorPeers{}
	for _, a := range org.AnchorPeers {
		host, port, err := splitEndpoint(a)
		if err != nil {
			return err
		}
		anchors.AnchorPeers = append(anchors.AnchorPeers, &peer.AnchorPeer{Host: host, Port: port})
	}
	return set(g, configtx.AnchorPeersKey, anchors)
}

func splitEndpoint(s string) (string, int32, error) {
	if err := channel.CheckEndpoint(s); err != nil {
		return "", 0, err
	}
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		return "", 0, err
	}
	n, err := strconv.ParseUint(port, 10, 16)
	return host, int32(n), err
}

func set(g *common.ConfigGroup, key string, m proto.Message) error {
	raw, err := marshal(m)
	if err != nil {
		return err
	}
	g.Values[key] = &common.ConfigValue{Value: raw, ModPolicy: configtx.AdminsPolicyKey}
	return nil
}

// sortMaps encodes again the values that hold maps, in order of their keys.
func sortMaps(g *common.ConfigGroup) error {
	for key, m := range map[string]proto.Message{configtx.CapabilitiesKey: &common.Capabilities{}, configtx.ACLsKey: &peer.ACLs{}} {
		v, ok := g.Values[key]
		if !ok {
			continue
		}
		err := proto.Unmarshal(v.Value, m)
		if err != nil {
			return err
		}
		if v.Value, err = marshal(m); err != nil {
			return err
		}
	}
	for _, sub := range g.Groups {
		if err := sortMaps(sub); err != nil {
			return err
		}
	}
	return nil
}

// library says the Spec in the words of fabric-config.
func (s *Spec) library() (configtx.Channel, error) {
	o, a := s.Orderer, s.Application
	consenters, err := s.consenters()
	if err != nil {
		return configtx.Channel{}, err
	}
	return configtx.Channel{
		Capabilities: s.Capabilities,
		Policies:     s.Policies.library(),
		Orderer: configtx.Orderer{
			OrdererType:  o.Type,
			State:        orderer.ConsensusStateNormal,
			BatchTimeout: time.Duration(o.BatchTimeout),
			BatchSize: orderer.BatchSize{
				MaxMessageCount:   uint32(o.MaxMessageCount),
				AbsoluteMaxBytes:  uint32(o.AbsoluteMaxBytes),
				PreferredMaxBytes: uint32(o.PreferredMaxBytes),
			},
			EtcdRaft: orderer.EtcdRaft{
				Consenters: consenters,
				Options: orderer.EtcdRaftOptions{
					TickInterval:         time.Duration(o.Raft.TickInterval).String(),
					ElectionTick:         uint32(o.Raft.ElectionTick),
					HeartbeatTick:        uint32(o.Raft.HeartbeatTick),
					MaxInflightBlocks:    uint32(o.Raft.MaxInflightBlocks),
					SnapshotIntervalSize: uint32(o.Raft.SnapshotIntervalSize),
				},
			},
			Organizations: libraryOrgs(o.Organizations),
			Capabilities:  o.Capabilities,
			Policies:      o.Policies.library(),
		},
		Application: configtx.Application{
			Organizations: libraryOrgs(a.Organizations),
			Capabilities:  a.Capabilities,
			Policies:      a.Policies.library(),
			ACLs:          a.ACLs,
		},
	}, nil
}

func libraryOrgs(orgs []Org) []configtx.Organization {
	var all []configtx.Organization
	for _, o := range orgs {
		all = append(all, configtx.Organization{
			Name:             o.Name,
			Policies:         o.Policies.library(),
			OrdererEndpoints: o.OrdererEndpoints,
		})
	}
	return all
}

func (p Policies) library() map[string]configtx.Policy {
	all := map[string]configtx.Policy{}
	for name, rule := range p {
		kind := configtx.SignaturePolicyType
		if isImplicitMeta(rule) {
			kind = configtx.ImplicitMetaPolicyType
		}
		all[name] = configtx.Policy{Type: kind, Rule: strings.Join(strings.Fields(rule), " ")}
	}
	return all
}

func (s *Spec) consenters() ([]orderer.Consenter, error) {
	var all []orderer.Consenter
	for i, c := range s.Orderer.Consenters {
		client, err := s.certificate(c.ClientTLSCert)
		if err != nil {
			return nil, fmt.Errorf("orderer.consenters[%d].clientTLSCert: %w", i, err)
		}
		server, err := s.certificate(c.ServerTLSCert)
		if err != nil {
			return nil, fmt.Errorf("orderer.consenters[%d].serverTLSCert: %w", i, err)
		}
		all = append(all, orderer.Consenter{
			Address:       orderer.EtcdAddress{Host: c.Host, Port: int(c.Port)},
			ClientTLSCert: client,
			ServerTLSCert: server,
		})
	}
	return all, nil
}

func (s *Spec) certificate(path string) (*x509.Certificate, error) {
	if path == "" {
		return nil, fmt.Errorf("no certificate is given")
	}
	text, err := os.ReadFile(s.path(path))
	if err != nil {
		return nil, fmt.Errorf("read the certificate: %w", err)
	}
	cert, err := channel.ParseCertificate(text)
	if err != nil {
		return nil, fmt.Errorf("read the certificate %s: %w", s.path(path), err)
	}
	return cert, nil
}
