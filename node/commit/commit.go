// Package commit is the peer's side of a channel: blocks come in from any
// source and in any order, are verified, validated and appended in theirs, and
// whoever waits for a transaction is told.
package commit

import (
	"context"
	"errors"
	"log/slog"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/weft-network/weft/ledger"
	"github.com/weft-network/weft/ledger/chain"
	"github.com/weft-network/weft/ledger/channel"
)

// Config of a Channel.
type Config struct {
	// Dir holds the channel's ledger.
	Dir string
	// Genesis is appended when the ledger is empty.
	Genesis *common.Block
	Workers int
	Log     *slog.Logger
}

// Channel is one channel on a peer. It is safe for concurrent use.
type Channel struct{}

// Open opens or creates the channel's ledger and reads its configuration.
func Open(cfg Config) (*Channel, error) { return nil, errors.New("not built yet") }

// Run commits blocks until ctx ends or the channel must halt.
func (c *Channel) Run(ctx context.Context) error { return nil }

// ID of the channel.
func (c *Channel) ID() string { return "" }

// Config in force.
func (c *Channel) Config() *channel.Config { return nil }

// Ledger of the channel.
func (c *Channel) Ledger() *chain.Chain { return nil }

// Offer hands in a block from the outside. Old blocks are ignored, early ones
// wait for their turn. An error means the block is bad and says why: its source
// should not be believed.
func (c *Channel) Offer(b *common.Block) error { return errors.New("not built yet") }

// WaitTx returns where a transaction was committed, waiting for it until ctx
// ends. The first occurrence of the id counts.
func (c *Channel) WaitTx(ctx context.Context, txID string) (chain.TxInfo, error) {
	return chain.TxInfo{}, errors.New("not built yet")
}

// Committed is one block after its commit.
type Committed struct {
	Block *ledger.Block
	Codes []ledger.Code
	Why   []string
}

// Block returns a committed block parsed, from a small cache of recent blocks
// or from disk.
func (c *Channel) Block(n uint64) (*Committed, error) { return nil, errors.New("not built yet") }
