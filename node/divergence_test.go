package node

import (
	"context"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"

	"github.com/weft-network/weft/internal/porttest"
	"github.com/weft-network/weft/ledger/block"
	"github.com/weft-network/weft/node/commit"
)

// A peer that took another block of the same number, as two orderers that lie
// could give it, has another state. Both it and the others say so to whoever
// watches them.
func TestAPeerWithAnotherStateMakesAllUnhealthy(t *testing.T) {
	n := newNetwork(t, 1, map[string]int{"Org1": 2, "Org2": 1})
	odd, other := n.peers["peer1.Org1"], n.peers["peer0.Org2"]
	for _, r := range []*running{odd, other} {
		r.cfg.Operations = net.JoinHostPort("127.0.0.1", strconv.Itoa(porttest.Node.Free(t)))
	}
	for _, r := range n.all() {
		if r != odd {
			r.start()
		}
	}
	genesis := n.channel("channel1", "Org1", "Org2")
	n.ready("channel1", 2)
	n.define("channel1", "Org1", 1)
	eventually(t, "the other peer has the block and is healthy", func() bool {
		code, _ := get(t, other, "/healthz")
		return code == http.StatusOK && n.height(other.key(), "channel1") >= 2
	})

	odd.takeAnother(genesis)
	odd.start()
	for _, r := range []*running{other, odd} {
		eventually(t, r.name+" is unhealthy", func() bool {
			code, body := get(t, r, "/healthz")
			return code == http.StatusServiceUnavailable && strings.Contains(body, "channel channel1") && strings.Contains(body, "block 1")
		})
		_, metrics := get(t, r, "/metrics")
		if !strings.Contains(metrics, `weft_state_divergence{channel="channel1"}`) || strings.Contains(metrics, `weft_state_divergence{channel="channel1"} 0`) {
			t.Errorf("%s: the metric does not tell", r.name)
		}
	}
}

// takeAnother gives a peer that is down a ledger with a block 1 of its own.
func (r *running) takeAnother(genesis *common.Block) {
	t := r.net.t
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	dir := filepath.Join(r.cfg.DataDir, "peer", "channels", "channel1")
	must(create(dir+".new", dir, genesis))
	ch, err := commit.Open(commit.Config{Dir: dir, Workers: 1})
	must(err)
	header := bytesOf(t, &common.ChannelHeader{Type: int32(common.HeaderType_ENDORSER_TRANSACTION), ChannelId: "channel1"})
	bad := bytesOf(t, &common.Envelope{Payload: bytesOf(t, &common.Payload{Header: &common.Header{ChannelHeader: header}}), Signature: []byte("s")})
	b := block.New(1, block.HeaderHash(genesis.Header), [][]byte{bad})
	must(block.Sign(b, r.net.orderers[0].member.Signer(), 0, nil))
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- ch.Run(ctx) }()
	_, err = ch.TakeWait(ctx, b)
	must(err)
	must(ch.Ledger().WaitHeight(ctx, 2))
	stop()
	must(<-done)
	must(ch.Close())
}

// get asks a node's operations server.
func get(t *testing.T, r *running, path string) (code int, body string) {
	t.Helper()
	resp, err := http.Get("http://" + r.cfg.Operations + path)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(raw)
}
