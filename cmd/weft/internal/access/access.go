// Package access connects the users of a network on this machine to its nodes:
// it loads identities and opens connections once, and closes them together.
package access

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"google.golang.org/grpc"

	"github.com/weft-network/weft/cmd/weft/internal/client"
	"github.com/weft-network/weft/cmd/weft/internal/devnet"
)

// The users that every organisation has.
const (
	Admin = "Admin"
	User1 = "User1"
)

// Access is safe for concurrent use.
type Access struct {
	Net *devnet.Network

	mu    sync.Mutex
	conns map[string]*grpc.ClientConn // by node
	ids   map[string]*client.Identity // by organisation and user
}

// New makes an Access; nothing is read or dialled yet.
func New(n *devnet.Network) *Access {
	return &Access{Net: n, conns: map[string]*grpc.ClientConn{}, ids: map[string]*client.Identity{}}
}

// Close closes the connections of Conn.
func (a *Access) Close() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	var errs []error
	for name, c := range a.conns {
		errs = append(errs, c.Close())
		delete(a.conns, name)
	}
	return errors.Join(errs...)
}

// Identity loads a user of an organisation.
func (a *Access) Identity(org, user string) (*client.Identity, error) {
	o, err := a.Net.Org(org)
	if err != nil {
		return nil, err
	}
	dir, err := a.Net.UserDir(org, user)
	if err != nil {
		return nil, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if id := a.ids[dir]; id != nil {
		return id, nil
	}
	id, err := client.LoadIdentity(dir, o.MSPID)
	if err != nil {
		return nil, fmt.Errorf("identity %s of %s: %w", user, o.Name, err)
	}
	a.ids[dir] = id
	return id, nil
}

// Target is where a node's clients connect.
func Target(node *devnet.Node) client.Target {
	return client.Target{Name: node.Name, Endpoint: node.Endpoint, TLSCA: node.TLSCA()}
}

// Conn is the shared connection to a node. It heals itself when the node comes
// back; the error says that the node does not answer now.
func (a *Access) Conn(ctx context.Context, node *devnet.Node) (*grpc.ClientConn, error) {
	a.mu.Lock()
	c := a.conns[node.Name]
	a.mu.Unlock()
	if c != nil {
		return c, nil
	}
	c, err := Target(node).Open(ctx)
	if err != nil {
		return nil, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if other := a.conns[node.Name]; other != nil {
		return other, c.Close()
	}
	a.conns[node.Name] = c
	return c, nil
}

// Session connects a user to the gateway of a peer. The caller closes it.
func (a *Access) Session(ctx context.Context, node *devnet.Node, org, user, channel string) (*client.Session, error) {
	id, err := a.Identity(org, user)
	if err != nil {
		return nil, err
	}
	return client.Connect(ctx, Target(node), id, channel)
}

// Gateway connects a user to the first peer of the organisation that answers.
// The caller closes the session.
func (a *Access) Gateway(ctx context.Context, org, user, channel string) (*client.Session, error) {
	o, err := a.Net.Org(org)
	if err != nil {
		return nil, err
	}
	peers := a.Net.Peers(o.Name)
	if len(peers) == 0 {
		return nil, fmt.Errorf("organisation %s has no peers to connect to", o.Name)
	}
	var errs []error
	for _, p := range peers {
		s, err := a.Session(ctx, p, org, user, channel)
		if err == nil {
			return s, nil
		}
		if !errors.Is(err, client.ErrUnreachable) {
			return nil, err
		}
		errs = append(errs, err)
	}
	return nil, fmt.Errorf("%w: see \"weft status\"", errors.Join(errs...))
}

// Members are the organisations that share a channel.
func (a *Access) Members(channel string) ([]*devnet.Org, error) {
	names, err := a.Net.Members(channel)
	if err != nil {
		return nil, err
	}
	var orgs []*devnet.Org
	for _, name := range names {
		o, err := a.Net.Org(name)
		if err != nil {
			return nil, err
		}
		orgs = append(orgs, o)
	}
	return orgs, nil
}

// ChannelPeers are the peers of a channel's organisations.
func (a *Access) ChannelPeers(channel string) ([]*devnet.Node, error) {
	orgs, err := a.Members(channel)
	if err != nil {
		return nil, err
	}
	var peers []*devnet.Node
	for _, o := range orgs {
		peers = append(peers, a.Net.Peers(o.Name)...)
	}
	return peers, nil
}
