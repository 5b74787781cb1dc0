package demo

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"google.golang.org/protobuf/proto"

	"github.com/weft-network/weft/cmd/weft/internal/access"
	"github.com/weft-network/weft/cmd/weft/internal/devnet"
	"github.com/weft-network/weft/ledger/channel"
	"github.com/weft-network/weft/node/ops"
)

// Up makes the network and starts it.
func (s *Scenario) Up(ctx context.Context) error {
	s.began = time.Now()
	if err := devnet.CheckWeftd(s.cfg.Weftd); err != nil {
		return err
	}
	n, _, err := devnet.Prepare(s.cfg.Dir, &devnet.Topology{PortOffset: s.cfg.PortOffset}, nil)
	if err != nil {
		return err
	}
	s.Net, s.access, s.started = n, access.New(n), true
	if _, err := n.Up(ctx, devnet.UpOptions{Weftd: s.cfg.Weftd, Attached: !s.cfg.Detached}); err != nil {
		return err
	}
	s.out.ok("network in %s: %d organisations, %d node processes, ready after %s", s.cfg.Dir, len(n.Orgs), len(n.Nodes), ms(time.Since(s.began)))
	return nil
}

// Network is what Describe found.
type Network struct {
	Nodes  []devnet.NodeStatus `json:"nodes"`
	Config *channel.Config     `json:"-"`
	// Policies of channel1, by path.
	Policies map[string]string `json:"policies"`
}

// Describe asks every node what it is, and a peer for the channel's config.
func (s *Scenario) Describe(ctx context.Context) (*Network, error) {
	found := &Network{}
	err := until(ctx, "every organisation of channel1 has one peer that streams from the orderers", func() (bool, error) {
		found.Nodes = s.Net.Status(ctx)
		err := oneSource(found.Nodes)
		return err == nil, err
	})
	if err != nil {
		return nil, err
	}
	b, _, err := s.Net.ConfigBlock(ctx, channel1)
	if err != nil {
		return nil, err
	}
	if found.Config, err = channel.FromBlock(b); err != nil {
		return nil, err
	}
	found.Policies = policies(found.Config.Proto)
	s.printNetwork(found)
	return found, nil
}

// oneSource checks that each organisation of channel1 has exactly one leading
// peer, and that Org1's other peer has its blocks from gossip.
func oneSource(nodes []devnet.NodeStatus) error {
	leading, raft := map[string]int{}, 0
	for _, n := range nodes {
		if n.Status == nil {
			return fmt.Errorf("%s does not answer: %s", n.Name, n.Error)
		}
		c := on(n.Status, channel1)
		switch {
		case c == nil:
		case n.Role == devnet.RoleOrderer && c.Leader:
			raft++
		case n.Role == devnet.RolePeer && c.Leader:
			leading[n.Org]++
		}
	}
	return claim(raft == 1 && leading["Org1"] == 1 && leading["Org2"] == 1 && len(leading) == 2,
		"one Raft leader (%d) and one leading peer in each organisation (%v)", raft, leading)
}

// on is a channel in a node's status, or nil.
func on(st *ops.Status, id string) *ops.Channel {
	if st == nil {
		return nil
	}
	for i := range st.Channels {
		if st.Channels[i].ID == id {
			return &st.Channels[i]
		}
	}
	return nil
}

func (s *Scenario) printNetwork(found *Network) {
	rows := [][]string{{"NODE", "MSP", "CLIENTS", "LIBP2P PEER ID", "CHANNEL1"}}
	for _, n := range found.Nodes {
		rows = append(rows, []string{n.Name, n.Organization().MSPID, n.Endpoint, n.Status.PeerID, part(n)})
	}
	s.out.table(rows)
	c := found.Config
	s.out.say("channel1, read from its config block %d:", c.Sequence)
	var members []string
	for _, o := range s.Net.Orgs {
		if c.Application[o.MSPID] != nil {
			members = append(members, o.Name)
		}
	}
	s.out.line("members       %s", strings.Join(members, ", "))
	s.out.line("consensus     %s, %d consenters", c.ConsensusType, len(c.Consenters))
	s.out.line("batch         %d transactions, %d kB (preferred %d kB), or %s", c.Batch.MaxMessageCount, c.Batch.AbsoluteMaxBytes>>10, c.Batch.PreferredMaxBytes>>10, c.Batch.Timeout)
	s.out.line("capabilities  channel %v, orderer %v, application %v", c.Capabilities.Channel, c.Capabilities.Orderer, c.Capabilities.Application)
	for _, path := range shownPolicies() {
		s.out.line("%-45s %s", path, found.Policies[path])
	}
	s.out.ok("one Raft leader; in each member one peer streams from the orderers, Org1's other peer gets its blocks by gossip alone")
}

// part is what a node does on channel1.
func part(n devnet.NodeStatus) string {
	c := on(n.Status, channel1)
	switch {
	case c == nil:
		return "not a member"
	case n.Role == devnet.RoleOrderer && c.Leader:
		return "orders, Raft leader"
	case n.Role == devnet.RoleOrderer:
		return "orders"
	case c.Leader:
		return "leads, blocks from orderers"
	}
	return "blocks from " + c.Source
}

func shownPolicies() []string {
	return []string{
		"/Channel/Application/Writers", "/Channel/Application/Endorsement", "/Channel/Application/LifecycleEndorsement",
		"/Channel/Orderer/BlockValidation", "/Channel/Admins",
	}
}

// policies writes the policies of a config as they are configured.
func policies(c *common.Config) map[string]string {
	all := map[string]string{}
	var walk func(path string, g *common.ConfigGroup)
	walk = func(path string, g *common.ConfigGroup) {
		for name, p := range g.GetPolicies() {
			all[path+"/"+name] = policyText(p.GetPolicy())
		}
		for name, sub := range g.GetGroups() {
			walk(path+"/"+name, sub)
		}
	}
	walk("/Channel", c.GetChannelGroup())
	return all
}

func policyText(p *common.Policy) string {
	meta := &common.ImplicitMetaPolicy{}
	if p.GetType() == int32(common.Policy_IMPLICIT_META) && proto.Unmarshal(p.GetValue(), meta) == nil {
		return meta.Rule.String() + " " + meta.SubPolicy
	}
	return "signatures"
}
