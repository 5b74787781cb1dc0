package lifecycle

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/weft-network/weft/node/endorse"
)

// Limits of installed packages. They come from the peer's own administrators,
// so the limits are against mistakes, not enemies.
const (
	// MaxPackageBytes is what one message can carry, as in Fabric.
	MaxPackageBytes = 100 << 20
	// MaxPackages bounds the files that a peer looks through when it starts.
	MaxPackages = 10_000
)

// Package is a chaincode package taken apart.
type Package struct {
	Type, Label string
	Code        []byte // the module
}

// Engine is what Packages needs of the chaincode runtime.
type Engine struct {
	// Read takes a package apart and checks its label.
	Read func(raw []byte) (Package, error)
	// Load refuses a module by its bytes, or rewrites and compiles it, or finds it
	// compiled, and makes it callable. It tells of its phases by Enter.
	Load func(ctx context.Context, packageID string, code []byte) (Loaded, error)
	// Profile is the execution profile of what Load makes.
	Profile string
}

// Loaded is a module that can be called.
type Loaded struct {
	Module endorse.Module
	// Image is the hash, in hexadecimal, of the state that every call begins with.
	Image string
}

// Packages are the chaincode packages installed on this peer, one file each. A
// package that is listed was compiled once. Safe for concurrent use.
type Packages struct {
	dir    string
	engine Engine
	log    *slog.Logger
	// installing is held during an install: a second one would only take
	// processors from the first, and from the peer.
	installing chan struct{}
	works      *works
	calls      atomic.Uint64
	onChange   func()

	mu        sync.Mutex
	installed map[string]*installed // by package id
}

// installed is one package. Its module is loaded on first use.
type installed struct {
	label    string
	turn     chan struct{} // held while loading
	module   endorse.Module
	prepared Prepared // guarded by Packages.mu
}

// ErrNotInstalled is in the error of a package that this peer does not have.
var ErrNotInstalled = errors.New("not installed")

const (
	packageSuffix = ".tar.gz"
	tempPattern   = "install-*.tmp"
)

// OpenPackages opens or creates the folder of installed packages. Temporary
// files of an install that did not end are removed.
func OpenPackages(dir string, engine Engine, log *slog.Logger) (*Packages, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("folder of chaincode packages: %w", err)
	}
	p := &Packages{dir: dir, engine: engine, log: log, installing: make(chan struct{}, 1), works: &works{byID: map[string]*work{}}, installed: map[string]*installed{}}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("folder of chaincode packages: %w", err)
	}
	var records []string
	for _, entry := range entries {
		if strings.HasSuffix(entry.Name(), preparedSuffix) {
			records = append(records, entry.Name())
			continue
		}
		if err := p.found(entry.Name()); err != nil {
			return nil, err
		}
	}
	return p, p.foundPrepared(records)
}

// OnChange has f called whenever a package was prepared anew. Set it before the
// packages are used.
func (p *Packages) OnChange(f func()) { p.onChange = f }

// Calls counts what was asked of Module: it grows while the peer serves.
func (p *Packages) Calls() uint64 { return p.calls.Load() }

func (p *Packages) found(name string) error {
	path := filepath.Join(p.dir, name)
	if temp, _ := filepath.Match(tempPattern, name); temp {
		if err := os.Remove(path); err != nil {
			return fmt.Errorf("remove unfinished install: %w", err)
		}
		return nil
	}
	id, ok := strings.CutSuffix(name, packageSuffix)
	label, hash, ok2 := strings.Cut(id, ":")
	if !ok || !ok2 || len(hash) != hex.EncodedLen(sha256.Size) {
		p.log.Warn("file is not a chaincode package", "path", path)
		return nil
	}
	if len(p.installed) >= MaxPackages {
		return fmt.Errorf("%s holds more than %d packages", p.dir, MaxPackages)
	}
	p.installed[id] = newInstalled(label, nil)
	return nil
}

func newInstalled(label string, m endorse.Module) *installed {
	return &installed{label: label, turn: make(chan struct{}, 1), module: m}
}

// maxLabelBytes keeps the file name, label and hash, within what file systems take.
const maxLabelBytes = 128

// checkLabel keeps the label printable and a part of a file name. Engine.Read
// checks it too; here it guards the path.
func checkLabel(label string) error {
	ok := label != "" && len(label) <= maxLabelBytes
	for i, c := range []byte(label) {
		alnum := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		ok = ok && (alnum || i > 0 && strings.IndexByte(".+-_", c) >= 0)
	}
	if !ok {
		return fmt.Errorf("invalid label %.200q. Label must be non-empty, at most %d bytes, can only consist of alphanumerics, symbols from '.+-_', and can only begin with alphanumerics", label, maxLabelBytes)
	}
	return nil
}

// PackageID is label:hex(SHA-256 of the package), Fabric's id.
func PackageID(label string, raw []byte) string {
	sum := sha256.Sum256(raw)
	return label + ":" + hex.EncodeToString(sum[:])
}

