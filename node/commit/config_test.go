package commit

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"google.golang.org/protobuf/proto"

	"github.com/weft-network/weft/ledger"
	"github.com/weft-network/weft/ledger/block"
	"github.com/weft-network/weft/ledger/channel/channeltest"
	"github.com/weft-network/weft/ledger/ident"
	"github.com/weft-network/weft/ledger/ledgertest"
)

// signedBy is the block with the signature of somebody else.
func signedBy(t *testing.T, b *common.Block, s ident.Signer) *common.Block {
	t.Helper()
	b = proto.CloneOf(b)
	if err := block.Sign(b, s, 0, nil); err != nil {
		t.Fatal(err)
	}
	return b
}

// handOver is a chain of which block 2 gives the signing of blocks from the
// ordering organisation to the peers of Org1.
func handOver(t *testing.T) (n *ledgertest.Network, blocks []*common.Block, next ident.Signer) {
	n = ledgertest.New(t)
	cut := n.Blocks()
	env, _ := n.ConfigTx(ledgertest.ConfigTx{From: n.Config.Proto, Edit: func(root *common.ConfigGroup) {
		root.Groups["Orderer"].Policies["BlockValidation"].Policy = &common.Policy{
			Type: int32(common.Policy_SIGNATURE), Value: ledgertest.Encode(n.Policy("OR('Org1MSP.peer')")),
		}
	}})
	define := n.Define(ledgertest.Definition{Name: "cc", Policy: "OR('Org1MSP.peer')"})
	blocks = []*common.Block{cut.Next(define), cut.Next(env)}
	for range 3 {
		blocks = append(blocks, cut.Next(n.Tx(ledgertest.Tx{Chaincode: "cc"})))
	}
	return n, blocks, n.Peer(0)
}

