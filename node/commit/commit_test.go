package commit

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"google.golang.org/protobuf/proto"

	"github.com/weft-network/weft/ledger/block"
	"github.com/weft-network/weft/ledger/channel/channeltest"
	"github.com/weft-network/weft/ledger/ident"
	"github.com/weft-network/weft/ledger/ident/catest"
)

// orderer signs blocks of channels, without any consensus.
type orderer struct {
	t      *testing.T
	signer ident.Signer
	orgs   []*catest.Org
	org    *catest.Org
}

func newOrderer(t *testing.T) *orderer {
	org := catest.NewOrderer(t)
	return &orderer{t: t, org: org, signer: org.Orderer("orderer0").Signer(), orgs: []*catest.Org{catest.New(t, "Org1")}}
}

func (o *orderer) genesis(id string) *common.Block {
	return channeltest.Genesis(o.t, id, o.org, o.orgs)
}

// chain makes count signed blocks on top of a genesis block. Their transactions
// are named "tx" and the number; none of them is valid.
func (o *orderer) chain(id string, genesis *common.Block, count int) []*common.Block {
	o.t.Helper()
	var list []*common.Block
	previous := block.HeaderHash(genesis.Header)
	for n := uint64(1); n <= uint64(count); n++ {
		b := block.New(n, previous, [][]byte{o.envelope(id, fmt.Sprintf("tx%d", n))})
		if err := block.Sign(b, o.signer, 0, nil); err != nil {
			o.t.Fatal(err)
		}
		previous = block.HeaderHash(b.Header)
		list = append(list, b)
	}
	return list
}

func (o *orderer) envelope(id, txID string) []byte {
	ch := marshal(o.t, &common.ChannelHeader{Type: int32(common.HeaderType_ENDORSER_TRANSACTION), ChannelId: id, TxId: txID})
	sh := marshal(o.t, &common.SignatureHeader{Creator: []byte("somebody"), Nonce: []byte("once")})
	payload := marshal(o.t, &common.Payload{Header: &common.Header{ChannelHeader: ch, SignatureHeader: sh}, Data: []byte{}})
	return marshal(o.t, &common.Envelope{Payload: payload, Signature: []byte("signature")})
}

// config is a configuration transaction, signed by the orderer.
func (o *orderer) config(id string) []byte {
	ch := marshal(o.t, &common.ChannelHeader{Type: int32(common.HeaderType_CONFIG), ChannelId: id})
	sh := marshal(o.t, &common.SignatureHeader{Creator: o.signer.Serialized(), Nonce: []byte("once")})
	data := marshal(o.t, &common.ConfigEnvelope{Config: &common.Config{Sequence: 1}})
	payload := marshal(o.t, &common.Payload{Header: &common.Header{ChannelHeader: ch, SignatureHeader: sh}, Data: data})
	signature, err := o.signer.Sign(payload)
	if err != nil {
		o.t.Fatal(err)
	}
	return marshal(o.t, &common.Envelope{Payload: payload, Signature: signature})
}

