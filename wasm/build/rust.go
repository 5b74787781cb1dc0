package build

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/weft-network/weft/wasm/lang"
)

const (
	rustTarget = "wasm32-unknown-unknown"
	needsRust  = "chaincode in Rust needs rustc for " + rustTarget + ": with rustup, rustup target add " + rustTarget + "; on Debian apt-get install rustc libstd-rust-dev-wasm32 lld-14"
)

// rust is a compiler with what it needs for WebAssembly.
type rust struct {
	tool
	version string
	linker  string // empty: the compiler brings its own
}

func buildRust(ctx context.Context, t tool, opts Options) (*Result, error) {
	r, err := findRust(ctx, t, opts)
	if err != nil {
		return nil, err
	}
	crate, err := readCrate(t.dir)
	if err != nil {
		return nil, err
	}
	compile := r.compile
	if !crate.plain {
		compile = r.cargo
	}
	said, err := compile(ctx, crate)
	if err != nil {
		return nil, err
	}
	return &Result{Language: Rust, Toolchain: r.version, Warnings: warned(said)}, nil
}

// findRust takes the first compiler that can build for WebAssembly: a machine
// may well have a second one that can, behind one that cannot.
func findRust(ctx context.Context, t tool, opts Options) (*rust, error) {
	t.missing = needsRust
	t.env = environment(t.env, "RUSTFLAGS=*", "RUSTC=*", "RUSTC_WRAPPER=*", "RUSTC_WORKSPACE_WRAPPER=*", "CARGO_ENCODED_RUSTFLAGS=*",
		"CARGO_BUILD_=*", "CARGO_TARGET_=*", "CARGO_PROFILE_=*", "RUSTC_BOOTSTRAP=*")
	commands := []string{"rustc", "/usr/bin/rustc"}
	if opts.Rustc != "" {
		commands = []string{opts.Rustc}
	}
	err := errors.New("there is no rustc")
	for _, c := range commands {
		path, there := first(c)
		if !there {
			continue
		}
		r := &rust{tool: t}
		r.command = path
		if err = r.probe(ctx); err == nil {
			return r, nil
		}
	}
	return nil, toolchain(err, needsRust)
}

func (r *rust) probe(ctx context.Context) error {
	said, _, err := r.run(ctx, "--print=target-libdir", "--target="+rustTarget)
	if err != nil {
		return err
	}
	if core, _ := filepath.Glob(filepath.Join(escape(firstLine(said)), "libcore-*.rlib")); len(core) == 0 {
		return fmt.Errorf("%s has no standard library for %s", r.command, rustTarget)
	}
	if said, _, err = r.run(ctx, "-vV"); err != nil {
		return err
	}
	r.version = firstLine(said)
	sysroot, _, err := r.run(ctx, "--print=sysroot")
	if err != nil {
		return err
	}
	own, _ := filepath.Glob(filepath.Join(escape(firstLine(sysroot)), "lib/rustlib/*/bin/rust-lld"))
	if len(own) > 0 {
		return nil
	}
	return r.findLinker(llvmMajor(string(said)))
}

// findLinker finds the linker of the compiler's own LLVM: others may refuse its
// libraries.
func (r *rust) findLinker(llvm string) error {
	linker, ok := first("wasm-ld-"+llvm, "wasm-ld")
	if !ok {
		return fmt.Errorf("%s has no linker: apt-get install lld-%s", r.command, llvm)
	}
	r.linker = linker
	return nil
}

func llvmMajor(version string) string {
	_, after, _ := strings.Cut(version, "LLVM version: ")
	major, _, _ := strings.Cut(after, ".")
	return major
}

// flags are those of every crate. Arithmetic is checked: a sum that does not
// fit ends the transaction and does not go on with another number.
func (r *rust) flags(library string) []string {
	flags := []string{
		"-Coverflow-checks=on", "-Cstrip=symbols",
		"--remap-path-prefix=" + r.scratch + "=/scratch", "--remap-path-prefix=" + r.dir + "=/chaincode",
	}
	if library != "" {
		flags = append(flags, "--remap-path-prefix="+library+"=/weft")
	}
	if r.linker != "" {
		flags = append(flags, "-Clinker-flavor=wasm-ld", "-Clinker="+r.linker)
	}
	return flags
}

// compile builds a plain crate without Cargo: the library first.
func (r *rust) compile(ctx context.Context, c *crate) (said []byte, err error) {
	library := c.library
	if library == "" {
		if library, err = r.tool.library(lang.Rust(), "src/lib.rs"); err != nil {
			return nil, err
		}
	}
	flags := append(r.flags(library), "--target="+rustTarget, "-Copt-level=2", "-Cpanic=abort", "-Ccodegen-units=1", "-Cembed-bitcode=yes")
	rlib := filepath.Join(r.scratch, "libweft.rlib")
	if _, _, err := r.run(ctx, append(flags, "--crate-name=weft", "--crate-type=rlib", "--edition=2021", "--cap-lints=allow",
		"-o", rlib, filepath.Join(library, "src", "lib.rs"))...); err != nil {
		return nil, err
	}
	_, said, err = r.run(ctx, append(flags, "--crate-name="+c.name, "--crate-type=cdylib", "--edition="+c.edition,
		"--extern=weft="+rlib, "-Clto=fat", "-o", r.out(), c.root)...)
	return said, err
}

// cargo builds a crate with dependencies of its own. Its lock file says which,
// so that all organisations build the same.
func (r *rust) cargo(ctx context.Context, c *crate) (said []byte, err error) {
	if _, err := os.Stat(filepath.Join(r.dir, "Cargo.lock")); err != nil && c.ownLock {
		return nil, errors.New("there is no Cargo.lock, so others might build something else; run cargo generate-lockfile and keep the file with the sources")
	}
	cargo, ok := first(filepath.Join(filepath.Dir(r.command), "cargo"), "cargo")
	if !ok {
		return nil, toolchain(nil, "a crate with more than weft as dependency needs cargo: on Debian apt-get install cargo")
	}
	t := r.tool
	t.command = cargo
	target := filepath.Join(r.scratch, "target")
	t.env = environment(t.env, "RUSTC="+r.command, "CARGO_TARGET_DIR="+target,
		"CARGO_ENCODED_RUSTFLAGS="+strings.Join(r.flags(c.library), "\x1f"),
		"CARGO_PROFILE_RELEASE_PANIC=abort", "CARGO_PROFILE_RELEASE_LTO=fat", "CARGO_PROFILE_RELEASE_CODEGEN_UNITS=1")
	if _, said, err = t.run(ctx, "build", "--release", "--locked", "--lib", "--quiet", "--target="+rustTarget); err != nil {
		return nil, err
	}
	made, _ := filepath.Glob(filepath.Join(escape(target), rustTarget, "release", "*.wasm"))
	if len(made) != 1 {
		return nil, fmt.Errorf("cargo made %d modules; the crate must be one library with crate-type = [\"cdylib\"]", len(made))
	}
	return said, os.Rename(made[0], r.out())
}
