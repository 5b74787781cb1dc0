package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"github.com/weft-network/weft/ledger/channel"
	"github.com/weft-network/weft/ledger/ident"
	"github.com/weft-network/weft/ledger/sim"
	"github.com/weft-network/weft/node/endorse"
	"google.golang.org/protobuf/proto"
)

// CSCC is the system chaincode cscc: which channels this peer is on, and
// joining them.
type CSCC struct {
	// Local holds this peer's organisation only.
	Local *ident.Set
	// Channels are those that this peer has joined, and Channel finds one.
	Channels func() []endorse.Channel
	Channel  func(id string) (endorse.Channel, bool)
	// Join starts a channel from its genesis block, or says why not. The block
	// is a config block number 0 that this software can read.
	Join func(genesis *common.Block) error
}

// Invoke implements endorse.System.
func (c *CSCC) Invoke(_ context.Context, p *endorse.Proposal, _ *sim.Simulator) *peer.Response {
	if len(p.Args) < 1 {
		return refused("Incorrect number of arguments, %d", len(p.Args))
	}
	name := string(p.Args[0])
	if name != "GetChannels" && len(p.Args) < 2 {
		return refused("Incorrect number of arguments, %d", len(p.Args))
	}
	switch name {
	case "JoinChain":
		return c.join(p)
	case "GetConfigBlock", "GetChannelConfig":
		return c.config(p, name)
	case "GetChannels":
		return c.channels(p)
	}
	return refused("Requested function %s not found.", name)
}

func (c *CSCC) join(p *endorse.Proposal) *peer.Response {
	genesis, cfg, err := readGenesis(p.Args[1])
	if err != nil {
		return refused("\"JoinChain\" request failed: %s", err)
	}
	if err := endorse.AuthorizeAdmin(p, c.Local); err != nil {
		return refused("access denied for [JoinChain][%s]: [%s]", cfg.ID, err)
	}
	if err := c.Join(genesis); err != nil {
		return refused("%s", err)
	}
	return &peer.Response{Status: 200}
}

func readGenesis(raw []byte) (*common.Block, *channel.Config, error) {
	b := &common.Block{}
	if err := proto.Unmarshal(raw, b); err != nil {
		return nil, nil, fmt.Errorf("Failed to reconstruct the genesis block, %w", err) //nolint:staticcheck // Fabric's text
	}
	if b.Header == nil || b.Data == nil {
		return nil, nil, errors.New("the genesis block has no header or no data")
	}
	if b.Header.Number != 0 {
		return nil, nil, fmt.Errorf("the block is number %d of its channel, not the genesis block", b.Header.Number)
	}
	cfg, err := channel.FromBlock(b)
	if err != nil {
		return nil, nil, fmt.Errorf("validation of the configuration block failed: %w", err)
	}
	return b, cfg, nil
}

func (c *CSCC) config(p *endorse.Proposal, name string) *peer.Response {
	id := string(p.Args[1])
	ch, ok := c.Channel(id)
	if !ok {
		return refused("Unknown channel ID, %s", id)
	}
	cfg := ch.Config()
	if err := endorse.Authorize(p, cfg, "cscc/"+name); err != nil {
		return refused("access denied for [%s][%s]: %s", name, id, err)
	}
	if name == "GetChannelConfig" {
		return success(cfg.Proto)
	}
	b, err := ch.Ledger().LastConfigBlock()
	if err != nil {
		return refused("config block of channel %s: %s", id, err)
	}
	return success(b)
}

func (c *CSCC) channels(p *endorse.Proposal) *peer.Response {
	if err := endorse.AuthorizeMember(p, c.Local); err != nil {
		return refused("access denied for [GetChannels]: %s", err)
	}
	result := &peer.ChannelQueryResponse{}
	for _, ch := range c.Channels() {
		result.Channels = append(result.Channels, &peer.ChannelInfo{ChannelId: ch.ID()})
	}
	slices.SortFunc(result.Channels, func(a, b *peer.ChannelInfo) int { return strings.Compare(a.ChannelId, b.ChannelId) })
	return success(result)
}
