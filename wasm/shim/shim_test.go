package shim

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/modfile"
)

// The packages beside the shim need no host, so their tests run as they would
// upstream: in a module of that name, made of the embedded sources and of the
// tests in testdata.
func TestThePackagesBesideTheShim(t *testing.T) {
	dir := t.TempDir()
	copyGo(t, os.DirFS(filepath.Join(Dir, "pkg")), filepath.Join(dir, "pkg"))
	copyGo(t, os.DirFS(filepath.Join("testdata", "pkg")), filepath.Join(dir, "pkg"))
	composite, err := os.ReadFile(filepath.Join(Dir, "shim", "composite.go")) // imports nothing of the host's
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "pkg", "composite", "composite.go"), composite)
	root := filepath.Join("..", "..")
	write(t, filepath.Join(dir, "go.mod"), goMod(t, filepath.Join(root, "go.mod")))
	sum, err := os.ReadFile(filepath.Join(root, "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "go.sum"), sum)
	cmd := exec.Command("go", "test", "./...")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// goMod requires what Weft does, of what the packages need.
func goMod(t *testing.T, of string) []byte {
	t.Helper()
	data, err := os.ReadFile(of)
	if err != nil {
		t.Fatal(err)
	}
	mod, err := modfile.Parse(of, data, nil)
	if err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf("module github.com/hyperledger/fabric-chaincode-go/v2\n\ngo %s\n", mod.Go.Version)
	for _, r := range mod.Require {
		switch r.Mod.Path {
		case "github.com/hyperledger/fabric-protos-go-apiv2", "google.golang.org/protobuf":
			text += fmt.Sprintf("require %s %s\n", r.Mod.Path, r.Mod.Version)
		}
	}
	return []byte(text)
}

func copyGo(t *testing.T, from fs.FS, to string) {
	t.Helper()
	err := fs.WalkDir(from, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(name, ".go") {
			return err
		}
		data, err := fs.ReadFile(from, name)
		if err != nil {
			return err
		}
		write(t, filepath.Join(to, name), data)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, name string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, data, 0o644); err != nil {
		t.Fatal(err)
	}
}