func marshal(t *testing.T, m proto.Message) []byte {
	t.Helper()
	raw, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func open(t *testing.T, dir string, genesis *common.Block) *Channel {
	t.Helper()
	c, err := Open(Config{Dir: dir, Genesis: genesis, Workers: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// run commits until the test, or the function returned, ends it.
func run(t *testing.T, c *Channel) (stop func() error) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	return func() error { cancel(); return <-done }
}

func offer(t *testing.T, c *Channel, blocks ...*common.Block) {
	t.Helper()
	for _, b := range blocks {
		if err := c.Offer(proto.CloneOf(b)); err != nil {
			t.Fatal(err)
		}
	}
}

func await(t *testing.T, c *Channel, height uint64) {
	t.Helper()
	if err := c.Ledger().WaitHeight(t.Context(), height); err != nil {
		t.Fatal(err)
	}
}

func TestBlocksAreCommittedInTheirOrderHoweverTheyCome(t *testing.T) {
	o := newOrderer(t)
	genesis := o.genesis("channel1")
	c := open(t, t.TempDir(), genesis)
	blocks := o.chain("channel1", genesis, 6)
	stop := run(t, c)
	for _, i := range []int{5, 2, 0, 2, 3, 1, 4, 0} {
		offer(t, c, blocks[i])
	}
	await(t, c, 7)
	for n := uint64(1); n <= 6; n++ {
		done, err := c.Block(n)
		if err != nil || string(done.Block.Hash) != string(block.HeaderHash(blocks[n-1].Header)) || len(done.Codes) != 1 {
			t.Errorf("block %d: %v", n, err)
		}
	}
	if err := stop(); err != nil {
		t.Errorf("run: %v", err)
	}
}

func TestABadBlockIsRefusedAndTheGoodOneStillTaken(t *testing.T) {
	o := newOrderer(t)
	genesis := o.genesis("channel1")
	c := open(t, t.TempDir(), genesis)
	good := o.chain("channel1", genesis, 1)[0]
	for name, spoil := range map[string]func(b *common.Block){
		"data hash":       func(b *common.Block) { b.Data.Data[0] = o.envelope("channel1", "forged") },
		"no transactions": func(b *common.Block) { b.Data = nil },
		"header":          func(b *common.Block) { b.Header = nil },
		"metadata slots":  func(b *common.Block) { b.Metadata = nil },
		"block validation policy": func(b *common.Block) {
			b.Data.Data[0] = o.envelope("channel1", "forged")
			b.Header.DataHash = block.DataHash(b.Data)
		},
		`of channel "channel2"`: func(b *common.Block) {
			proto.Reset(b)
			proto.Merge(b, o.chain("channel2", genesis, 1)[0])
		},
	} {
		b := proto.CloneOf(good)
		spoil(b)
		fresh, err := c.Take(b)
		if fresh || err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %t, %v", name, fresh, err)
		}
	}
	run(t, c)
	offer(t, c, good)
	await(t, c, 2)
}

// The orderers of two channels may be the same, and a channel may be made anew
// under its old name: a signed block need not continue this chain.
func TestABlockOfAnotherChainDoesNotStopTheChannel(t *testing.T) {
	o := newOrderer(t)
	genesis, other := o.genesis("channel1"), o.genesis("channel2")
	c := open(t, t.TempDir(), genesis)
	old := o.chain("channel1", other, 3) // as if channel1 had begun with another block
	blocks := o.chain("channel1", genesis, 3)
	offer(t, c, old...)
	stop := run(t, c)
	offer(t, c, blocks...)
	await(t, c, 4)
	if err := errors.Join(c.Halted(), stop()); err != nil {
		t.Error(err)
	}
}

func TestABlockFarAheadIsNotKept(t *testing.T) {
	o := newOrderer(t)
	genesis := o.genesis("channel1")
	c := open(t, t.TempDir(), genesis)
	blocks := o.chain("channel1", genesis, Window+1)
	if err := c.Offer(blocks[Window]); !errors.Is(err, ErrAhead) {
		t.Errorf("block %d: %v", Window+1, err)
	}
	offer(t, c, blocks[Window-1])
	run(t, c)
	waited := make(chan error, 1)
	go func() { waited <- c.OfferWait(t.Context(), blocks[Window]) }()
	offer(t, c, blocks[:Window]...)
	if err := <-waited; err != nil {
		t.Errorf("OfferWait: %v", err)
	}
	await(t, c, Window+2)
}

func TestOnlyNewsIsFresh(t *testing.T) {
	o := newOrderer(t)
	genesis := o.genesis("channel1")
	c := open(t, t.TempDir(), genesis)
	b := o.chain("channel1", genesis, 1)[0]
	for i, want := range []bool{true, false} {
		if fresh, err := c.Take(proto.CloneOf(b)); fresh != want || err != nil {
			t.Errorf("offer %d: %t, %v", i, fresh, err)
		}
	}
	forged := &common.Block{Header: &common.BlockHeader{Number: 0}}
	if fresh, err := c.Take(forged); fresh || err != nil {
		t.Errorf("a number that is on the ledger: %t, %v", fresh, err)
	}
}

func TestAHaltedChannelTakesNothingAndKeepsNobodyWaiting(t *testing.T) {
	o := newOrderer(t)
	genesis := o.genesis("channel1")
	c := open(t, t.TempDir(), genesis)
	far := o.chain("channel1", genesis, Window+8)
	waiting := make(chan error, 1)
	go func() { waiting <- c.OfferWait(t.Context(), far[Window+7]) }()
	// A configuration after the genesis block, which this version cannot obey.
	config := block.New(1, block.HeaderHash(genesis.Header), [][]byte{o.config("channel1")})
	if err := block.Sign(config, o.signer, 0, nil); err != nil {
		t.Fatal(err)
	}
	offer(t, c, config)
	err := c.Run(t.Context())
	if err == nil || !strings.Contains(err.Error(), "channel channel1 is halted at block 1") {
		t.Errorf("run: %v", err)
	}
	if err := <-waiting; !errors.Is(err, ErrHalted) {
		t.Errorf("who waited is told %v", err)
	}
	if err := c.OfferWait(t.Context(), far[0]); !errors.Is(err, ErrHalted) {
		t.Errorf("who comes is told %v", err)
	}
}

func TestWaitTxAnswersForWhatIsCommittedAndForWhatWillBe(t *testing.T) {
	o := newOrderer(t)
	genesis := o.genesis("channel1")
	c := open(t, t.TempDir(), genesis)
	blocks := o.chain("channel1", genesis, 2)
	offer(t, c, blocks[0])
	run(t, c)
	await(t, c, 2)
	before, err := c.WaitTx(t.Context(), "tx1")
	if err != nil || before.Block != 1 || before.Code == peer.TxValidationCode_VALID {
		t.Errorf("tx1: %+v, %v", before, err)
	}
	type answer struct {
		block uint64
		err   error
	}
	answers := make(chan answer, 2)
	for range cap(answers) {
		go func() {
			info, err := c.WaitTx(t.Context(), "tx2")
			answers <- answer{info.Block, err}
		}()
	}
	offer(t, c, blocks[1])
	for range cap(answers) {
		if a := <-answers; a.err != nil || a.block != 2 {
			t.Errorf("tx2: %+v", a)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.WaitTx(ctx, "never"); !errors.Is(err, context.Canceled) {
		t.Errorf("a wait that was given up: %v", err)
	}
	c.waits.mu.Lock()
	defer c.waits.mu.Unlock()
	if len(c.waits.byID) != 0 {
		t.Errorf("left waiting: %v", c.waits.byID)
	}
}

func TestARestartResumesWhereTheLedgerEnds(t *testing.T) {
	o := newOrderer(t)
	genesis := o.genesis("channel1")
	dir := t.TempDir()
	blocks := o.chain("channel1", genesis, 4)
	first := open(t, dir, genesis)
	stop := run(t, first)
	offer(t, first, blocks[:2]...)
	offer(t, first, blocks[3])
	await(t, first, 3)
	hash := first.Ledger().CommitHash()
	if err := errors.Join(stop(), first.Close()); err != nil {
		t.Fatal(err)
	}
	second := open(t, dir, nil)
	if second.Ledger().Height() != 3 || string(second.Ledger().CommitHash()) != string(hash) {
		t.Errorf("height %d after the restart", second.Ledger().Height())
	}
	run(t, second)
	offer(t, second, blocks[2:]...)
	await(t, second, 5)
}
