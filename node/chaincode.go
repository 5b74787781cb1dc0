package node

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/weft-network/weft/ledger"
	"github.com/weft-network/weft/ledger/definition"
	"github.com/weft-network/weft/ledger/store"
	"github.com/weft-network/weft/node/endorse"
	"github.com/weft-network/weft/node/lifecycle"
	"github.com/weft-network/weft/node/mesh"
	"github.com/weft-network/weft/p2p"
	"github.com/weft-network/weft/p2p/wire"
	"github.com/weft-network/weft/wasm"
	"github.com/weft-network/weft/wasm/meter"
	"github.com/weft-network/weft/wasm/pack"
	"github.com/weft-network/weft/wasm/sandbox"
)

// chaincode is what a peer has to run and to administer chaincode.
type chaincode struct {
	log       *slog.Logger
	runtime   *wasm.Runtime
	packages  *lifecycle.Packages
	approvals *lifecycle.Approvals
	lifecycle *lifecycle.Lifecycle
	system    map[string]endorse.System
	db        *store.DB
	before    atomic.Uint64 // packages.Calls when the last module began to be loaded

	// streams are the approval streams that this peer opened.
	streams sync.WaitGroup
	ctx     context.Context // ends when the peer closes
	cancel  context.CancelFunc

	mu    sync.Mutex
	known map[string]runnable // by channel
	age   uint64              // grows whenever known is forgotten
	// mismatches are images that differ on other peers.
	mismatches map[mismatch]bool
	images     *prometheus.GaugeVec
}

// runnable are the chaincodes that a peer can endorse on a channel, as long as
// the packages are the same and nothing was approved or committed since.
type runnable struct {
	packages int
	list     []*wire.InstalledChaincode
}

func newChaincode(p *peerRole, dir string) (c *chaincode, err error) {
	c = &chaincode{log: p.n.log, known: map[string]runnable{}, mismatches: map[mismatch]bool{}, images: p.metrics.images}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	defer func() {
		if err != nil {
			err = errors.Join(err, c.close())
		}
	}()
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, err
	}
	if err := c.openRuntime(p.n.cfg.Peer, dir); err != nil {
		return nil, fmt.Errorf("chaincode runtime: %w", err)
	}
	if c.db, err = store.OpenDB(filepath.Join(dir, "approvals")); err != nil {
		return nil, err
	}
	if c.approvals, err = lifecycle.OpenApprovals(c.db, p.n.local, p.n.log); err != nil {
		return nil, err
	}
	c.approvals.OnApproval(func(a *lifecycle.Approval) { c.forget(); p.pokeAll() })
	if c.packages, err = lifecycle.OpenPackages(filepath.Join(dir, "chaincodes"), c.engine(), p.n.log); err != nil {
		return nil, err
	}
	c.packages.OnChange(func() { c.forget(); p.pokeAll() })
	channels := func() []endorse.Channel {
		var list []endorse.Channel
		for _, pc := range p.all() {
			list = append(list, pc)
		}
		return list
	}
	c.lifecycle = lifecycle.New(lifecycle.Config{
		MSPID: p.n.cfg.MSPID, Local: p.n.local, Packages: c.packages, Approvals: c.approvals, Channels: channels, Log: p.n.log,
	})
	c.system = map[string]endorse.System{
		definition.Namespace: c.lifecycle,
		"cscc":               &lifecycle.CSCC{Local: p.n.local, Channels: channels, Channel: p.endorseChannel, Join: p.join},
		"qscc":               &lifecycle.QSCC{Channel: p.endorseChannel},
	}
	c.shareApprovals(p.n.mesh)
	return c, nil
}

// openRuntime makes the runtime, and the compiler that fills its cache.
func (c *chaincode) openRuntime(cfg PeerConfig, dir string) error {
	cache := cmp.Or(cfg.WasmCache, filepath.Join(dir, "wasm-cache"))
	compiler, err := sandbox.New(sandbox.Config{
		Dir: cache, Program: cfg.Compiler, Limits: cfg.Compile, Busy: c.busy, Log: c.log,
		Began: func(ctx context.Context) { lifecycle.Enter(ctx, lifecycle.Compiling) },
	})
	if err != nil {
		return err
	}
	limits := cfg.Chaincode
	limits.CallTime = cfg.ExecuteTimeout
	c.runtime, err = wasm.New(wasm.Config{
		CacheDir: cache, Log: c.log, Limits: limits,
		Rewrite: func(ctx context.Context, code []byte, o meter.Options) (*meter.Module, error) {
			lifecycle.Enter(ctx, lifecycle.Metering)
			ctx, end := c.whileOpen(ctx)
			defer end()
			return compiler.Rewrite(ctx, code, o)
		},
		Compile: func(ctx context.Context, module []byte) error { return c.compile(ctx, compiler, module) },
	})
	if err == nil {
		c.log.Info("chaincode runs under the execution profile", "profile", c.runtime.Profile())
	}
	return err
}

