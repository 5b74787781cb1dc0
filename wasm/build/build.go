// Package build compiles chaincode from Go to a module of the guest ABI, with
// the go command of the machine.
//
// The author's folder is read and never written. Fabric chaincode is compiled
// as it is: in a go.mod of our own, laid over the author's, Fabric's shim is
// replaced by Weft's, and Fabric's protos by themselves without gRPC. The
// replacements lie at a path that exists only in an overlay, always the same
// one, so equal sources and an equal go command give equal bytes wherever they
// are built. Nothing is fetched that is in the module cache already.
package build

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/weft-network/weft/wasm/check"
)

// Options of a build; the zero value is a good one.
type Options struct {
	// Go is the go command; "go" if empty.
	Go string
}

// Result is what was built.
type Result struct {
	// Code is the module.
	Code []byte
	// Fabric says that the chaincode was built against Weft's stand-in for
	// Fabric's shim.
	Fabric bool
	// Imports are the host functions that the module names, as "module.name".
	Imports []string
}

// Chaincode compiles the main package in dir to a module and writes it to the
// file out, unless out is empty. If compiling fails, the error holds what the
// compiler said.
func Chaincode(ctx context.Context, dir, out string, opts Options) (*Result, error) {
	if opts.Go == "" {
		opts.Go = "go"
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	root, err := moduleRoot(dir)
	if err != nil {
		return nil, err
	}
	manifest, err := ReadManifest(dir)
	if err != nil {
		return nil, fmt.Errorf("build chaincode: %w", err)
	}
	scratch, err := os.MkdirTemp("", "weft-chaincode-")
	if err != nil {
		return nil, fmt.Errorf("build chaincode: %w", err)
	}
	defer os.RemoveAll(scratch)

	b := &builder{goCommand: opts.Go, dir: dir, root: root, scratch: scratch}
	result, err := b.build(ctx)
	if err != nil {
		return nil, fmt.Errorf("build chaincode in %s: %w", dir, err)
	}
	if result.Code, err = manifest.declare(result.Code); err != nil {
		return nil, fmt.Errorf("build chaincode in %s: %w", dir, err)
	}
	if out != "" {
		if err := os.WriteFile(out, result.Code, 0o644); err != nil {
			return nil, fmt.Errorf("build chaincode: %w", err)
		}
	}
	return result, nil
}

// moduleRoot answers the nearest folder above dir with a go.mod.
func moduleRoot(dir string) (string, error) {
	info, err := os.Stat(dir)
	if err != nil {
		return "", fmt.Errorf("build chaincode: %w", err)
	}
	if !info.IsDir() {
		return "", fmt.Errorf("build chaincode: %s is a file; give the folder of the main package", dir)
	}
	for at := dir; ; at = filepath.Dir(at) {
		if _, err := os.Stat(filepath.Join(at, "go.mod")); err == nil {
			return at, nil
		}
		if at == filepath.Dir(at) {
			return "", fmt.Errorf("build chaincode: there is no go.mod in %s or above; run go mod init there", dir)
		}
	}
}

type builder struct {
	goCommand, dir, root, scratch string
}

func (b *builder) build(ctx context.Context) (*Result, error) {
	fabric, err := b.prepare(ctx)
	if err != nil {
		return nil, err
	}
	out := filepath.Join(b.scratch, "chaincode.wasm")
	if _, err := b.run(ctx, "build", b.modFile(), b.overlay(), "-mod=mod", "-buildvcs=false",
		"-buildmode=c-shared", "-trimpath", "-ldflags=-s -w", "-o", out, "."); err != nil {
		return nil, err
	}
	code, err := os.ReadFile(out)
	if err != nil {
		return nil, err
	}
	if err := check.Module(code, check.MaxPages); err != nil {
		return nil, fmt.Errorf("what it compiled to: %w", err)
	}
	imports, err := check.Imports(code)
	if err != nil {
		return nil, err
	}
	return &Result{Code: code, Fabric: fabric, Imports: imports}, nil
}

func (b *builder) modFile() string { return "-modfile=" + filepath.Join(b.scratch, "x.mod") }
func (b *builder) overlay() string { return "-overlay=" + filepath.Join(b.scratch, "overlay.json") }

// maxOutput bounds what of the compiler's output goes into an error.
const maxOutput = 16 << 10

// run runs the go command in the author's folder, and answers its output.
func (b *builder) run(ctx context.Context, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, b.goCommand, args...)
	cmd.Dir = b.dir
	cmd.Env = environment(os.Environ())
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if errors.Is(err, exec.ErrNotFound) {
		return nil, fmt.Errorf("%w; chaincode in Go needs the go command", err)
	}
	if err != nil {
		said := bytes.TrimSpace(slices.Concat(stderr.Bytes(), stdout.Bytes()))
		return nil, fmt.Errorf("go %s: %w\n%s", args[0], err, said[:min(len(said), maxOutput)])
	}
	return stdout.Bytes(), nil
}

// environment leaves to the go command what says where things are, and takes
// away what would change the result.
func environment(env []string) []string {
	set := []string{"GOOS=wasip1", "GOARCH=wasm", "GOWASM=", "GOFLAGS=", "GOWORK=off", "GOEXPERIMENT=", "CGO_ENABLED=0"}
	env = slices.DeleteFunc(slices.Clone(env), func(entry string) bool {
		name, _, _ := strings.Cut(entry, "=")
		return slices.ContainsFunc(set, func(s string) bool { return strings.HasPrefix(s, name+"=") })
	})
	return append(env, set...)
}
