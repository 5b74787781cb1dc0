package order_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/weft-network/weft/ledger"
	"github.com/weft-network/weft/ledger/block"
	"github.com/weft-network/weft/ledger/channel/genesis"
	"github.com/weft-network/weft/ledger/ident/ca"
	"github.com/weft-network/weft/ledger/ident/catest"
	"github.com/weft-network/weft/node/order"
	"github.com/weft-network/weft/p2p/wire"
	"google.golang.org/protobuf/proto"
)

const tx = common.HeaderType_ENDORSER_TRANSACTION

func TestAnOrderedEnvelopeIsInASignedBlockOnEveryOrderer(t *testing.T) {
	c := newCluster(t, 3)
	c.join(c.genesis)
	c.leader()
	user := c.org.User("User1").Signer()
	var sent []string
	for i := range 6 { // through the leader and through followers
		sent = append(sent, fmt.Sprint(i))
		c.send(i%3, user, sent[i])
	}
	c.have(sent...)
	for i := range c.nodes {
		ch := c.channel(i)
		prev, err := ch.Ledger().Block(0)
		if err != nil {
			t.Fatal(err)
		}
		for n := uint64(1); n < 7; n++ { // or more, where one was sent again
			b, err := ch.Ledger().Block(n)
			if err != nil {
				t.Fatal(err)
			}
			err = block.Check(&ledger.Block{Block: b}, n, block.HeaderHash(prev.Header), ch.Config().MSPs, ch.Config().Policy("/Channel/Orderer/BlockValidation"))
			if err != nil {
				t.Errorf("orderer %d: %v", i, err)
			}
			prev = b
		}
	}
}

func TestOrderersSurviveTheDeathOfTheirLeaderAndARestartOfAll(t *testing.T) {
	c := newCluster(t, 3, func(s *genesis.Spec) { s.Orderer.Raft.SnapshotIntervalSize = 4000 })
	c.join(c.genesis)
	user := c.org.User("User1").Signer()
	var sent []string
	send := func(i int, text string) {
		t.Helper()
		c.send(i, user, text)
		sent = append(sent, text)
	}
	dead := c.leader()
	send(dead, "before")
	c.kill(dead)
	next := c.leader()
	for i := range 20 {
		send(next, fmt.Sprintf("without the old leader %d", i))
	}
	c.start(dead)
	c.leader()
	send(dead, "with it again")
	c.have(sent...)
	for i := range c.nodes {
		c.kill(i)
	}
	for i := range c.nodes {
		c.start(i)
	}
	send(c.leader(), "after a restart of all")
	c.have(sent...)
}

func TestRefusalsAreFabrics(t *testing.T) {
	c := newCluster(t, 1, func(s *genesis.Spec) {
		s.Orderer.AbsoluteMaxBytes = 4000
		s.Orderer.PreferredMaxBytes = 4000
	})
	c.join(c.genesis)
	c.leader()
	user, stranger := c.org.User("User1"), catest.New(t, "Org9").User("User1")
	expired := c.org.User("Late", ca.ValidUntil(catest.Epoch().Add(30*time.Minute)))
	forged := envelope(t, user.Signer(), "mychannel", tx, "x")
	forged.Payload = append(forged.Payload, envelope(t, user.Signer(), "mychannel", tx, "y").Payload...)
	for _, k := range []struct {
		name   string
		env    *common.Envelope
		status common.Status
		info   string
	}{
		{"empty", &common.Envelope{}, common.Status_BAD_REQUEST, "Message was empty"},
		{"garbage", &common.Envelope{Payload: []byte("garbage")}, common.Status_BAD_REQUEST, "could not determine channel ID"},
		{"another channel", envelope(t, user.Signer(), "other", tx, ""), common.Status_NOT_FOUND, "channel does not exist"},
		{"too large", envelope(t, user.Signer(), "mychannel", tx, strings.Repeat("x", 4000)), common.Status_BAD_REQUEST, "exceeds maximum allowed 4000 bytes"},
		{"a foreign organisation", envelope(t, stranger.Signer(), "mychannel", tx, ""), common.Status_FORBIDDEN, "permission denied"},
		{"not a writer", envelope(t, c.org.Peer("peer0").Signer(), "mychannel", tx, ""), common.Status_FORBIDDEN, "permission denied"},
		{"expired", envelope(t, expired.Signer(), "mychannel", tx, ""), common.Status_BAD_REQUEST, "broadcast client identity expired"},
		{"forged", forged, common.Status_FORBIDDEN, "permission denied"},
		{"config update", envelope(t, user.Signer(), "mychannel", common.HeaderType_CONFIG_UPDATE, ""), common.Status_BAD_REQUEST, "configuration updates are not supported by this version"},
		{"config", envelope(t, user.Signer(), "mychannel", common.HeaderType_CONFIG, ""), common.Status_BAD_REQUEST, "cannot be processed directly"},
	} {
		t.Run(k.name, func(t *testing.T) {
			status, info := c.registrar(0).Broadcast(t.Context(), "", k.env)
			if status != k.status || !strings.Contains(info, k.info) {
				t.Errorf("%v %q, want %v %q", status, info, k.status, k.info)
			}
		})
	}
	if h := c.channel(0).Height(); h != 1 {
		t.Errorf("something refused was ordered: height %d", h)
	}
}

