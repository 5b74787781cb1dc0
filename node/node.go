// Package node joins Weft's three pillars into a running node: ledger decides,
// wasm executes, p2p moves bytes, and node wires them for the roles of a peer
// and of an orderer. It is the only code that knows all three.
//
// The life of a transaction, by folder: gateway (the client connects and
// proposes) → endorse (a peer checks, simulates and signs) → gateway (the
// client submits) → order (consensus makes a block) → gossip (blocks reach the
// peers) → commit (validation and the ledger) → gateway (the client's event).
// mesh knows who is who; deliver, lifecycle, admin and ops serve clients and
// administrators.
package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"

	"github.com/weft-network/weft/ledger/ident"
	"github.com/weft-network/weft/node/mesh"
	"github.com/weft-network/weft/node/ops"
	"github.com/weft-network/weft/p2p/wire"
)

// Node is one node, made by New and run once.
type Node struct {
	cfg         Config
	log         *slog.Logger
	signer      ident.Signer
	local       *ident.Set
	mesh        *mesh.Mesh
	metrics     *prometheus.Registry
	peer        *peerRole    // nil without the role
	orderer     *ordererRole // nil without the role
	release     func() error // gives the data directory back
	forget      func() error // removes it if it was made by a New that fails
	deliverOnce sync.Once

	listen struct{ client, admin, operations net.Listener }
}

// New claims the data directory, opens what it holds and binds the node's
// addresses, so that whatever is wrong with a configuration is said before
// anything is served. It leaves nothing behind when it fails.
func New(cfg Config) (n *Node, err error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	n = &Node{cfg: cfg, log: cfg.Log, metrics: prometheus.NewRegistry(), release: nothing, forget: nothing}
	n.metrics.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	made := n // the returns below set n to nil before this runs
	defer func() {
		if err != nil {
			err = errors.Join(err, made.close(), made.forget())
		}
	}()
	if err := n.identity(); err != nil {
		return nil, err
	}
	if err := n.checkTLS(); err != nil {
		return nil, err
	}
	lock, forget, err := claim(cfg.DataDir, n.signer)
	if err != nil {
		return nil, err
	}
	n.release, n.forget = lock.Unlock, forget
	if err := n.bind(); err != nil {
		return nil, err
	}
	if n.mesh, err = mesh.New(mesh.Config{
		Signer: n.signer, Local: n.local, Listen: cfg.P2P, Endpoint: cfg.Endpoint, Now: cfg.Now, Log: n.log,
	}); err != nil {
		return nil, fmt.Errorf("p2p: %w", err)
	}
	if cfg.has(Orderer) {
		if n.orderer, err = newOrderer(n, filepath.Join(cfg.DataDir, "orderer")); err != nil {
			return nil, fmt.Errorf("orderer: %w", err)
		}
	}
	if cfg.has(Peer) {
		if n.peer, err = newPeer(n, filepath.Join(cfg.DataDir, "peer")); err != nil {
			return nil, fmt.Errorf("peer: %w", err)
		}
	}
	return n, nil
}

func nothing() error { return nil }

// identity loads the node's signing identity and its organisation, and checks
// that the one belongs to the other.
func (n *Node) identity() error {
	var err error
	if n.signer, err = ident.LoadSigner(n.cfg.MSPDir, n.cfg.MSPID); err != nil {
		return err
	}
	conf, err := ident.LoadConfig(n.cfg.MSPDir, n.cfg.MSPID)
	if err != nil {
		return err
	}
	m, err := ident.NewMSP(conf)
	if err != nil {
		return fmt.Errorf("MSP folder %s: %w", n.cfg.MSPDir, err)
	}
	if n.local, err = ident.NewSet(m); err != nil {
		return err
	}
	id, err := n.local.Identity(n.signer.Serialized())
	if err != nil {
		return fmt.Errorf("the node's certificate in %s is not one of %s: %w", n.cfg.MSPDir, n.cfg.MSPID, err)
	}
	if now := n.cfg.Now(); !now.Before(id.ExpiresAt()) {
		return fmt.Errorf("the node's certificate in %s expired at %s: enrol the node again", n.cfg.MSPDir, id.ExpiresAt().UTC().Format(time.RFC3339))
	}
	return nil
}

// bind takes the node's TCP addresses; the libp2p host takes its own.
func (n *Node) bind() error {
	var err error
	if n.listen.client, err = listen("listen", n.cfg.Listen); err != nil {
		return err
	}
	if n.listen.operations, err = listen("operations", n.cfg.Operations); err != nil {
		return err
	}
	if n.cfg.has(Orderer) {
		n.listen.admin, err = listen("admin.listen", n.cfg.Admin.Listen)
	}
	return err
}

func listen(name, addr string) (net.Listener, error) {
	if addr == "" {
		return nil, nil
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("%s: %w: stop the process that uses the address, or choose another", name, err)
	}
	return l, nil
}

