package devnet

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"golang.org/x/sync/errgroup"

	"github.com/weft-network/weft/cmd/weft/internal/client"
	"github.com/weft-network/weft/node/ops"
)

// joinTimeout bounds one node's joining of a channel.
const joinTimeout = time.Minute

// participants are the nodes of a channel: all orderers, and its members' peers.
func (n *Network) participants(id string) ([]*Node, error) {
	members, err := n.Members(id)
	if err != nil {
		return nil, err
	}
	return append(n.Orderers(), n.Peers(members...)...), nil
}

// Admin loads the administrator of an organisation.
func (n *Network) Admin(org string) (*client.Identity, error) { return n.User(org, "Admin") }

// User loads a user such as Admin or User1 of an organisation.
func (n *Network) User(org, user string) (*client.Identity, error) {
	o, err := n.Org(org)
	if err != nil {
		return nil, err
	}
	dir, err := n.UserDir(org, user)
	if err != nil {
		return nil, err
	}
	return client.LoadIdentity(dir, o.MSPID)
}

// join has a node join a channel unless it is on it.
func (n *Network) join(ctx context.Context, id string, node *Node) error {
	s, err := node.Status(ctx)
	if err != nil {
		return err
	}
	if onChannel(s, id) != nil {
		return nil
	}
	err = n.Join(ctx, id, node, node.Org)
	if errors.Is(err, client.ErrJoined) {
		return nil
	}
	return err
}

func onChannel(s ops.Status, id string) *ops.Channel {
	i := slices.IndexFunc(s.Channels, func(c ops.Channel) bool { return c.ID == id })
	if i < 0 {
		return nil
	}
	return &s.Channels[i]
}

// Join asks a running node to join a channel, as the administrator of the
// named organisation; "" is the node's own.
func (n *Network) Join(ctx context.Context, id string, node *Node, as string) error {
	if as == "" {
		as = node.Org
	}
	ctx, cancel := context.WithTimeout(ctx, joinTimeout)
	defer cancel()
	if err := n.ask(ctx, id, node, as); err != nil {
		return fmt.Errorf("join %s to %s as the admin of %s: %w", node.Name, id, as, err)
	}
	return nil
}

func (n *Network) ask(ctx context.Context, id string, node *Node, as string) error {
	_, raw, err := n.Genesis(id)
	if err != nil {
		return err
	}
	admin, err := n.Admin(as)
	if err != nil {
		return err
	}
	if node.Role == RoleOrderer {
		return client.JoinOrderer(ctx, node.Admin, node.TLSCA(), admin, raw)
	}
	conn, err := client.Dial(node.Endpoint, node.TLSCA())
	if err != nil {
		return err
	}
	defer conn.Close()
	return client.JoinPeer(ctx, conn, admin, raw)
}

// CreateChannel forms a channel of organisations that have peers here: writes
// its description and genesis block, and has the orderers and all peers of the
// members join. It returns when the channel is ready. A channel that exists is
// refused, unless an earlier CreateChannel of the same members was cut short:
// that is completed.
func (n *Network) CreateChannel(ctx context.Context, id string, members []string) error {
	members, err := n.memberNames(members)
	fresh := false
	if err == nil {
		fresh, err = n.begin(id, members)
	}
	if err == nil {
		err = n.complete(ctx, id, fresh)
	}
	if err != nil {
		return fmt.Errorf("create channel %s: %w", id, err)
	}
	return nil
}

// memberNames are the names of organisations that are given by name, MSP id or
// domain.
func (n *Network) memberNames(orgs []string) ([]string, error) {
	var names []string
	for _, given := range orgs {
		o, err := n.member(given)
		if err != nil {
			return nil, err
		}
		names = append(names, o.Name)
	}
	return names, nil
}

// begin writes the channel's files if they are not there.
func (n *Network) begin(id string, members []string) (fresh bool, err error) {
	unlock, err := lock(n.Dir)
	if err != nil {
		return false, err
	}
	defer unlock()
	if len(members) == 0 {
		return false, errors.New("name its organisations, for example --orgs Org2,Org3")
	}
	known, err := n.Channels()
	if err != nil {
		return false, err
	}
	if !slices.Contains(known, id) {
		if err := n.allRun(append(n.Orderers(), n.Peers(members...)...)); err != nil {
			return false, err
		}
		return true, n.writeChannel(id, members)
	}
	there, err := n.Members(id)
	if err != nil {
		return false, err
	}
	if !slices.Equal(slices.Sorted(slices.Values(there)), slices.Sorted(slices.Values(members))) {
		return false, fmt.Errorf("it exists, with the members %s: choose another id", strings.Join(there, ", "))
	}
	return false, nil
}

