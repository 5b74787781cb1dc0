package node

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"slices"
	"time"

	"github.com/weft-network/weft/wasm"
	"github.com/weft-network/weft/wasm/sandbox"
)

// Role is what a node does.
type Role string

// A node is a peer, an orderer, or both.
const (
	Peer    Role = "peer"
	Orderer Role = "orderer"
)

// Config of a node. Zero values of optional fields take the defaults named.
type Config struct {
	// Roles of this node: "peer", "orderer" or both.
	Roles []Role
	// MSPID and MSPDir are the node's organisation and its MSP folder
	// (signcerts/, keystore/, cacerts/, …) in the layout of Fabric's cryptogen.
	MSPID  string
	MSPDir string
	// DataDir holds everything the node keeps: ledgers, Raft log, chaincode.
	DataDir string
	// Listen is the host:port of the client gRPC service (TLS).
	Listen string
	// Endpoint is the host:port under which channel configurations and clients
	// know this node. Default: Listen.
	Endpoint string
	TLS      TLS
	// P2P are the multiaddrs that the libp2p host listens on, such as
	// /ip4/127.0.0.1/tcp/8051.
	P2P []string
	// Operations is the host:port of /healthz, /metrics, /version, /logspec and
	// /status (plain HTTP). Empty: not served.
	Operations string
	// Profile adds Go's profiles under /debug/pprof/ to Operations.
	Profile bool
	// Admin serves the channel participation API of an orderer.
	Admin Admin
	Peer  PeerConfig

	// Fatal ends the process when an index can be written no more; a restart
	// recovers. It must not return. Default: a panic.
	Fatal func(msg string)

	Log *slog.Logger
	// Level changes the log level at run time through /logspec. Optional.
	Level *slog.LevelVar
	// Now is the node's only clock. Default: time.Now.
	Now func() time.Time
}

// TLS are the files of a server certificate and its key.
type TLS struct {
	Cert, Key string
}

// Admin is the channel participation API: mutual TLS, clients with a
// certificate under ClientCAs only.
type Admin struct {
	Listen    string
	TLS       TLS
	ClientCAs []string
}

// PeerConfig are settings of the peer role.
type PeerConfig struct {
	// ValidatorWorkers verify the signatures of a channel's blocks. Default: the number
	// of processors.
	ValidatorWorkers int
	// EndorserConcurrency bounds simulations under way. Default: 2500.
	EndorserConcurrency int
	// GatewayConcurrency bounds gateway calls under way; event streams are not
	// counted. Default: 5000.
	GatewayConcurrency int
	// ExecuteTimeout bounds one chaincode invocation. Default: 30 s.
	ExecuteTimeout time.Duration
	// WasmCache is the folder of compiled chaincode, mode 0700. It holds machine
	// code that the peer runs: share it between nodes of one operator on one
	// machine only. Default: a folder in DataDir.
	WasmCache string
	// Chaincode are the limits of one chaincode call; zero fields take the
	// defaults of wasm.DefaultLimits, and CallTime is ExecuteTimeout. Those that
	// chaincode can notice are part of the execution profile: peers that differ
	// do not endorse together.
	Chaincode wasm.Limits
	// Compiler is the program, with its arguments, that compiles chaincode out
	// of this process: sandbox.Self() in a program that calls sandbox.Serve.
	// Empty: chaincode is compiled in this process, without limits.
	Compiler []string
	// Compile are the limits of compiling one module; zero fields take the
	// defaults of sandbox.DefaultLimits.
	Compile sandbox.Limits
}

const defaultGatewayConcurrency = 5000

func (c *Config) has(r Role) bool { return slices.Contains(c.Roles, r) }

// Validate fills defaults and says everything that is wrong.
func (c *Config) Validate() error {
	if c.Endpoint == "" {
		c.Endpoint = c.Listen
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Peer.GatewayConcurrency == 0 {
		c.Peer.GatewayConcurrency = defaultGatewayConcurrency
	}
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if len(c.Roles) == 0 {
		bad("roles is empty: name peer, orderer or both")
	}
	for _, r := range c.Roles {
		if r != Peer && r != Orderer {
			bad("roles has %q: a node is a peer, an orderer or both", r)
		}
	}
	for name, v := range map[string]string{"mspID": c.MSPID, "mspDir": c.MSPDir, "dataDir": c.DataDir, "tls.cert": c.TLS.Cert, "tls.key": c.TLS.Key} {
		if v == "" {
			bad("%s is missing", name)
		}
	}
	for name, v := range map[string]string{"listen": c.Listen, "endpoint": c.Endpoint} {
		if _, _, err := net.SplitHostPort(v); err != nil {
			bad("%s %q is not host:port", name, v)
		}
	}
	if len(c.P2P) == 0 {
		bad("p2p is empty: give a multiaddr such as /ip4/127.0.0.1/tcp/8051")
	}
	if c.has(Orderer) && c.Admin.Listen != "" && (c.Admin.TLS.Cert == "" || c.Admin.TLS.Key == "" || len(c.Admin.ClientCAs) == 0) {
		bad("admin needs tls.cert, tls.key and clientCAs: it is served with mutual TLS only")
	}
	if err := c.Peer.Chaincode.Validate(); err != nil {
		bad("peer.chaincode: %w", err)
	}
	if err := c.Peer.Compile.Validate(); err != nil {
		bad("peer.compile: %w", err)
	}
	for _, f := range append([]string{c.TLS.Cert, c.TLS.Key, c.Admin.TLS.Cert, c.Admin.TLS.Key}, c.Admin.ClientCAs...) {
		if err := readable(f); err != nil {
			errs = append(errs, err)
		}
	}
	slices.SortFunc(errs, func(a, b error) int { return compareText(a.Error(), b.Error()) })
	return errors.Join(errs...)
}

func readable(path string) error {
	if path == "" {
		return nil
	}
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("%w: give this process the right to read it, or correct the path", err)
	}
	return f.Close()
}

func compareText(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}
