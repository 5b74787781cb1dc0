package build

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// listing of a folder with the sizes of its files
func listing(t *testing.T, dir string) (list []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(name string, _ fs.DirEntry, err error) error {
		info, statErr := os.Stat(name)
		if err == nil && statErr == nil {
			list = append(list, strings.TrimPrefix(name, dir)+info.Mode().String()+info.ModTime().String())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestTheSameSourceInAnotherFolderIsTheSameModule(t *testing.T) {
	const example = "../../chaincode-examples/counter"
	copied := t.TempDir()
	if err := os.CopyFS(copied, os.DirFS(example)); err != nil {
		t.Fatal(err)
	}
	// A vendor folder of the author's, which is of no use here.
	if err := os.Mkdir(filepath.Join(copied, "vendor"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(copied, "vendor", "modules.txt"), []byte("# nothing\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	before := listing(t, copied)
	there, err := Chaincode(t.Context(), copied, "", Options{})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(before, listing(t, copied)) {
		t.Error("the author's folder was changed")
	}
	here, err := Chaincode(t.Context(), example, "", Options{})
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(here.Code, there.Code) {
		t.Errorf("two modules of %d and %d bytes differ", len(here.Code), len(there.Code))
	}
	if !here.Fabric || !slices.Contains(here.Imports, "weft_v1.state_get") {
		t.Errorf("fabric %v, imports %v", here.Fabric, here.Imports)
	}
}

func TestWhatCannotBeBuiltSaysWhy(t *testing.T) {
	write := func(files map[string]string) string {
		dir := t.TempDir()
		for name, text := range files {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		return dir
	}
	goMod := "module x\n\ngo 1.24\n"
	for want, dir := range map[string]string{
		"no such file":       filepath.Join(t.TempDir(), "nowhere"),
		"is a file":          filepath.Join(write(map[string]string{"go.mod": goMod}), "go.mod"),
		"there is no go.mod": write(map[string]string{"main.go": "package main"}),
		"undefined: nothing": write(map[string]string{"go.mod": goMod, "main.go": "package main\n\nfunc main() { nothing() }\n"}),
		"no export cc_init":  write(map[string]string{"go.mod": goMod, "main.go": "package main\n\nfunc main() {}\n"}),
		"does not list github.com/hyperledger/fabric-protos-go-apiv2": write(map[string]string{"go.mod": goMod + "require github.com/hyperledger/fabric-chaincode-go/v2 v2.3.0\n"}),
		"does not list github.com/hyperledger/fabric-chaincode-go/v2": write(map[string]string{"go.mod": goMod + "require github.com/hyperledger/fabric-contract-api-go/v2 v2.2.0\n"}),
		"only its import path with /v2":                               write(map[string]string{"go.mod": goMod + "require github.com/hyperledger/fabric-chaincode-go v0.0.0-20240704073638-9fb89180dc17\n"}),
		"unknown directive":                                           write(map[string]string{"go.mod": "modul x\n"}),
	} {
		if _, err := Chaincode(t.Context(), dir, "", Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}
