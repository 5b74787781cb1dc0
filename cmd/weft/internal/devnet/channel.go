package devnet

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"google.golang.org/protobuf/proto"

	"github.com/weft-network/weft/ledger/channel/genesis"
)

// tickInterval of Raft: a network on one machine notices a dead leader in one
// or two seconds instead of Fabric's five to ten.
const tickInterval = 100 * time.Millisecond

func (n *Network) channelFile(id, ext string) string {
	return filepath.Join(n.Dir, "channels", id+ext)
}

// GenesisFile is the channel's first block, as Fabric's tools write it.
func (n *Network) GenesisFile(id string) string { return n.channelFile(id, ".block") }

// Channels are the ids of the channels made in this network, sorted.
func (n *Network) Channels() ([]string, error) {
	files, err := filepath.Glob(n.channelFile("*", ".block"))
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, f := range files {
		ids = append(ids, strings.TrimSuffix(filepath.Base(f), ".block"))
	}
	slices.Sort(ids)
	return ids, nil
}

// Members are the names of the channel's application organisations.
func (n *Network) Members(id string) ([]string, error) {
	if err := n.knowChannel(id); err != nil {
		return nil, err
	}
	s, err := genesis.Load(n.channelFile(id, ".yaml"))
	if err != nil {
		return nil, err
	}
	var names []string
	for _, o := range s.Application.Organizations {
		names = append(names, o.Name)
	}
	return names, nil
}

// Genesis is the channel's first block.
func (n *Network) Genesis(id string) (*common.Block, []byte, error) {
	if err := n.knowChannel(id); err != nil {
		return nil, nil, err
	}
	raw, err := os.ReadFile(n.GenesisFile(id))
	if err != nil {
		return nil, nil, err
	}
	b := &common.Block{}
	if err := proto.Unmarshal(raw, b); err != nil {
		return nil, nil, fmt.Errorf("%s is no block: %w", n.GenesisFile(id), err)
	}
	return b, raw, nil
}

// knowChannel refuses ids of channels that were not made here, and with them
// everything that is no id: ids become names of files.
func (n *Network) knowChannel(id string) error {
	ids, err := n.Channels()
	if err != nil {
		return err
	}
	if !slices.Contains(ids, id) {
		return fmt.Errorf("there is no channel %q in %s; it has %s", id, n.Dir, strings.Join(ids, ", "))
	}
	return nil
}

// spec describes a channel of the named organisations: each one's peer0 is its
// anchor, the three orderers order.
func (n *Network) spec(id string, members []string) (*genesis.Spec, error) {
	s := &genesis.Spec{Channel: id, Dir: filepath.Join(n.Dir, "channels")}
	s.Orderer.BatchTimeout = genesis.Duration(2 * time.Second)
	s.Orderer.Raft = genesis.Raft{TickInterval: genesis.Duration(tickInterval), ElectionTick: 10, HeartbeatTick: 1}
	ordering := n.Orgs[0]
	var endpoints []string
	for _, node := range n.Orderers() {
		endpoints = append(endpoints, node.Endpoint)
		ap, err := splitHostPort(node.Endpoint)
		if err != nil {
			return nil, err
		}
		cert := filepath.Join("..", node.credentials(), "tls", "server.crt")
		s.Orderer.Consenters = append(s.Orderer.Consenters, genesis.Consenter{
			Host: ap.host, Port: ap.port, MSPID: ordering.MSPID, ClientTLSCert: cert, ServerTLSCert: cert})
	}
	s.Orderer.Organizations = []genesis.Org{ordering.genesis()}
	s.Orderer.Organizations[0].OrdererEndpoints = endpoints
	for _, name := range members {
		o, err := n.member(name)
		if err != nil {
			return nil, err
		}
		org := o.genesis()
		org.AnchorPeers = []string{n.Peers(o.Name)[0].Endpoint}
		s.Application.Organizations = append(s.Application.Organizations, org)
	}
	return s, nil
}

// member finds an organisation that has peers.
func (n *Network) member(name string) (*Org, error) {
	o, err := n.Org(name)
	if err != nil {
		return nil, err
	}
	if o.Orders {
		return nil, fmt.Errorf("organisation %s orders and has no peers: name others", o.Name)
	}
	return o, nil
}

func (o *Org) genesis() genesis.Org {
	return genesis.Org{Name: o.Name, MSPID: o.MSPID, MSPDir: filepath.Join("..", o.dir(), "msp")}
}

// writeChannel writes the channel's description and then its genesis block: a
// channel exists when the block does.
func (n *Network) writeChannel(id string, members []string) error {
	s, err := n.spec(id, members)
	if err != nil {
		return err
	}
	b, err := s.Block()
	if err != nil {
		return err
	}
	raw, err := proto.MarshalOptions{Deterministic: true}.Marshal(b)
	if err != nil {
		return err
	}
	text, err := s.Marshal()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(n.Dir, "channels"), 0o755); err != nil {
		return err
	}
	if err := writeFile(n.channelFile(id, ".yaml"), text, 0o644); err != nil {
		return err
	}
	return writeFile(n.GenesisFile(id), raw, 0o644)
}

// removeChannel takes back writeChannel.
func (n *Network) removeChannel(id string) error {
	var errs []error
	for _, ext := range []string{".block", ".yaml"} {
		if err := os.Remove(n.channelFile(id, ext)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
