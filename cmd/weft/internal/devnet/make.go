package devnet

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/weft-network/weft/ledger/ident/ca"
)

const (
	// markFile says that the folder is a network in the making: it is the first
	// file written and removed after network.json. A folder with it and without
	// network.json may be emptied.
	markFile = ".weft-making"
	lockFile = ".lock"
)

// FirstChannel is the channel that every network has, with its members.
const FirstChannel = "channel1"

func firstMembers() []string { return []string{"Org1", "Org2"} }

// Users of every organisation, beside its Admin.
const firstUser = "User1"

// vacant tells whether a network can be made in dir: it is missing, empty, or
// was left by a crash while a network was made in it.
func vacant(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	entries = slices.DeleteFunc(entries, func(e os.DirEntry) bool { return e.Name() == lockFile })
	made := slices.ContainsFunc(entries, func(e os.DirEntry) bool { return e.Name() == markFile })
	if len(entries) > 0 && !made {
		return fmt.Errorf("%s holds something else than a Weft network (%s): name another folder with --dir, or empty this one", dir, entries[0].Name())
	}
	return nil
}

// clear empties a folder that vacant allows, the lock excepted.
func clearDir(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Name() == lockFile || e.Name() == markFile {
			continue
		}
		if err := os.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

// make writes the network's files; nothing is running after it. Before: the
// folder is vacant. A crash at any point leaves it vacant or complete.
func (n *Network) make(now time.Time) error {
	mark := filepath.Join(n.Dir, markFile)
	if err := os.WriteFile(mark, []byte("a Weft network is being made here\n"), 0o644); err != nil {
		return err
	}
	if err := clearDir(n.Dir); err != nil {
		return err
	}
	for _, step := range []func() error{
		func() error { return n.makeOrganizations(now) },
		func() error { return n.writeChannel(FirstChannel, firstMembers()) },
		n.makeNodes,
		n.save,
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return os.Remove(mark)
}

// save writes network.json, which makes the folder a network.
func (n *Network) save() error {
	text, err := json.MarshalIndent(n, "", "  ")
	if err != nil {
		return err
	}
	return writeFile(filepath.Join(n.Dir, networkFile), append(text, '\n'), 0o644)
}

func (n *Network) makeOrganizations(now time.Time) error {
	notBefore, notAfter := ca.Validity(now)
	for _, o := range n.Orgs {
		kind := ca.PeerOrg
		if o.Orders {
			kind = ca.OrdererOrg
		}
		org, err := ca.NewOrg(ca.Spec{Name: o.Name, MSPID: o.MSPID, Domain: o.Domain, Kind: kind,
			NotBefore: notBefore, NotAfter: notAfter, Rand: rand.Reader})
		if err != nil {
			return err
		}
		if err := n.makeMembers(o, org); err != nil {
			return err
		}
		if _, err := org.Write(filepath.Join(n.Dir, "organizations")); err != nil {
			return err
		}
	}
	return nil
}

func (n *Network) makeMembers(o *Org, org *ca.Org) error {
	if _, err := org.Admin("Admin"); err != nil {
		return err
	}
	if _, err := org.User(firstUser); err != nil {
		return err
	}
	for _, node := range n.Nodes {
		if node.Org != o.Name {
			continue
		}
		add := org.Peer
		if node.Role == RoleOrderer {
			add = org.Orderer
		}
		if _, err := add(strings.TrimSuffix(node.Name, "."+o.Domain)); err != nil {
			return err
		}
	}
	return nil
}

// nodeConfig is weftd's configuration file, as far as a network sets it.
type nodeConfig struct {
	Roles      []string     `yaml:"roles,flow"`
	MSPID      string       `yaml:"mspID"`
	MSPDir     string       `yaml:"mspDir"`
	DataDir    string       `yaml:"dataDir"`
	Listen     string       `yaml:"listen"`
	Endpoint   string       `yaml:"endpoint"`
	TLS        tlsConfig    `yaml:"tls"`
	P2P        []string     `yaml:"p2p"`
	Operations string       `yaml:"operations"`
	Admin      *adminConfig `yaml:"admin,omitempty"`
	Peer       *peerConfig  `yaml:"peer,omitempty"`
	Log        logConfig    `yaml:"log"`
}

type peerConfig struct {
	WasmCache string `yaml:"wasmCache"`
}

type tlsConfig struct {
	Cert string `yaml:"cert"`
	Key  string `yaml:"key"`
}

type adminConfig struct {
	Listen    string    `yaml:"listen"`
	TLS       tlsConfig `yaml:"tls"`
	ClientCAs []string  `yaml:"clientCAs"`
}

type logConfig struct {
	Level  string `yaml:"level"`
	Format string `yaml:"format"`
}

// makeNodes writes each node's folder. Paths in it are relative, so that the
// network can be moved while it is stopped.
func (n *Network) makeNodes() error {
	for _, node := range n.Nodes {
		if err := os.MkdirAll(node.Dir(), 0o755); err != nil {
			return err
		}
		text, err := node.config()
		if err != nil {
			return fmt.Errorf("configure %s: %w", node.Name, err)
		}
		if err := writeFile(node.configFile(), text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

func (node *Node) config() ([]byte, error) {
	top := filepath.Join("..", "..")
	org := node.Organization()
	creds := filepath.Join(top, node.credentials())
	files := tlsConfig{Cert: filepath.Join(creds, "tls", "server.crt"), Key: filepath.Join(creds, "tls", "server.key")}
	p2p, err := multiaddr(node.P2P)
	if err != nil {
		return nil, err
	}
	c := nodeConfig{
		Roles: []string{node.Role}, MSPID: org.MSPID, MSPDir: filepath.Join(creds, "msp"), DataDir: "data",
		Listen: node.Endpoint, Endpoint: node.Endpoint, TLS: files,
		P2P: []string{p2p}, Operations: node.Operations,
		Log: logConfig{Level: "info", Format: "text"},
	}
	if node.Admin != "" {
		c.Admin = &adminConfig{Listen: node.Admin, TLS: files,
			ClientCAs: []string{filepath.Join(top, org.dir(), "tlsca", "tlsca."+org.Domain+"-cert.pem")}}
	}
	if node.Role == RolePeer {
		// All peers here are one person's: one of them compiles for all.
		c.Peer = &peerConfig{WasmCache: filepath.Join(top, "wasm-cache")}
	}
	return yaml.Marshal(c)
}
