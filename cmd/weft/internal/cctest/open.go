package cctest

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/weft-network/weft/cmd/weft/internal/deploy"
	"github.com/weft-network/weft/wasm"
)

// CacheDir is where compiled modules of this user are kept, so that a second
// run of the same module starts at once.
func CacheDir() (string, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("keep compiled chaincode: %w", err)
	}
	return filepath.Join(dir, "weft", "compiled"), nil
}

// Bench is a runtime with one chaincode in it.
type Bench struct {
	// Code is the module, Loading how long it took to compile, start and warm up.
	Code    []byte
	Loading time.Duration
	Module  *wasm.Module

	runtime *wasm.Runtime
	others  map[string]*wasm.Module // by path
}

// Open builds the chaincode if path is a folder, reads it if it is a .wasm
// file, and loads it. The caller closes the bench.
func Open(ctx context.Context, path, cacheDir string, report deploy.Report, log *slog.Logger) (*Bench, error) {
	code, err := deploy.Compile(ctx, path, report)
	if err != nil {
		return nil, err
	}
	return Load(ctx, code, cacheDir, log)
}

// Load loads a module. The caller closes the bench.
func Load(ctx context.Context, code []byte, cacheDir string, log *slog.Logger) (*Bench, error) {
	return LoadAs(ctx, packageID, code, cacheDir, log)
}

// LoadAs loads a module as that of a package; an empty id is that of tests.
func LoadAs(ctx context.Context, id string, code []byte, cacheDir string, log *slog.Logger) (*Bench, error) {
	if err := os.MkdirAll(filepath.Dir(cacheDir), 0o700); err != nil {
		return nil, err
	}
	runtime, err := wasm.New(wasm.Config{CacheDir: cacheDir, Log: log})
	if err != nil {
		return nil, err
	}
	b := &Bench{Code: code, runtime: runtime, others: map[string]*wasm.Module{}}
	began := time.Now()
	if b.Module, err = runtime.Load(ctx, cmp.Or(id, packageID), code); err != nil {
		b.Close()
		return nil, err
	}
	b.Loading = time.Since(began)
	return b, nil
}

// other loads a chaincode that the one under test calls, once.
func (b *Bench) other(ctx context.Context, path string) (*wasm.Module, error) {
	if m := b.others[path]; m != nil {
		return m, nil
	}
	code, err := deploy.Compile(ctx, path, func(deploy.Step) {})
	if err != nil {
		return nil, err
	}
	b.others[path], err = b.runtime.Load(ctx, fmt.Sprintf("other%d-%s", len(b.others), packageID), code)
	return b.others[path], err
}

// Profile is the execution profile of the runtime.
func (b *Bench) Profile() string { return b.runtime.Profile() }

// Close ends the runtime.
func (b *Bench) Close() { _ = b.runtime.Close(context.Background()) } // nothing is kept in it
