// Package build compiles chaincode to a module of the guest ABI, with the
// toolchain of its language on this machine: Go, Rust, AssemblyScript or C.
//
// The author's folder is read and never written. Equal sources and an equal
// toolchain give equal bytes, wherever they are built. Weft's guest libraries
// are part of this package's binary: a chaincode need not have them, and where
// its folder has a copy named weft (as weft chaincode new makes one), that is
// taken.
//
// Fabric chaincode in Go is compiled as it is: in a go.mod of our own, laid
// over the author's, Fabric's shim is replaced by Weft's, and Fabric's protos by
// themselves without gRPC. The replacements lie at a path that exists only in
// an overlay, always the same one. Nothing is fetched that is in the module
// cache already.
package build

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/weft-network/weft/wasm/check"
)

// Options of a build; the zero value is a good one.
type Options struct {
	// Go is the go command; "go" if empty.
	Go string
	// Rustc, Clang and Asc are the compilers of the other languages; if empty
	// they are looked for where people have them.
	Rustc, Clang, Asc string
}

// Language of a chaincode's source.
type Language string

// The languages that are built.
const (
	Go             Language = "Go"
	Rust           Language = "Rust"
	AssemblyScript Language = "AssemblyScript"
	C              Language = "C"
)

// Result is what was built.
type Result struct {
	// Code is the module.
	Code     []byte
	Language Language
	// Toolchain is what compiled it, with its version.
	Toolchain string
	// Fabric says that the chaincode was built against Weft's stand-in for
	// Fabric's shim.
	Fabric bool
	// Imports are the host functions that the module names, as "module.name".
	Imports []string
	// Warnings are sentences about what will not do what its author expects,
	// and what the compiler warned of.
	Warnings []string
}

// Chaincode compiles the chaincode in dir to a module and writes it to the file
// out, unless out is empty. What lies in dir decides on the language. If
// compiling fails, the error holds what the compiler said; if the toolchain is
// missing, what to install.
func Chaincode(ctx context.Context, dir, out string, opts Options) (*Result, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	language, err := Detect(dir)
	if err != nil {
		return nil, fmt.Errorf("build chaincode: %w", err)
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

	result, err := compile(ctx, language, tool{dir: dir, scratch: scratch, env: os.Environ()}, opts)
	if err == nil {
		result.Code, err = manifest.declare(result.Code)
	}
	if err != nil {
		return nil, fmt.Errorf("build chaincode in %s: %w", dir, err)
	}
	if out != "" {
		if err := os.WriteFile(out, result.Code, 0o644); err != nil {
			return nil, fmt.Errorf("build chaincode: %w", err)
		}
	}
	return result, nil
}

func compile(ctx context.Context, language Language, t tool, opts Options) (*Result, error) {
	build := map[Language]func(context.Context, tool, Options) (*Result, error){
		Go: buildGo, Rust: buildRust, AssemblyScript: buildAssemblyScript, C: buildC,
	}[language]
	result, err := build(ctx, t, opts)
	if err != nil {
		return nil, err
	}
	if result.Code, err = os.ReadFile(t.out()); err != nil {
		return nil, err
	}
	if err := check.Module(result.Code, check.MaxPages); err != nil {
		return nil, fmt.Errorf("what it compiled to: %w", err)
	}
	result.Imports, err = check.Imports(result.Code)
	return result, err
}
