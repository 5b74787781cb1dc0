package e2e

import (
	"context"
	"errors"
	sdk "github.com/hyperledger/fabric-gateway/pkg/client"
	"path/filepath"
	"slices"
	"testing"

	"github.com/weft-network/weft/cmd/weft/internal/access"
	"github.com/weft-network/weft/cmd/weft/internal/client"
	"github.com/weft-network/weft/cmd/weft/internal/deploy"
	"github.com/weft-network/weft/cmd/weft/internal/devnet"
	"github.com/weft-network/weft/node/ops"
)

const (
	channel1 = devnet.FirstChannel
	// both asks for a peer of Org1 and one of Org2.
	both = "AND('Org1MSP.peer','Org2MSP.peer')"
)

// network is a running one that several tests use: two peers of every
// organisation, chaincode asset on channel1 with policy both.
type network struct {
	*devnet.Network
	access *access.Access
	failed error // of starting it
}

var theShared *network

// shared starts the network on first use. Its nodes end with this process.
func shared(t *testing.T) *network {
	t.Helper()
	processes(t)
	if theShared == nil {
		theShared = &network{failed: errors.New("another test could not start it")}
		dir := filepath.Join(workDir, "shared")
		n, _, err := devnet.Prepare(dir, &devnet.Topology{Peers: 2, PortOffset: freeOffset(t)}, nil)
		check(t, err)
		theShared.Network, theShared.access = n, access.New(n)
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		_, err = n.Up(ctx, devnet.UpOptions{Weftd: weftd, Attached: true})
		check(t, err)
		theShared.deploy(t, "asset", "--policy", both)
		theShared.failed = nil
	}
	check(t, theShared.failed)
	return theShared
}

// stopShared ends what shared started.
func stopShared() error {
	if theShared == nil || theShared.Network == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return errors.Join(theShared.access.Close(), theShared.Stop(ctx))
}

// deploy brings the example asset onto channel1 under a name, as a user does.
func (n *network) deploy(t *testing.T, name string, flags ...string) {
	t.Helper()
	args := append([]string{"--dir", n.Dir, "chaincode", "deploy", "--channel", channel1, "--name", name}, flags...)
	succeeds(t, weft, append(args, filepath.Join(repository, "chaincode-examples", "asset"))...)
}

func (n *network) node(t *testing.T, name string) *devnet.Node {
	t.Helper()
	return must(n.Node(name))(t)
}

// session connects User1 of Org1 to its first peer.
func (n *network) session(t *testing.T) *client.Session {
	t.Helper()
	s := must(n.access.Session(t.Context(), n.node(t, "peer0.org1"), "Org1", access.User1, channel1))(t)
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// status is what a node says of channel1.
func (n *network) status(t *testing.T, node *devnet.Node) (found ops.Channel) {
	t.Helper()
	eventually(t, node.Name+" tells of "+channel1, func() error {
		st, err := node.Status(t.Context())
		if err != nil {
			return err
		}
		i := slices.IndexFunc(st.Channels, func(c ops.Channel) bool { return c.ID == channel1 })
		if i < 0 {
			return errors.New("it has not joined")
		}
		found = st.Channels[i]
		return nil
	})
	return found
}

// level waits until all peers have what was committed, and returns the height.
// Before that peers may endorse different versions, and know different
// transactions.
func (n *network) level(t *testing.T) uint64 {
	t.Helper()
	peers := must(n.access.ChannelPeers(channel1))(t)
	return n.sameHeight(t, append(n.Orderers(), peers...)...)
}

// down stops nodes for the rest of the test.
func (n *network) down(t *testing.T, stop func(*devnet.Node) error, nodes ...*devnet.Node) {
	t.Helper()
	n.comeBack(t, nodes...)
	for _, node := range nodes {
		check(t, stop(node))
	}
}

// comeBack has nodes run at the end of the test, and everybody know of them.
func (n *network) comeBack(t *testing.T, nodes ...*devnet.Node) {
	t.Helper()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		for _, node := range nodes {
			if err := node.Start(ctx); err != nil {
				t.Error(err)
			}
		}
		if err := n.whole(ctx); err != nil {
			t.Error(err)
		}
	})
}

// whole waits until the network is as it was after it was started.
func (n *network) whole(ctx context.Context) error {
	if err := n.WaitReady(ctx, channel1); err != nil {
		return err
	}
	spec := deploy.Spec{Channel: channel1, Name: "asset", Policy: both, Sequence: 1}
	d, err := deploy.Define(ctx, n.access, &spec)
	if err != nil {
		return err
	}
	peers, err := n.access.ChannelPeers(channel1)
	if err != nil {
		return err
	}
	return deploy.WaitReady(ctx, n.access, channel1, d, peers, func(deploy.Step) {})
}

func stopNode(node *devnet.Node) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return node.Stop(ctx)
}

// gateway is Fabric's client SDK on a session's connection.
func gateway(s *client.Session) (*sdk.Gateway, error) { return client.Gateway(s.Conn(), s.Identity()) }