// Run serves until ctx ends, then stops in order: no new requests, then the
// roles (whose ledgers are closed last), then the data directory. Nothing that
// it started is left running when it returns.
func (n *Node) Run(ctx context.Context) (err error) {
	defer func() { err = errors.Join(err, n.close()) }()
	server, err := n.clientServer()
	if err != nil {
		return err
	}
	admin, err := n.adminServer()
	if err != nil {
		return err
	}
	g, gctx := errgroup.WithContext(ctx)
	// The roles go on until the servers have answered what was under way.
	var serving sync.WaitGroup
	rctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	g.Go(func() error {
		<-gctx.Done()
		serving.Wait()
		stop()
		return nil
	})
	serve := func(f func(context.Context) error) {
		serving.Add(1)
		g.Go(func() error { defer serving.Done(); return f(gctx) })
	}
	g.Go(func() error { return n.mesh.Run(rctx) })
	if n.orderer != nil {
		g.Go(func() error { return n.orderer.run(rctx) })
	}
	if n.peer != nil {
		g.Go(func() error { return n.peer.run(rctx) })
	}
	serve(func(ctx context.Context) error { return serveGRPC(ctx, server, n.listen.client) })
	if l := n.listen.operations; l != nil {
		serve(func(ctx context.Context) error { return serveWeb(ctx, n.operationsServer(), l) })
	}
	if l := n.listen.admin; l != nil {
		serve(func(ctx context.Context) error { return serveWeb(ctx, admin, l) })
	}
	n.log.Info("node is up", "endpoint", n.cfg.Endpoint, "msp", n.cfg.MSPID, "roles", n.cfg.Roles, "peer", n.mesh.Host().ID())
	if err := g.Wait(); err != nil && ctx.Err() == nil {
		return err
	}
	n.log.Info("node stopped", "endpoint", n.cfg.Endpoint)
	return nil
}

func (n *Node) operationsServer() *http.Server {
	h := ops.Handler(ops.Config{
		Status: n.Status, Checks: n.checks(), Level: n.level(), Metrics: n.metrics, Now: n.cfg.Now, Profile: n.cfg.Profile,
	})
	return &http.Server{Handler: h, ReadHeaderTimeout: headerTimeout}
}

// adminServer is nil without the admin API.
func (n *Node) adminServer() (*http.Server, error) {
	if n.listen.admin == nil {
		return nil, nil
	}
	conf, err := n.adminTLS()
	if err != nil {
		return nil, err
	}
	return &http.Server{Handler: n.orderer.adminHandler(), TLSConfig: conf, ReadHeaderTimeout: headerTimeout}, nil
}

func (n *Node) level() *slog.LevelVar {
	if n.cfg.Level == nil {
		return new(slog.LevelVar)
	}
	return n.cfg.Level
}

func (n *Node) checks() map[string]func() error {
	checks := map[string]func() error{}
	if n.peer != nil {
		checks["ledger"] = n.peer.health
		checks["state"] = n.peer.agreement
	}
	return checks
}

// close releases whatever New or Run took; each part is closed once.
func (n *Node) close() error {
	var errs []error
	for _, l := range []net.Listener{n.listen.client, n.listen.admin, n.listen.operations} {
		if l != nil {
			if err := l.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
				errs = append(errs, err)
			}
		}
	}
	if n.peer != nil {
		errs = append(errs, n.peer.close())
	}
	if n.orderer != nil {
		errs = append(errs, n.orderer.close())
	}
	if n.mesh != nil {
		errs = append(errs, n.mesh.Host().Close())
	}
	errs = append(errs, n.release())
	return errors.Join(errs...)
}

// Status is what /status serves.
func (n *Node) Status() ops.Status {
	s := ops.Status{Endpoint: n.cfg.Endpoint, MSPID: n.cfg.MSPID, PeerID: string(n.mesh.Host().ID()), Channels: []ops.Channel{}}
	for _, r := range n.cfg.Roles {
		s.Roles = append(s.Roles, string(r))
	}
	if n.peer != nil {
		s.Channels = append(s.Channels, n.peer.status()...)
		s.Profile, s.Packages = n.peer.chaincode.status()
	}
	if n.orderer != nil {
		s.Channels = append(s.Channels, n.orderer.status()...)
	}
	return s
}

// group runs goroutines that come up while the node is running, such as those
// of a channel that is joined, and waits for all of them.
type group struct {
	ctx context.Context
	wg  sync.WaitGroup
}

func (g *group) start(f func(ctx context.Context)) { g.wg.Go(func() { f(g.ctx) }) }

// services are those of weft.Node.
type services struct {
	mesh.NodeServer
	watch *installs // nil on an orderer
}

func (s services) WatchInstall(req *wire.WatchInstallRequest, to grpc.ServerStreamingServer[wire.InstallPhase]) error {
	if s.watch == nil {
		return s.NodeServer.WatchInstall(req, to)
	}
	return s.watch.serve(req, to)
}

func (n *Node) registerNode(s *grpc.Server) {
	all := services{NodeServer: mesh.NodeServer{Mesh: n.mesh}}
	if n.peer != nil {
		all.watch = newInstalls(n.peer.chaincode.packages)
	}
	wire.RegisterNodeServer(s, all)
}
