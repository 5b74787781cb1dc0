// Package project makes the folder of a new chaincode: a contract that works,
// its tests, and a copy of the guest library for editors. What it makes builds,
// passes its tests and deploys as it is.
package project

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/weft-network/weft/wasm/build"
	"github.com/weft-network/weft/wasm/lang"
)

//go:embed all:templates
var templates embed.FS

// language is what differs between the languages of a project.
type language struct {
	name, source, library, needs string
	files                        func() fs.FS // the library's; Go's is made of packages
}

var languages = map[string]language{
	"go": {
		name: "Go", source: "main.go", library: "weft/wasm/guest",
		needs: "Go 1.24 or newer is all it needs. Editors and `go vet` want `GOOS=wasip1 GOARCH=wasm`. For Fabric's chaincode API write Fabric chaincode as ever: `weft chaincode build` takes it as it is.",
	},
	"rust": {
		name: "Rust", source: "src/lib.rs", library: "weft",
		needs: "It needs rustc for WebAssembly: with rustup, `rustup target add wasm32-unknown-unknown`; on Debian, `apt-get install rustc libstd-rust-dev-wasm32 lld-14`. `cargo test` runs the tests of what needs no ledger.",
		files: lang.Rust,
	},
	"as": {
		name: "AssemblyScript", source: "assembly/index.ts", library: "weft",
		needs: "It needs Node.js 20 or newer and the compiler: `npm install`.",
		files: lang.AssemblyScript,
	},
	"c": {
		name: "C", source: "contract.c", library: "weft",
		needs: "It needs clang for WebAssembly: on Debian, `apt-get install clang-19 lld-19 wasi-libc libclang-rt-19-dev-wasm32`.",
		files: lang.C,
	},
}

// Languages are the names that New takes, in the order in which to offer them.
func Languages() []string { return []string{"go", "rust", "as", "c"} }

// names as peers take them for chaincodes
var validName = regexp.MustCompile(`^[a-zA-Z0-9]+([-_][a-zA-Z0-9]+)*$`)

// New makes a project in the folder dir, whose name becomes the chaincode's. The
// folder must be empty or not there. It answers the files that it
// wrote, but for the library's.
func New(lang, dir string) (files []string, err error) {
	l, ok := languages[lang]
	if !ok {
		return nil, fmt.Errorf("there is no language %q: it is one of %s", lang, strings.Join(Languages(), ", "))
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	name := filepath.Base(abs)
	if !validName.MatchString(name) {
		return nil, fmt.Errorf("%q is no name of a chaincode: it has letters and digits, with single - or _ between them", name)
	}
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
		return nil, fmt.Errorf("%s is not empty: give a folder that is, or is not there yet", dir)
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	w := writer{dir: dir, replace: l.replacements(name)}
	for _, part := range []string{"common", lang} {
		sources, err := fs.Sub(templates, path.Join("templates", part))
		if err != nil {
			return nil, err
		}
		w.tree(sources, "")
	}
	files = w.files
	w.library(l)
	return files, w.err
}

// replacements are what stands in the templates, and what for.
func (l language) replacements(name string) *strings.Replacer {
	crate := name
	if crate[0] >= '0' && crate[0] <= '9' || slices.Contains([]string{"weft", "std", "core", "alloc", "test"}, crate) {
		crate = "cc-" + crate // Cargo takes none that begins with a digit, and these are there already
	}
	return strings.NewReplacer("@NAME@", name, "@CRATE@", crate, "@NPM@", strings.ToLower(name), "@ASC@", build.AscVersion,
		"@LANGUAGE@", l.name, "@SOURCE@", l.source, "@LIBRARY@", l.library, "@NEEDS@", l.needs)
}

// writer writes files until the first error, which it keeps.
type writer struct {
	dir     string
	replace *strings.Replacer
	files   []string
	err     error
}

const suffix = ".tmpl" // without it a template's go.mod would make it a module

func (w *writer) tree(sources fs.FS, under string) {
	err := fs.WalkDir(sources, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := fs.ReadFile(sources, name)
		if target, ok := strings.CutSuffix(name, suffix); ok {
			w.write(target, []byte(w.replace.Replace(string(data))))
		} else {
			w.write(path.Join(under, name), data)
		}
		return err
	})
	w.err = errors.Join(w.err, err)
}

// library copies the guest library to the folder weft.
func (w *writer) library(l language) {
	if l.files != nil {
		w.tree(l.files(), "weft")
		return
	}
	files, err := build.GoLibrary()
	w.err = errors.Join(w.err, err)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		w.write(path.Join("weft", name), files[name])
	}
}

func (w *writer) write(name string, data []byte) {
	if w.err != nil {
		return
	}
	file := filepath.Join(w.dir, filepath.FromSlash(name))
	if w.err = os.MkdirAll(filepath.Dir(file), 0o755); w.err == nil {
		w.err = os.WriteFile(file, data, 0o644)
	}
	w.files = append(w.files, name)
}