func TestBlocksObeyTheConfigurationBeforeThem(t *testing.T) {
	n, blocks, next := handOver(t)
	var told []uint64
	c, err := Open(Config{Dir: t.TempDir(), Genesis: n.Genesis, OnCommit: func(done *Committed) {
		if done.Config != nil {
			told = append(told, done.Block.Header.Number, done.Config.Sequence)
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	// Block 3 comes early and is signed by the orderer, who could until then.
	offer(t, c, blocks[2])
	// Block 4 is signed by who can from then on. Nobody can know yet.
	good := signedBy(t, blocks[3], next)
	if err := c.Offer(proto.CloneOf(good)); !errors.Is(err, ErrEarly) {
		t.Errorf("a block that is signed under a later configuration: %v", err)
	}
	if err := c.OfferWait(t.Context(), proto.CloneOf(good)); !errors.Is(err, ErrEarly) {
		t.Errorf("and that lacks blocks before it: %v", err)
	}
	spoilt := proto.CloneOf(good)
	spoilt.Data.Data[0] = spoilt.Data.Data[0][1:]
	if err := c.Offer(spoilt); err == nil || errors.Is(err, ErrEarly) {
		t.Errorf("a block that is bad under any configuration: %v", err)
	}
	stop := run(t, c)
	offer(t, c, blocks[0], blocks[1])
	await(t, c, 3)
	if err := c.OfferWait(t.Context(), signedBy(t, blocks[2], next)); err != nil {
		t.Errorf("block 3 as it should be: %v", err)
	}
	if err := c.OfferWait(t.Context(), good); err != nil {
		t.Errorf("block 4: %v", err)
	}
	await(t, c, 5)
	if err := c.OfferWait(t.Context(), blocks[4]); err == nil || !strings.Contains(err.Error(), "block validation policy") {
		t.Errorf("block 5, signed as it was before: %v", err)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	if len(told) != 2 || told[0] != 2 || told[1] != 1 || c.Config().Sequence != 1 {
		t.Errorf("told of configurations %v, in force is %d", told, c.Config().Sequence)
	}
}

// A source that sends blocks in their order never has to know of configurations.
func TestOneStreamOfBlocksPassesAConfiguration(t *testing.T) {
	n, blocks, next := handOver(t)
	for i := range blocks[2:] {
		blocks[2+i] = signedBy(t, blocks[2+i], next)
	}
	c := open(t, t.TempDir(), n.Genesis)
	stop := run(t, c)
	for _, b := range blocks {
		if err := c.OfferWait(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
	await(t, c, 6)
	if err := stop(); err != nil {
		t.Error(err)
	}
}

func TestARestartIsUnderTheNewestValidConfiguration(t *testing.T) {
	n := ledgertest.New(t)
	cut, dir := n.Blocks(), t.TempDir()
	env, after := n.ConfigTx(ledgertest.ConfigTx{From: n.Config.Proto, Edit: channeltest.BatchSize(t, 7)})
	second, _ := n.ConfigTx(ledgertest.ConfigTx{From: after, Edit: channeltest.BatchSize(t, 9)})
	unsigned := &common.Envelope{}
	if err := proto.Unmarshal(second, unsigned); err != nil {
		t.Fatal(err)
	}
	unsigned.Signature[8] ^= 1
	c := open(t, dir, n.Genesis)
	stop := run(t, c)
	offer(t, c, cut.Next(env), cut.Next(ledgertest.Encode(unsigned)))
	await(t, c, 3)
	if err := errors.Join(stop(), c.Close()); err != nil {
		t.Fatal(err)
	}
	if conf := open(t, dir, nil).Config(); conf.Sequence != 1 || conf.Batch.MaxMessageCount != 7 {
		t.Errorf("in force is configuration %d with %d transactions to a block", conf.Sequence, conf.Batch.MaxMessageCount)
	}
}

// What was good before the bad block is committed, and nothing of it or after.
func TestAHaltLosesNothingBeforeIt(t *testing.T) {
	n := ledgertest.New(t)
	cut := n.Blocks()
	// A configuration that no administrator signed, in a block that the orderers did.
	env, _ := n.ConfigTx(ledgertest.ConfigTx{From: n.Config.Proto, Edit: channeltest.BatchSize(t, 7), Admins: []ident.Signer{}})
	var blocks []*common.Block
	for range 5 {
		blocks = append(blocks, cut.Next(n.Tx(ledgertest.Tx{Chaincode: "cc"})))
	}
	blocks = append(blocks, cut.Next(env), cut.Next(n.Tx(ledgertest.Tx{Chaincode: "cc"})))
	c := open(t, t.TempDir(), n.Genesis)
	offer(t, c, blocks...)
	err := c.Run(t.Context())
	if err == nil || !strings.Contains(err.Error(), "halted at block 6") || c.Ledger().Height() != 6 {
		t.Errorf("height %d, %v", c.Ledger().Height(), err)
	}
}

func TestWhatWaitsIsBoundedInBytes(t *testing.T) {
	o := newOrderer(t)
	genesis := o.genesis("channel1")
	c := open(t, t.TempDir(), genesis)
	blocks := o.chain("channel1", genesis, 4)
	offer(t, c, blocks[1])
	c.mu.Lock()
	c.pending.bytes = maxPendingBytes
	c.mu.Unlock()
	if err := c.Offer(blocks[2]); !errors.Is(err, ErrAhead) {
		t.Errorf("one block more: %v", err)
	}
	offer(t, c, blocks[0]) // the next one of the ledger is always taken
	stop := run(t, c)
	await(t, c, 3)
	if err := stop(); err != nil { // which ends after what was committed is told
		t.Fatal(err)
	}
	c.mu.Lock()
	left := c.pending.bytes
	c.pending.bytes = 0
	c.mu.Unlock()
	if want := maxPendingBytes - sizeOf(blocks[1]); left != want {
		t.Errorf("%d bytes are counted, want %d", left, want)
	}
}

func TestRecentBlocksAreBoundedInNumberAndBytes(t *testing.T) {
	r := newRecent(3)
	add := func(n uint64, size int) {
		r.add(n, &Committed{Block: &ledger.Block{Block: &common.Block{Header: &common.BlockHeader{Number: n}}}}, size)
	}
	has := func(want ...uint64) {
		t.Helper()
		var got []uint64
		for n := range uint64(200) {
			if r.get(n) != nil {
				got = append(got, n)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("kept are %v, want %v", got, want)
		}
	}
	for n := range uint64(keptRecent + 2) {
		add(3+n, 1)
	}
	if r.get(4) != nil || r.get(5) == nil || r.bytes != keptRecent {
		t.Errorf("%d bytes are kept", r.bytes)
	}
	add(37, keptRecentBytes-1)
	has(36, 37)
	add(38, keptRecentBytes+1)
	has(38)
	add(39, 1)
	has(39)
}
