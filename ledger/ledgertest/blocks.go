package ledgertest

import (
	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/weft-network/weft/ledger"
	"github.com/weft-network/weft/ledger/block"
)

// Blocks cuts envelopes into a chain of signed blocks.
type Blocks struct {
	n          *Network
	next       uint64
	previous   []byte
	lastConfig uint64
}

// Blocks starts a chain after the genesis block.
func (n *Network) Blocks() *Blocks {
	return &Blocks{n: n, next: 1, previous: block.HeaderHash(n.Genesis.Header)}
}

// Next makes the next block, signed by the orderer.
func (c *Blocks) Next(envelopes ...[]byte) *common.Block {
	b := c.Peek(envelopes...)
	c.next, c.previous = c.next+1, block.HeaderHash(b.Header)
	if block.IsConfig(b) {
		c.lastConfig = b.Header.Number
	}
	return b
}

// Peek makes the next block without moving on: what stands in for a block that
// is refused, or halts the channel.
func (c *Blocks) Peek(envelopes ...[]byte) *common.Block {
	b := block.New(c.next, c.previous, envelopes)
	last := c.lastConfig
	if block.IsConfig(b) {
		last = c.next
	}
	if err := block.Sign(b, c.n.OrdererNode(), last, nil); err != nil {
		c.n.tb.Fatal(err)
	}
	return b
}

// Number is that of the next block.
func (c *Blocks) Number() uint64 { return c.next }

// Parse is ledger.ParseBlock for blocks that have a header and transactions.
func (n *Network) Parse(b *common.Block) *ledger.Block {
	parsed, err := ledger.ParseBlock(b)
	if err != nil {
		n.tb.Fatal(err)
	}
	return parsed
}
