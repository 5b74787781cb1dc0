package build

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"

	"github.com/weft-network/weft/wasm/abi"
	"github.com/weft-network/weft/wasm/guest"
	"github.com/weft-network/weft/wasm/shim"
)

const (
	shimPath     = "github.com/hyperledger/fabric-chaincode-go/v2"
	oldShim      = "github.com/hyperledger/fabric-chaincode-go"
	contractPath = "github.com/hyperledger/fabric-contract-api-go/v2"
	protosPath   = "github.com/hyperledger/fabric-protos-go-apiv2"
	weftPath     = "github.com/weft-network/weft"
)

// Where the replacements seem to lie, relative to the author's module. There
// is nothing on disk.
const (
	shimDir   = "./.weft/shim"
	protosDir = "./.weft/protos"
	weftDir   = "./.weft/weft"
)

// overlayFile is the go command's -overlay: path in the build → path on disk.
type overlayFile struct{ Replace map[string]string }

// prepare writes the go.mod, go.sum and overlay to build with, and says
// whether this is Fabric chaincode.
func (b *builder) prepare(ctx context.Context) (fabric bool, err error) {
	mod, err := b.readMod()
	if err != nil {
		return false, err
	}
	over := &overlayFile{Replace: map[string]string{}}
	if requires(mod, weftPath) && !replaces(mod, weftPath) {
		if err := b.replaceWeft(mod, over); err != nil {
			return false, err
		}
	}
	if fabric = requires(mod, shimPath); fabric {
		if err := b.replaceShim(mod, over); err != nil {
			return false, err
		}
		if err := b.write(mod, over); err != nil {
			return false, err
		}
		if err := b.replaceProtos(ctx, mod, over); err != nil {
			return false, err
		}
	}
	return fabric, b.write(mod, over)
}

