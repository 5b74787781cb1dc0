// Package devnet is a Weft network on one machine: identities, channel configs,
// one weftd process per node, all under one folder.
//
//	DIR/network.json                     what the network is; written last
//	DIR/organizations/peerOrganizations  credentials, as cryptogen lays them out
//	DIR/organizations/ordererOrganizations
//	DIR/channels/<id>.yaml, <id>.block   each channel's description and genesis block
//	DIR/nodes/<name>/weftd.yaml, data/, log
//	DIR/wasm-cache/                      compiled chaincode, shared by the peers
//	DIR/run/<name>.pid                   the process that runs as the node
//
// A folder without network.json was left by a crash and is made anew; a folder
// that holds anything else is refused and never touched. A process is only ever
// signalled after its start time was compared with the one in the pid file, so
// a reused pid is safe.
//
// # Ports
//
// An orderer's client port is 7050, 8050, 9050; peer0 and peer1 of Org1 have
// 7051 and 8051, of Org2 9051 and 10051, of Org3 11051 and 12051; further peers
// follow ten above the peer two before them (peer2.org1 has 7061, peer3.org1
// 8061). An orderer's admin port is its client port + 3, every node's libp2p
// port client + 1000, its operations port client + 2000; an offset moves all.
//
// These numbers meet: 9050 is orderer3's client port, orderer2's libp2p port and
// orderer's operations port. So the three kinds of port are on three loopback
// addresses: client and admin ports on 127.0.0.1, libp2p on 127.0.0.2,
// operations on 127.0.0.3. Where a system has 127.0.0.1 alone (macOS), libp2p is
// on ::1 and operations on fe80::1%lo0. On one address no two ports are equal.
package devnet

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
)

// formatVersion of network.json.
const formatVersion = 1

const networkFile = "network.json"

// Network is a network on one machine. It is what network.json says; whether
// nodes run is asked of the system each time.
type Network struct {
	// Dir is absolute.
	Dir        string    `json:"-"`
	Format     int       `json:"format"`
	PortOffset int       `json:"portOffset"`
	Addresses  Addresses `json:"addresses"`
	// Orgs: the ordering organisation first, then Org1, Org2, Org3.
	Orgs []*Org `json:"organizations"`
	// Nodes: orderers first, then peers by organisation.
	Nodes []*Node `json:"nodes"`

	sup supervisor
}

// Addresses are the loopback addresses of the three kinds of port.
type Addresses struct {
	Client     string `json:"client"`
	P2P        string `json:"libp2p"`
	Operations string `json:"operations"`
}

// Org is an organisation of the network.
type Org struct {
	Name   string `json:"name"` // Org1
	MSPID  string `json:"mspID"`
	Domain string `json:"domain"`
	// Orders tells the ordering organisation from the others.
	Orders bool `json:"orders,omitempty"`
}

// The roles of nodes.
const (
	RoleOrderer = "orderer"
	RolePeer    = "peer"
)

// Node is one weftd process, running or not.
type Node struct {
	Name string `json:"name"` // peer0.org1.example.com
	Org  string `json:"organization"`
	Role string `json:"role"`
	// Endpoint is host:port of the client gRPC service; Admin of the channel
	// participation API (orderers); P2P of the libp2p host; Operations of
	// /healthz, /metrics and /status.
	Endpoint   string `json:"endpoint"`
	Admin      string `json:"admin,omitempty"`
	P2P        string `json:"libp2p"`
	Operations string `json:"operations"`

	net  *Network
	mu   sync.Mutex
	proc *process // the last one that this weft started
}

// ErrNoNetwork is wrapped by Open when the folder holds no network.
var ErrNoNetwork = errors.New("there is no Weft network")

// Open reads the network in dir.
func Open(dir string) (*Network, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("open network %s: %w", dir, err)
	}
	file := filepath.Join(abs, networkFile)
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w in %s: make one with \"weft up\", or name its folder with --dir", ErrNoNetwork, dir)
	}
	if errors.Is(err, syscall.ENOTDIR) {
		return nil, fmt.Errorf("open network %s: a folder is needed, and this is or leads through a file: name another one with --dir", dir)
	}
	if err != nil {
		return nil, fmt.Errorf("open network %s: %w", dir, err)
	}
	n := &Network{}
	if err := json.Unmarshal(text, n); err != nil {
		return nil, fmt.Errorf("open network %s: %s is damaged: %w", dir, file, err)
	}
	if n.Format != formatVersion {
		return nil, fmt.Errorf("open network %s: %s has format %d, this weft knows %d: use the weft that made it, or remove the network and make it anew",
			dir, file, n.Format, formatVersion)
	}
	n.Dir = abs
	for _, node := range n.Nodes {
		node.net = n
	}
	return n, nil
}

// Node finds a node by its name or the beginning of its name up to a dot:
// peer0.org1.example.com, peer0.org1, orderer.
func (n *Network) Node(name string) (*Node, error) {
	for _, node := range n.Nodes {
		if node.Name == name || strings.HasPrefix(node.Name, name+".") {
			return node, nil
		}
	}
	var names []string
	for _, node := range n.Nodes {
		names = append(names, node.Name)
	}
	return nil, fmt.Errorf("there is no node %q; the network has %s", name, strings.Join(names, ", "))
}

// Org finds an organisation by its name, MSP id or domain.
func (n *Network) Org(name string) (*Org, error) {
	var names []string
	for _, o := range n.Orgs {
		if o.Name == name || o.MSPID == name || o.Domain == name {
			return o, nil
		}
		names = append(names, o.Name)
	}
	return nil, fmt.Errorf("there is no organisation %q; the network has %s", name, strings.Join(names, ", "))
}

// Orderers are the ordering nodes.
func (n *Network) Orderers() []*Node {
	return n.where(func(node *Node) bool { return node.Role == RoleOrderer })
}

// Peers are the peers of the named organisations, or all.
func (n *Network) Peers(orgs ...string) []*Node {
	return n.where(func(node *Node) bool {
		if node.Role != RolePeer {
			return false
		}
		for _, o := range orgs {
			if o == node.Org {
				return true
			}
		}
		return len(orgs) == 0
	})
}

func (n *Network) where(want func(*Node) bool) []*Node {
	var nodes []*Node
	for _, node := range n.Nodes {
		if want(node) {
			nodes = append(nodes, node)
		}
	}
	return nodes
}