// whileOpen is ctx that ends with the peer, too.
func (c *chaincode) whileOpen(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(c.ctx, func() { cancel(errPeerStops) })
	return ctx, func() { stop(); cancel(nil) }
}

// compile is followed, in Load, by the start of the module.
func (c *chaincode) compile(ctx context.Context, compiler *sandbox.Compiler, module []byte) error {
	lifecycle.Enter(ctx, lifecycle.Loading)
	ctx, end := c.whileOpen(ctx)
	defer end()
	if err := compiler.Compile(ctx, module); err != nil {
		return err
	}
	lifecycle.Enter(ctx, lifecycle.Starting)
	return nil
}

var errPeerStops = errors.New("the peer stops")

// busy reports whether chaincode was called while the module that is to be
// compiled was checked and rewritten, which takes a tenth of a second and more
// for one that is worth asking.
func (c *chaincode) busy() bool {
	// The runtime's own test comes before there are packages.
	return c.packages != nil && c.packages.Calls() != c.before.Load()
}

// engine compiles and runs packages with the wasm runtime.
func (c *chaincode) engine() lifecycle.Engine {
	return lifecycle.Engine{
		Profile: c.runtime.Profile(),
		Read: func(raw []byte) (lifecycle.Package, error) {
			p, err := pack.Read(raw)
			if err != nil {
				return lifecycle.Package{}, err
			}
			return lifecycle.Package{Label: p.Label, Type: p.Type, Code: p.Code}, nil
		},
		Load: func(ctx context.Context, id string, code []byte) (lifecycle.Loaded, error) {
			c.before.Store(c.packages.Calls())
			lifecycle.Enter(ctx, lifecycle.Checking)
			m, err := c.runtime.Load(ctx, id, code)
			if err != nil {
				return lifecycle.Loaded{}, err
			}
			image := m.ImageHash()
			return lifecycle.Loaded{Module: m, Image: hex.EncodeToString(image[:])}, nil
		},
	}
}

// shareApprovals keeps approvals equal among the peers of this organisation:
// of two that meet, the one with the larger id opens the stream.
func (c *chaincode) shareApprovals(m *mesh.Mesh) {
	host := m.Host()
	sync := func(ctx context.Context, s *p2p.Stream) {
		if err := c.approvals.Sync(ctx, s); err != nil && ctx.Err() == nil {
			c.log.Debug("approval stream ended", "peer", s.Peer().ID, "err", err)
		}
	}
	host.Handle(mesh.Approvals, sync)
	m.OnPeer(func(p p2p.Peer) {
		if host.ID() < p.ID || m.Allow(p.Identity, mesh.Approvals, "") != nil {
			return
		}
		c.streams.Go(func() {
			s, err := host.Open(c.ctx, p.ID, mesh.Approvals, "")
			if err != nil {
				if c.ctx.Err() == nil {
					c.log.Warn("approvals are not shared with a peer of this organisation", "peer", p.ID, "err", err)
				}
				return
			}
			defer s.Close()
			sync(c.ctx, s) // ends when the peer does
		})
	}, func(p2p.Peer) {})
}

// installed lists the chaincodes that this peer can endorse on a channel.
func (c *chaincode) installed(channel string) []*wire.InstalledChaincode {
	packages := c.packages.Len()
	c.mu.Lock()
	r, ok := c.known[channel]
	age := c.age
	c.mu.Unlock()
	if ok && r.packages == packages {
		return r.list
	}
	list, err := c.lifecycle.Installed(channel)
	if err != nil {
		c.log.Error("the chaincodes of a channel cannot be listed", "channel", channel, "err", err)
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.age == age { // nothing changed meanwhile
		c.known[channel] = runnable{packages, list}
	}
	return list
}

// runs tells whether this peer can endorse a chaincode on a channel.
func (c *chaincode) runs(channel, name string) bool {
	return slices.ContainsFunc(c.installed(channel), func(i *wire.InstalledChaincode) bool { return i.Name == name })
}

func (c *chaincode) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.known)
	c.age++
}

// committed looks whether a block defined chaincode.
func (c *chaincode) committed(b *ledger.Block) {
	for _, tx := range b.Txs {
		if tx.RWSet == nil {
			continue
		}
		for _, ns := range tx.RWSet.Namespaces {
			if ns.Namespace == definition.Namespace && len(ns.Writes) > 0 {
				c.forget()
				return
			}
		}
	}
}

// preload loads installed packages, so that no transaction waits for it.
func (c *chaincode) preload(ctx context.Context) {
	if err := c.packages.Preload(ctx); err != nil && ctx.Err() == nil {
		c.log.Error("installed chaincode is not loaded", "err", err)
	}
}

func (c *chaincode) close() error {
	c.cancel()
	c.streams.Wait() // they write to the store
	var errs []error
	if c.runtime != nil {
		errs = append(errs, c.runtime.Close(context.Background()))
	}
	if c.db != nil {
		errs = append(errs, c.db.Close())
	}
	return errors.Join(errs...)
}
