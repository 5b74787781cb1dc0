package build

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
)

// moduleRoot answers the nearest folder above dir with a go.mod.
func moduleRoot(dir string) (string, error) {
	for at := dir; ; at = filepath.Dir(at) {
		if _, err := os.Stat(filepath.Join(at, "go.mod")); err == nil {
			return at, nil
		}
		if at == filepath.Dir(at) {
			return "", fmt.Errorf("there is no go.mod here or above; run go mod init")
		}
	}
}

// builder of one Go chaincode.
type builder struct {
	tool
	root string // of the author's module
}

func buildGo(ctx context.Context, t tool, opts Options) (*Result, error) {
	root, err := moduleRoot(t.dir)
	if err != nil {
		return nil, err
	}
	b := &builder{tool: t, root: root}
	if b.command = opts.Go; b.command == "" {
		b.command = "go"
	}
	b.missing = "chaincode in Go needs the go command: see https://go.dev/dl, or Debian's package golang-go if it is new enough"
	b.env = environment(b.env, "GOOS=wasip1", "GOARCH=wasm", "GOWASM=", "GOFLAGS=", "GOWORK=off", "GOEXPERIMENT=", "CGO_ENABLED=0")
	return b.build(ctx)
}

func (b *builder) build(ctx context.Context) (*Result, error) {
	fabric, err := b.prepare(ctx)
	if err != nil {
		return nil, err
	}
	profile, err := b.profileFlag()
	if err != nil {
		return nil, err
	}
	// The shim sets a variable of Go's runtime, which the linker has to allow.
	if _, _, err := b.run(ctx, "build", b.modFile(), b.overlay(), "-mod=mod", "-buildvcs=false",
		"-buildmode=c-shared", "-trimpath", profile, "-ldflags=-s -w -checklinkname=0", "-o", b.out(), "."); err != nil {
		return nil, err
	}
	version, _, err := b.run(ctx, "env", "GOVERSION")
	if err != nil {
		return nil, err
	}
	warnings, err := b.warnings(ctx)
	if err != nil {
		return nil, err
	}
	return &Result{Language: Go, Toolchain: firstLine(version), Fabric: fabric, Warnings: warnings}, nil
}

func (b *builder) modFile() string { return "-modfile=" + filepath.Join(b.scratch, "x.mod") }
func (b *builder) overlay() string { return "-overlay=" + filepath.Join(b.scratch, "overlay.json") }