func (b *builder) readMod() (*modfile.File, error) {
	name := filepath.Join(b.root, "go.mod")
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	mod, err := modfile.Parse(name, data, nil)
	if err != nil {
		return nil, err
	}
	if requires(mod, oldShim) && !requires(mod, shimPath) {
		return nil, fmt.Errorf("%s requires %s; only its import path with /v2 is supported: change the imports and run go get %s", name, oldShim, shimPath)
	}
	if missing := unlisted(mod); missing != "" {
		return nil, fmt.Errorf("%s does not list %s, which the chaincode needs: run go mod tidy (with a line such as go 1.24 in it, so that it lists what is needed indirectly)", name, missing)
	}
	sum, err := os.ReadFile(filepath.Join(b.root, "go.sum"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return mod, os.WriteFile(filepath.Join(b.scratch, "x.sum"), sum, 0o600)
}

// unlisted answers a module that has to be replaced and that go.mod, as it is
// made before go 1.17 or by go get alone, does not name.
func unlisted(mod *modfile.File) string {
	needs := []struct{ of, needed string }{{contractPath, shimPath}, {shimPath, protosPath}}
	for _, n := range needs {
		if requires(mod, n.of) && !requires(mod, n.needed) {
			return n.needed
		}
	}
	return ""
}

func requires(mod *modfile.File, path string) bool {
	return slices.ContainsFunc(mod.Require, func(r *modfile.Require) bool { return r.Mod.Path == path })
}

func replaces(mod *modfile.File, path string) bool {
	return slices.ContainsFunc(mod.Replace, func(r *modfile.Replace) bool { return r.Old.Path == path })
}

// replaceWeft lays the guest library over weftDir: two packages of Weft's
// module, which require nothing.
func (b *builder) replaceWeft(mod *modfile.File, over *overlayFile) error {
	if err := replace(mod, weftPath, weftDir); err != nil {
		return err
	}
	files, err := GoLibrary()
	for name, data := range files {
		err = errors.Join(err, b.lay(over, weftDir, name, data))
	}
	return err
}

// GoLibrary is a Go module of Weft's name with the guest library in it: the
// contents of its files by name.
func GoLibrary() (map[string][]byte, error) {
	files := map[string][]byte{"go.mod": []byte("module " + weftPath + "\n\ngo 1.24\n")}
	for dir, source := range map[string]fs.FS{"wasm/guest": guest.Source, "wasm/abi": abi.Source} {
		entries, err := fs.ReadDir(source, ".")
		if err != nil {
			return nil, err
		}
		for _, entry := range entries {
			name := entry.Name()
			if strings.HasSuffix(name, "_test.go") || name == "source.go" {
				continue
			}
			if files[dir+"/"+name], err = fs.ReadFile(source, name); err != nil {
				return nil, err
			}
		}
	}
	return files, nil
}

// replaceShim lays the embedded shim over shimDir. Its go.mod requires what the
// author's already has, at any version, so that it never raises one.
func (b *builder) replaceShim(mod *modfile.File, over *overlayFile) error {
	if err := replace(mod, shimPath, shimDir); err != nil {
		return err
	}
	goMod := "module " + shimPath + "\n\ngo 1.24\n"
	for _, r := range mod.Require {
		switch r.Mod.Path {
		case protosPath, "google.golang.org/protobuf", "google.golang.org/grpc":
			goMod += fmt.Sprintf("require %s %s\n", r.Mod.Path, r.Mod.Version)
		}
	}
	if err := b.lay(over, shimDir, "go.mod", []byte(goMod)); err != nil {
		return err
	}
	return fs.WalkDir(shim.Files, shim.Dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := shim.Files.ReadFile(name)
		if err != nil {
			return err
		}
		return b.lay(over, shimDir, strings.TrimPrefix(name, shim.Dir+"/"), data)
	})
}

// replaceProtos lays the protos of the version that the author's go.mod comes
// to over protosDir, straight from the module cache, without the gRPC services:
// these are most of the code of a chaincode, and nothing calls them.
func (b *builder) replaceProtos(ctx context.Context, mod *modfile.File, over *overlayFile) error {
	if replaces(mod, protosPath) {
		return nil // the author has a version of their own
	}
	said, _, err := b.run(ctx, "mod", "download", b.modFile(), b.overlay(), "-json", protosPath)
	if err != nil {
		return err
	}
	var module struct{ Dir string }
	if err := json.Unmarshal(said, &module); err != nil || module.Dir == "" {
		return fmt.Errorf("go mod download %s said no folder: %s", protosPath, said)
	}
	if err := replace(mod, protosPath, protosDir); err != nil {
		return err
	}
	return filepath.WalkDir(module.Dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		if base := entry.Name(); base != "go.mod" && (!strings.HasSuffix(base, ".go") || strings.HasSuffix(base, "_grpc.pb.go")) {
			return nil
		}
		within, err := filepath.Rel(module.Dir, name)
		if err != nil {
			return err
		}
		over.Replace[filepath.Join(b.root, protosDir, within)] = name
		return nil
	})
}

// replace makes dir stand for the module, at every version.
func replace(mod *modfile.File, module, dir string) error {
	for _, r := range slices.Clone(mod.Replace) {
		if r.Old.Path == module {
			if err := mod.DropReplace(r.Old.Path, r.Old.Version); err != nil {
				return err
			}
		}
	}
	return mod.AddReplace(module, "", dir, "")
}

// lay writes a file to the scratch folder and shows it at dir/name.
func (b *builder) lay(over *overlayFile, dir, name string, data []byte) error {
	file := filepath.Join(b.scratch, path.Base(dir), filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	over.Replace[filepath.Join(b.root, dir, filepath.FromSlash(name))] = file
	return os.WriteFile(file, data, 0o600)
}

func (b *builder) write(mod *modfile.File, over *overlayFile) error {
	mod.Cleanup()
	data, err := mod.Format()
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(b.scratch, "x.mod"), data, 0o600); err != nil {
		return err
	}
	paths, err := json.Marshal(over)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(b.scratch, "overlay.json"), paths, 0o600)
}
