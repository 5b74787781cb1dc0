package build

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/weft-network/weft/wasm/lang"
)

const needsClang = "chaincode in C needs clang for WebAssembly: on Debian apt-get install clang-19 lld-19 wasi-libc libclang-rt-19-dev-wasm32"

// stackBytes of a C chaincode. The stack lies below the data, so that what is
// too deep traps and overwrites nothing.
const stackBytes = 256 << 10

func buildC(ctx context.Context, t tool, opts Options) (*Result, error) {
	t.missing = needsClang
	t.env = environment(t.env, "CPATH=*", "C_INCLUDE_PATH=*", "LIBRARY_PATH=*", "CCC_OVERRIDE_OPTIONS=*")
	if t.command = opts.Clang; t.command == "" {
		found, ok := first("clang-19", "clang-20", "clang-21", "clang-18", "clang-17", "clang")
		if !ok {
			return nil, toolchain(nil, needsClang)
		}
		t.command = found
	}
	library, err := t.library(lang.C(), "weft.h")
	if err != nil {
		return nil, err
	}
	sources, err := cSources(t.dir)
	if err != nil {
		return nil, err
	}
	args := append([]string{
		"--target=wasm32-wasi", "-mexec-model=reactor", "-O2", "-std=gnu17", "-Wall", "-Wextra",
		"-ffile-prefix-map=" + library + "=weft", "-ffile-prefix-map=" + t.dir + "=.", "-I", library,
		fmt.Sprintf("-Wl,--strip-all,--stack-first,-z,stack-size=%d", stackBytes), "-o", t.out(),
		filepath.Join(library, "weft.c"),
	}, sources...)
	_, said, err := t.run(ctx, args...)
	if err != nil {
		return nil, explainClang(err)
	}
	version, _, err := t.run(ctx, "--version")
	if err != nil {
		return nil, err
	}
	return &Result{Language: C, Toolchain: firstLine(version), Warnings: warned(said)}, nil
}

// cSources are the sources, relative to the folder.
func cSources(dir string) (names []string, err error) {
	for _, pattern := range []string{"*.c", "src/*.c"} {
		found, err := filepath.Glob(filepath.Join(escape(dir), pattern))
		if err != nil {
			return nil, err
		}
		for _, name := range found {
			within, err := filepath.Rel(dir, name)
			if err != nil {
				return nil, err
			}
			names = append(names, within)
		}
	}
	return names, nil
}

// explainClang tells a toolchain with parts missing from a mistake in the
// source.
func explainClang(err error) error {
	for _, sign := range []string{"unable to execute", "wasm-ld: No such", "libclang_rt.builtins", "crt1-reactor.o", "'stdlib.h' file not found", "'string.h' file not found", "No available targets are compatible"} {
		if strings.Contains(err.Error(), sign) {
			return toolchain(err, needsClang)
		}
	}
	return err
}