func TestWithoutALeaderTheServiceIsUnavailable(t *testing.T) {
	c := newCluster(t, 3)
	if _, err := c.registrar(0).Join(c.genesis); err != nil {
		t.Fatal(err)
	}
	env := envelope(t, c.org.User("User1").Signer(), "mychannel", tx, "")
	if status, info := c.registrar(0).Broadcast(t.Context(), "", env); status != common.Status_SERVICE_UNAVAILABLE || info != "no Raft leader" {
		t.Errorf("%v %q", status, info)
	}
}

func TestAStreamIsPipelinedAndAnsweredInOrder(t *testing.T) {
	c := newCluster(t, 1)
	c.join(c.genesis)
	c.leader()
	near, far := pipe()
	ended := make(chan error, 1)
	go func() { ended <- c.registrar(0).ServeStream(t.Context(), "mychannel", far) }()
	user := c.org.User("User1").Signer()
	const n = 300
	go func() {
		for i := range n {
			env := envelope(t, user, "mychannel", tx, fmt.Sprint(i))
			if i%10 == 3 {
				env.Signature = []byte("bad")
			}
			raw, _ := proto.Marshal(env)
			raw, _ = proto.Marshal(&wire.BroadcastRequest{Envelope: raw})
			near.Send(raw)
		}
	}()
	for i := range n {
		raw, err := near.Recv()
		if err != nil {
			t.Fatal(err)
		}
		r := &wire.BroadcastReply{}
		if err := proto.Unmarshal(raw, r); err != nil {
			t.Fatal(err)
		}
		want := common.Status_SUCCESS
		if i%10 == 3 {
			want = common.Status_FORBIDDEN
		}
		if common.Status(r.Status) != want {
			t.Fatalf("answer %d is %d %s", i, r.Status, r.Info)
		}
	}
	near.Close()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	next := 0
	for b := uint64(1); b < c.channel(0).Height(); b++ {
		bl, err := c.channel(0).Ledger().Block(b)
		if err != nil {
			t.Fatal(err)
		}
		for _, raw := range bl.Data.Data {
			if next%10 == 3 {
				next++
			}
			if text := data(t, raw); text != fmt.Sprint(next) {
				t.Fatalf("envelope %s was ordered where %d was due", text, next)
			}
			next++
		}
	}
}

func TestJoinRefusesWhatIsNotForThisOrderer(t *testing.T) {
	c := newCluster(t, 1)
	c.join(c.genesis)
	reg := c.registrar(0)
	if _, err := reg.Join(c.genesis); !errors.Is(err, order.ErrChannelExists) {
		t.Errorf("joining twice: %v", err)
	}
	later := proto.CloneOf(c.genesis)
	later.Header.Number = 5
	tampered := c.block("second")
	tampered.Header.DataHash[0] ^= 1
	elsewhere := newCluster(t, 1)
	elsewhere.members[0] = elsewhere.ord.Orderer("orderer7")
	for name, k := range map[string]struct {
		b    *common.Block
		want string
	}{
		"no config block":  {block.New(0, nil, [][]byte{[]byte("x")}), "not a config block"},
		"an empty block":   {&common.Block{}, "not a config block"},
		"a later block":    {later, "genesis block, number 0"},
		"a tampered block": {tampered, "Header.DataHash"},
	} {
		if _, err := reg.Join(k.b); err == nil || !strings.Contains(err.Error(), k.want) {
			t.Errorf("%s: %v, want %q", name, err, k.want)
		}
	}
	cfg := c.config(0)
	cfg.Dir, cfg.TLSCert = t.TempDir(), c.ord.Orderer("orderer7").TLSCert.Leaf
	other, err := order.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if _, err := other.Join(c.genesis); err == nil || !strings.Contains(err.Error(), "not a consenter of channel mychannel") {
		t.Errorf("a stranger joined: %v", err)
	}
	if entries, _ := os.ReadDir(cfg.Dir); len(entries) != 0 {
		t.Errorf("a refused join left %v", entries)
	}
}

func TestACrashWhileJoiningLeavesNothing(t *testing.T) {
	c := newCluster(t, 1)
	c.kill(0)
	left := filepath.Join(c.nodes[0].dir, ".unfinished-mychannel")
	if err := errors.Join(os.Mkdir(left, 0o700), os.WriteFile(filepath.Join(left, "genesis.block"), []byte("half"), 0o600)); err != nil {
		t.Fatal(err)
	}
	c.start(0)
	if len(c.registrar(0).List()) != 0 {
		t.Error("half a channel was opened")
	}
	c.join(c.genesis)
}

func TestARemovedChannelIsGoneAndCanBeJoinedAgain(t *testing.T) {
	c := newCluster(t, 1)
	c.join(c.genesis)
	c.leader()
	if err := c.registrar(0).Remove("mychannel"); err != nil {
		t.Fatal(err)
	}
	if err := c.registrar(0).Remove("mychannel"); !errors.Is(err, order.ErrChannelUnknown) {
		t.Errorf("removing twice: %v", err)
	}
	if entries, _ := os.ReadDir(c.nodes[0].dir); len(entries) != 0 {
		t.Errorf("left behind: %v", entries)
	}
	c.join(c.genesis)
	c.leader()
}

func TestABroadcastEndsWithItsContext(t *testing.T) {
	c := newCluster(t, 3)
	c.join(c.genesis)
	lead := c.leader()
	for i := range c.nodes {
		if i != lead {
			c.kill(i)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	env := envelope(t, c.org.User("User1").Signer(), "mychannel", tx, "")
	if status, _ := c.registrar(lead).Broadcast(ctx, "", env); status != common.Status_SERVICE_UNAVAILABLE {
		t.Errorf("%v", status)
	}
}