// complete has everybody join who has not.
func (n *Network) complete(ctx context.Context, id string, fresh bool) error {
	nodes, err := n.participants(id)
	if err != nil {
		return err
	}
	if err := n.allRun(nodes); err != nil {
		return err
	}
	missing, err := n.notOn(ctx, id, nodes)
	if err != nil {
		return err
	}
	if len(missing) == 0 && !fresh {
		return errors.New("it exists, and all its members have joined it: choose another id")
	}
	g, gctx := errgroup.WithContext(ctx)
	for _, node := range missing {
		g.Go(func() error { return n.join(gctx, id, node) })
	}
	if err := g.Wait(); err != nil {
		return n.takeBack(ctx, id, nodes, err)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, readyTimeout, fmt.Errorf("it is not ready after %s", readyTimeout))
	defer cancel()
	return n.WaitReady(ctx, id)
}

// takeBack forgets a channel that nobody joined; with one member the channel
// exists, and the same command completes it.
func (n *Network) takeBack(ctx context.Context, id string, nodes []*Node, cause error) error {
	missing, err := n.notOn(context.WithoutCancel(ctx), id, nodes)
	if err == nil && len(missing) == len(nodes) {
		return errors.Join(cause, n.removeChannel(id))
	}
	return fmt.Errorf("%w\nsome nodes have joined: repeat the command to complete the channel", cause)
}

func (n *Network) allRun(nodes []*Node) error {
	for _, node := range nodes {
		if pid, err := node.PID(); err != nil {
			return err
		} else if pid == 0 {
			return fmt.Errorf("%s does not run: start it with \"weft up\"", node.Name)
		}
	}
	return nil
}

// notOn are the nodes that have not joined the channel.
func (n *Network) notOn(ctx context.Context, id string, nodes []*Node) ([]*Node, error) {
	var missing []*Node
	for _, node := range nodes {
		s, err := node.Status(ctx)
		if err != nil {
			return nil, err
		}
		if onChannel(s, id) == nil {
			missing = append(missing, node)
		}
	}
	return missing, nil
}

// WaitReady returns when all orderers of the channel know its leader and all
// members' peers have it, or with the last words of a node that ended.
func (n *Network) WaitReady(ctx context.Context, id string) error {
	nodes, err := n.participants(id)
	if err != nil {
		return err
	}
	g, gctx := errgroup.WithContext(ctx)
	for _, node := range nodes {
		g.Go(func() error {
			var missing string
			err := poll(gctx, func() (bool, error) {
				if missing = node.missing(gctx, id); missing == "" {
					return true, nil
				}
				return false, node.alive()
			})
			if err != nil && gctx.Err() != nil {
				return fmt.Errorf("%w: %s %s", err, node.Name, missing)
			}
			return err
		})
	}
	return g.Wait()
}

// missing says what a node lacks to be ready on a channel, "" for nothing.
func (node *Node) missing(ctx context.Context, id string) string {
	s, err := node.Status(ctx)
	if err != nil {
		return "does not answer: " + err.Error()
	}
	c := onChannel(s, id)
	switch {
	case c == nil:
		return "has not joined " + id
	case c.Error != "":
		return "reports on " + id + ": " + c.Error
	case node.Role == RoleOrderer && c.RaftLeader == 0 && !c.Leader:
		return "knows no leader of " + id
	case c.Height == 0:
		return "has no block of " + id
	}
	return ""
}

// ConfigBlock is the channel's newest config block from the first peer of a
// member that answers; fromFile is true if none runs and it is the genesis
// block as it was made.
func (n *Network) ConfigBlock(ctx context.Context, id string) (b *common.Block, fromFile bool, err error) {
	members, err := n.Members(id)
	if err != nil {
		return nil, false, err
	}
	var errs []error
	for _, node := range n.Peers(members...) {
		if pid, err := node.PID(); err != nil || pid == 0 {
			continue
		}
		b, err := n.configFrom(ctx, node, id)
		if err == nil {
			return b, false, nil
		}
		errs = append(errs, fmt.Errorf("%s: %w", node.Name, err))
	}
	if len(errs) > 0 {
		return nil, false, fmt.Errorf("config of %s: %w", id, errors.Join(errs...))
	}
	b, _, err = n.Genesis(id)
	return b, true, err
}

func (n *Network) configFrom(ctx context.Context, node *Node, id string) (*common.Block, error) {
	ctx, cancel := context.WithTimeout(ctx, joinTimeout)
	defer cancel()
	admin, err := n.Admin(node.Org)
	if err != nil {
		return nil, err
	}
	conn, err := client.Dial(node.Endpoint, node.TLSCA())
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	return client.ConfigBlock(ctx, conn, admin, id)
}