// Install checks a package, prepares its module and keeps it. It returns the
// package id. The package's file appears last: a package that does not compile,
// or a crash on the way, leaves nothing that counts.
//
// Of several at the same time that install the same, one does the work and the
// others are told that it is installed. Watch tells how far it is. The end of
// ctx ends the work.
func (p *Packages) Install(ctx context.Context, raw []byte) (id, label string, err error) {
	if len(raw) > MaxPackageBytes {
		return "", "", fmt.Errorf("chaincode package has %d bytes, more than %d", len(raw), MaxPackageBytes)
	}
	pkg, err := p.engine.Read(raw)
	if err != nil {
		return "", "", fmt.Errorf("could not parse as a chaincode install package: %w", err)
	}
	if err := checkLabel(pkg.Label); err != nil {
		return "", "", err
	}
	if pkg.Type != "wasm" {
		return "", "", fmt.Errorf("chaincode package '%s' is of type '%s': this peer runs type 'wasm' only", pkg.Label, pkg.Type)
	}
	id = PackageID(pkg.Label, raw)
	w := p.works.join(id)
	defer p.works.leave(id)
	w.begin()
	select {
	case p.installing <- struct{}{}:
		defer func() { <-p.installing }()
	case <-ctx.Done():
		return "", "", context.Cause(ctx)
	}
	if p.get(id) != nil {
		w.end(nil)
		return "", "", fmt.Errorf("chaincode already successfully installed (package ID '%s')", id)
	}
	err = p.install(context.WithValue(ctx, workKey{}, w), id, pkg, raw)
	w.end(err)
	if err != nil {
		return "", "", err
	}
	return id, pkg.Label, nil
}

// install does the work of Install, whose turn it is.
func (p *Packages) install(ctx context.Context, id string, pkg Package, raw []byte) error {
	if p.count() >= MaxPackages {
		return fmt.Errorf("%d chaincode packages are installed, no more are allowed", MaxPackages)
	}
	loaded, err := p.engine.Load(ctx, id, pkg.Code)
	if err != nil {
		return fmt.Errorf("could not build chaincode: %w", err)
	}
	Enter(ctx, Saving)
	c := newInstalled(pkg.Label, loaded.Module)
	c.prepared = Prepared{Profile: p.engine.Profile, Image: loaded.Image}
	err = p.writePrepared(id, c.prepared)
	// A crash here leaves a record without a package, which the next start removes.
	if err == nil {
		err = writeFile(p.path(id), raw)
	}
	if err != nil {
		return fmt.Errorf("could not save cc install package: %w", err)
	}
	p.mu.Lock()
	p.installed[id] = c
	p.mu.Unlock()
	p.log.Info("chaincode installed", "package", id, "profile", c.prepared.Profile, "image", c.prepared.Image)
	return nil
}

func (p *Packages) path(id string) string { return filepath.Join(p.dir, id+packageSuffix) }

func (p *Packages) get(id string) *installed {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.installed[id]
}

func (p *Packages) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.installed)
}

// Label of an installed package.
func (p *Packages) Label(id string) (string, bool) {
	c := p.get(id)
	if c == nil {
		return "", false
	}
	return c.label, true
}

// Len is how many packages are installed.
func (p *Packages) Len() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.installed)
}

// List returns the ids of all installed packages, sorted.
func (p *Packages) List() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	ids := make([]string, 0, len(p.installed))
	for id := range p.installed {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// Bytes reads an installed package. The error is ErrNotInstalled for an unknown
// id; ids from outside never become paths unless they are known.
func (p *Packages) Bytes(id string) ([]byte, error) {
	c := p.get(id)
	if c == nil {
		return nil, fmt.Errorf("chaincode install package '%s' not found: %w", id, ErrNotInstalled)
	}
	raw, err := os.ReadFile(p.path(id))
	if err != nil {
		return nil, fmt.Errorf("chaincode install package '%s': %w", id, err)
	}
	if PackageID(c.label, raw) != id {
		return nil, fmt.Errorf("chaincode install package '%s': the file %s does not have that hash", id, p.path(id))
	}
	return raw, nil
}

// Module returns the loaded module of an installed package. The first caller
// after a start loads it, for all: it goes on when that caller gives up.
func (p *Packages) Module(ctx context.Context, id string) (endorse.Module, error) {
	p.calls.Add(1)
	c := p.get(id)
	if c == nil {
		return nil, fmt.Errorf("chaincode package '%s': %w", id, ErrNotInstalled)
	}
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	if c.module != nil {
		return c.module, nil
	}
	raw, err := p.Bytes(id)
	if err != nil {
		return nil, err
	}
	pkg, err := p.engine.Read(raw)
	if err != nil {
		return nil, fmt.Errorf("chaincode package '%s': %w", id, err)
	}
	before, _ := p.Prepared(id)
	p.announce(id, before)
	loaded, err := p.engine.Load(context.WithoutCancel(ctx), id, pkg.Code)
	if err != nil {
		return nil, fmt.Errorf("load chaincode package '%s': %w", id, err)
	}
	p.renew(id, c, Prepared{Profile: p.engine.Profile, Image: loaded.Image})
	c.module = loaded.Module
	return c.module, nil
}

// Preload loads every installed package, so that no transaction has to wait for
// it. Packages that do not load are logged; they fail again when called.
func (p *Packages) Preload(ctx context.Context) error {
	for _, id := range p.List() {
		if _, err := p.Module(ctx, id); err != nil {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			p.log.Error("chaincode cannot be loaded", "package", id, "err", err)
		}
	}
	return nil
}

// writeFile makes a whole, durable file or none: it is written beside, synced,
// renamed, and the folder synced.
func writeFile(path string, data []byte) (err error) {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, tempPattern)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	_, err = f.Write(data)
	err = errors.Join(err, f.Sync(), f.Close())
	if err != nil {
		return err
	}
	if err = os.Rename(f.Name(), path); err != nil {
		return err
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
