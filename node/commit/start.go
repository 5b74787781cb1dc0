package commit

import (
	"errors"
	"fmt"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"google.golang.org/protobuf/proto"

	"github.com/weft-network/weft/ledger"
	"github.com/weft-network/weft/ledger/block"
	"github.com/weft-network/weft/ledger/chain"
	"github.com/weft-network/weft/ledger/channel"
	"github.com/weft-network/weft/ledger/validate"
)

// start appends the genesis block to an empty ledger and reads the
// configuration in force.
func (c *Channel) start() error {
	if c.ledger.Height() == 0 {
		if err := c.appendGenesis(); err != nil {
			return err
		}
	}
	conf, err := c.readConfig()
	if err != nil {
		return fmt.Errorf("read the channel configuration: %w", err)
	}
	c.config.Store(conf)
	return nil
}

// readConfig takes the configuration from the state, where only a valid one
// stands: the newest config block may be an invalid one.
func (c *Channel) readConfig() (conf *channel.Config, err error) {
	genesis, err := c.ledger.Block(0)
	if err != nil {
		return nil, err
	}
	id, err := block.ChannelID(genesis)
	if err != nil {
		return nil, err
	}
	snap := c.ledger.Snapshot()
	defer func() { err = errors.Join(err, snap.Close()) }()
	raw, _, err := snap.Get(validate.ConfigNamespace, validate.ConfigKey)
	if err != nil {
		return nil, err
	}
	env := &common.ConfigEnvelope{}
	if err := proto.Unmarshal(raw, env); err != nil {
		return nil, err
	}
	return channel.FromConfig(id, env.Config)
}

func (c *Channel) appendGenesis() error {
	if c.cfg.Genesis == nil {
		return fmt.Errorf("the ledger in %s is empty and no genesis block was given", c.cfg.Dir)
	}
	b, err := ledger.ParseBlock(c.cfg.Genesis)
	if err != nil {
		return fmt.Errorf("genesis block: %w", err)
	}
	if err := block.Check(b, 0, nil, nil, nil); err != nil {
		return fmt.Errorf("genesis block: %w", err)
	}
	block.SetCodes(b.Block, []ledger.Code{0})
	updates, err := validate.Updates(b, nil)
	if err != nil {
		return fmt.Errorf("genesis block: %w", err)
	}
	return c.ledger.Append(b, chain.Commit{Updates: updates})
}
