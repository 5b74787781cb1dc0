package order_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/weft-network/weft/ledger/block"
	"github.com/weft-network/weft/ledger/channel/channeltest"
	"github.com/weft-network/weft/ledger/channel/genesis"
	"github.com/weft-network/weft/ledger/ident"
	"github.com/weft-network/weft/ledger/ident/ca"
	"github.com/weft-network/weft/ledger/ident/catest"
	"github.com/weft-network/weft/node/order"
	"github.com/weft-network/weft/node/order/raft"
	"github.com/weft-network/weft/p2p"
	"google.golang.org/protobuf/proto"
)

// cluster is a few orderers in one process, joined by pipes.
type cluster struct {
	t       *testing.T
	ord     *catest.Org
	org     *catest.Org
	members []*ca.Member
	genesis *common.Block

	mu    sync.Mutex
	nodes []*orderer
}

// orderer is one of them; reg is nil while it is down.
type orderer struct {
	dir  string
	reg  *order.Registrar
	stop func()
}

func newCluster(t *testing.T, n int, edits ...func(*genesis.Spec)) *cluster {
	c := &cluster{t: t, ord: catest.NewOrderer(t), org: catest.New(t, "Org1"), nodes: make([]*orderer, n)}
	for i := range n {
		c.members = append(c.members, c.ord.Orderer(fmt.Sprintf("orderer%d", i)))
	}
	c.genesis = c.block("mychannel", edits...)
	for i := range n {
		c.nodes[i] = &orderer{dir: t.TempDir()}
		c.start(i)
	}
	t.Cleanup(func() {
		for i := range n {
			c.kill(i)
		}
	})
	return c
}

// block is the genesis block of a channel of all members.
func (c *cluster) block(id string, edits ...func(*genesis.Spec)) *common.Block {
	edit := func(s *genesis.Spec) {
		first := s.Orderer.Consenters[0]
		for _, m := range c.members[1:] {
			cert := filepath.Join(s.Dir, "ordererOrganizations", c.ord.Spec.Domain, m.Dir(), "tls", "server.crt")
			if !strings.HasPrefix(first.ServerTLSCert, s.Dir) {
				c.t.Fatal("the organisation was not written where it is expected")
			}
			s.Orderer.Consenters = append(s.Orderer.Consenters, genesis.Consenter{
				Host: m.Name, Port: 7050, ClientTLSCert: cert, ServerTLSCert: cert, MSPID: c.ord.Spec.MSPID,
			})
		}
		s.Orderer.Raft.TickInterval = genesis.Duration(20 * time.Millisecond)
		for _, e := range edits {
			e(s)
		}
	}
	return channeltest.Genesis(c.t, id, c.ord, []*catest.Org{c.org}, edit)
}

func (c *cluster) config(i int) order.Config {
	return order.Config{
		Dir: c.nodes[i].dir, Signer: c.members[i].Signer(), TLSCert: c.members[i].TLSCert.Leaf,
		Now: func() time.Time { return catest.Epoch().Add(time.Hour) },
		Log: slog.New(slog.DiscardHandler),
		Dial: func(ctx context.Context, p p2p.Protocol, ch *order.Channel, to uint64) (order.Stream, error) {
			return c.dial(p, ch.ID(), uint64(i)+1, to)
		},
		Consensus: func(ch *order.Channel, id uint64, dir string) (order.Consensus, error) {
			return raft.New(raft.Config{
				Dir: dir, ID: id, Ledger: ch, Genesis: ch.Genesis(), Settings: ch.Config,
				Send: ch.Send, Forward: ch.Forward, Fetch: c.fetch(i, ch.ID()), Log: slog.New(slog.DiscardHandler),
			})
		},
	}
}

func (c *cluster) start(i int) {
	reg, err := order.Open(c.config(i))
	if err != nil {
		c.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- reg.Run(ctx) }()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.nodes[i].reg = reg
	c.nodes[i].stop = func() {
		cancel()
		if err := errors.Join(<-ended, reg.Close()); err != nil {
			c.t.Error(err)
		}
	}
}

func (c *cluster) kill(i int) {
	c.mu.Lock()
	nd := c.nodes[i]
	down := nd.reg == nil
	nd.reg = nil
	c.mu.Unlock()
	if !down {
		nd.stop()
	}
}

func (c *cluster) registrar(i int) *order.Registrar {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.nodes[i].reg
}

func (c *cluster) dial(p p2p.Protocol, channelID string, from, to uint64) (order.Stream, error) {
	reg := c.registrar(int(to) - 1)
	if reg == nil {
		return nil, errors.New("it is down")
	}
	near, far := pipe()
	go func() {
		defer far.Close()
		if p == order.ProtocolRaft {
			reg.ServeRaft(channelID, from, far)
		} else {
			reg.ServeSubmit(context.Background(), channelID, far)
		}
	}()
	return near, nil
}

func (c *cluster) fetch(me int, channelID string) raft.Fetch {
	return func(ctx context.Context, from, to uint64, f func(*common.Block) error) error {
		for i := range c.nodes {
			reg := c.registrar(i)
			if i == me || reg == nil {
				continue
			}
			ch, ok := reg.Channel(channelID)
			if !ok || ch.Height() <= to {
				continue
			}
			for n := from; n <= to; n++ {
				b, err := ch.Ledger().Block(n)
				if err == nil {
					err = f(b)
				}
				if err != nil {
					return err
				}
			}
			return nil
		}
		return errors.New("nobody has them")
	}
}

