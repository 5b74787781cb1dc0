package devnet

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
)

// Topology is what a network is made from.
type Topology struct {
	// Peers per organisation; 0 means two of Org1 and one of Org2 and Org3.
	Peers int
	// PortOffset is added to every port.
	PortOffset int
}

const (
	// maxPeers of an organisation: the numbering of ports holds up to here, and
	// a machine that runs more is no developer's.
	maxPeers = 100
	// maxPort is the last port of TCP.
	maxPort = 65535
)

// The distances of a node's other ports from its client port.
const (
	adminDistance      = 3
	p2pDistance        = 1000
	operationsDistance = 2000
)

// template is an organisation of every network.
type template struct {
	Org
	// base is the client port of its first node.
	base int
	// peers by default.
	peers int
}

func templates() []template {
	return []template{
		{Org: Org{Name: "Orderer", MSPID: "OrdererMSP", Domain: "example.com", Orders: true}, base: 7050},
		{Org: Org{Name: "Org1", MSPID: "Org1MSP", Domain: "org1.example.com"}, base: 7051, peers: 2},
		{Org: Org{Name: "Org2", MSPID: "Org2MSP", Domain: "org2.example.com"}, base: 9051, peers: 1},
		{Org: Org{Name: "Org3", MSPID: "Org3MSP", Domain: "org3.example.com"}, base: 11051, peers: 1},
	}
}

// ordererNames are the hosts of the ordering service, as in Fabric's samples.
func ordererNames() []string { return []string{"orderer", "orderer2", "orderer3"} }

// peerPort is the client port of an organisation's peer: the first two are a
// thousand apart, as in Fabric's samples, and each further one is ten above the
// peer two before it. Organisations are two thousand apart and the last digit
// stays 1, so that no client port meets another one or an admin port.
func peerPort(base, i int) int { return base + i%2*1000 + i/2*10 }

// layOut says what the network will be. It touches nothing.
func (t Topology) layOut(addr Addresses) (*Network, error) {
	if t.Peers < 0 || t.Peers > maxPeers {
		return nil, fmt.Errorf("%d peers per organisation: it is 1 to %d", t.Peers, maxPeers)
	}
	n := &Network{Format: formatVersion, PortOffset: t.PortOffset, Addresses: addr}
	for _, org := range templates() {
		o := org.Org
		n.Orgs = append(n.Orgs, &o)
		if o.Orders {
			for i, name := range ordererNames() {
				n.add(&o, RoleOrderer, name, org.base+i*1000)
			}
			continue
		}
		peers := org.peers
		if t.Peers > 0 {
			peers = t.Peers
		}
		for i := range peers {
			n.add(&o, RolePeer, fmt.Sprintf("peer%d", i), peerPort(org.base, i))
		}
	}
	return n, n.checkPorts()
}

func (n *Network) add(o *Org, role, short string, port int) {
	port += n.PortOffset
	node := &Node{
		Name: short + "." + o.Domain, Org: o.Name, Role: role, net: n,
		Endpoint:   hostPort(n.Addresses.Client, port),
		P2P:        hostPort(n.Addresses.P2P, port+p2pDistance),
		Operations: hostPort(n.Addresses.Operations, port+operationsDistance),
	}
	if role == RoleOrderer {
		node.Admin = hostPort(n.Addresses.Client, port+adminDistance)
	}
	n.Nodes = append(n.Nodes, node)
}

func hostPort(host string, port int) string { return net.JoinHostPort(host, strconv.Itoa(port)) }

// checkPorts refuses an offset that moves a port out of TCP's range.
func (n *Network) checkPorts() error {
	for _, node := range n.Nodes {
		for _, p := range node.ports() {
			if at, err := splitHostPort(p.addr); err != nil || at.port == 0 {
				return fmt.Errorf("port offset %d gives %s the %s address %s: ports are 1 to %d", n.PortOffset, node.Name, p.use, p.addr, maxPort)
			}
		}
	}
	return nil
}

// port is one that a node listens on.
type port struct{ use, addr string }

func (node *Node) ports() []port {
	ports := []port{{"client", node.Endpoint}, {"libp2p", node.P2P}, {"operations", node.Operations}}
	if node.Admin != "" {
		ports = append(ports, port{"admin", node.Admin})
	}
	return ports
}

// multiaddr writes host:port as libp2p does.
func multiaddr(addr string) (string, error) {
	ap, err := netip.ParseAddrPort(addr)
	if err != nil {
		return "", fmt.Errorf("libp2p address: %w", err)
	}
	family := "ip4"
	if ap.Addr().Is6() {
		family = "ip6"
	}
	return fmt.Sprintf("/%s/%s/tcp/%d", family, ap.Addr(), ap.Port()), nil
}

type endpoint struct {
	host string
	port uint16
}

func splitHostPort(addr string) (endpoint, error) {
	host, text, err := net.SplitHostPort(addr)
	if err != nil {
		return endpoint{}, err
	}
	port, err := strconv.ParseUint(text, 10, 16)
	return endpoint{host, uint16(port)}, err
}