// join takes all orderers into the channel.
func (c *cluster) join(b *common.Block) {
	c.t.Helper()
	for i := range c.nodes {
		if _, err := c.registrar(i).Join(b); err != nil {
			c.t.Fatal(err)
		}
	}
}

func (c *cluster) channel(i int) *order.Channel {
	c.t.Helper()
	ch, ok := c.registrar(i).Channel("mychannel")
	if !ok {
		c.t.Fatal("not joined")
	}
	return ch
}

// patience bounds whatever a test waits for; on idle cores a hundredth is enough.
const patience = 2 * time.Minute

// leader waits until the orderers that are up agree on a leader that is up.
func (c *cluster) leader() int {
	c.t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); {
		votes := map[uint64]int{}
		up := 0
		for i := range c.nodes {
			if c.registrar(i) != nil {
				up++
				votes[c.channel(i).Consensus().Leader()]++
			}
		}
		for id, n := range votes {
			if id != 0 && n == up && c.registrar(int(id)-1) != nil {
				return int(id) - 1
			}
		}
		time.Sleep(5 * time.Millisecond)
	}
	c.t.Fatal("no leader")
	return 0
}

// send has an orderer order a message, and asks again while nobody leads: on a
// busy machine the orderers may change their leader at any time.
func (c *cluster) send(i int, s ident.Signer, text string) {
	c.t.Helper()
	env := envelope(c.t, s, "mychannel", tx, text)
	for end := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		status, info := c.registrar(i).Broadcast(c.t.Context(), "mychannel", env)
		if status == common.Status_SUCCESS {
			return
		}
		if status != common.Status_SERVICE_UNAVAILABLE || time.Now().After(end) {
			c.t.Fatalf("%s: %v %s", text, status, info)
		}
	}
}

// have waits until all orderers have the same blocks, and checks that these hold
// what was sent, in that order. A message that was sent again, because its first
// answer was lost, may come again later.
func (c *cluster) have(sent ...string) {
	c.t.Helper()
	h := uint64(0)
	for i := range c.nodes {
		h = max(h, c.channel(i).Height())
	}
	c.same(h)
	var got []string
	for n := uint64(1); n < h; n++ {
		b, err := c.channel(0).Ledger().Block(n)
		if err != nil {
			c.t.Fatal(err)
		}
		for _, raw := range b.Data.Data {
			if text := data(c.t, raw); !slices.Contains(got, text) {
				got = append(got, text)
			}
		}
	}
	if !slices.Equal(got, sent) {
		c.t.Fatalf("ordered: %q, sent: %q", got, sent)
	}
}

// same waits until all orderers have h blocks, and compares them.
func (c *cluster) same(h uint64) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var first []byte
	for i := range c.nodes {
		l := c.channel(i).Ledger()
		if err := l.WaitHeight(ctx, h); err != nil {
			c.t.Fatalf("orderer %d is at height %d of %d: %v", i, l.Height(), h, err)
		}
		b, err := l.Block(h - 1)
		if err != nil {
			c.t.Fatal(err)
		}
		if hash := block.HeaderHash(b.Header); first == nil {
			first = hash
		} else if string(hash) != string(first) {
			c.t.Fatalf("the chain of orderer %d differs", i)
		}
	}
}

// data is what envelope was given.
func data(t *testing.T, raw []byte) string {
	t.Helper()
	env, p := &common.Envelope{}, &common.Payload{}
	if err := errors.Join(proto.Unmarshal(raw, env), proto.Unmarshal(env.Payload, p)); err != nil {
		t.Fatal(err)
	}
	return string(p.Data)
}

// envelope is a signed message of a kind on a channel.
func envelope(t testing.TB, s ident.Signer, channelID string, kind common.HeaderType, data string) *common.Envelope {
	t.Helper()
	ch, err1 := proto.Marshal(&common.ChannelHeader{Type: int32(kind), ChannelId: channelID})
	sh, err2 := proto.Marshal(&common.SignatureHeader{Creator: s.Serialized(), Nonce: []byte("nonce")})
	payload, err3 := proto.Marshal(&common.Payload{Header: &common.Header{ChannelHeader: ch, SignatureHeader: sh}, Data: []byte(data)})
	sig, err4 := s.Sign(payload)
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		t.Fatal(err)
	}
	return &common.Envelope{Payload: payload, Signature: sig}
}

// end is one end of a pipe of frames.
type end struct {
	in, out   chan []byte
	done      chan struct{}
	closeOnce *sync.Once
}

func pipe() (near, far *end) {
	a, b, done, once := make(chan []byte, 16), make(chan []byte, 16), make(chan struct{}), &sync.Once{}
	return &end{a, b, done, once}, &end{b, a, done, once}
}

func (e *end) Send(msgs ...[]byte) error {
	for _, msg := range msgs {
		select {
		case e.out <- msg:
		case <-e.done:
			return io.ErrClosedPipe
		}
	}
	return nil
}

func (e *end) Recv() ([]byte, error) {
	select {
	case msg := <-e.in:
		return msg, nil
	default:
	}
	select {
	case msg := <-e.in:
		return msg, nil
	case <-e.done:
		return nil, io.EOF
	}
}

func (e *end) Close() error {
	e.closeOnce.Do(func() { close(e.done) })
	return nil
}
