package cctest

import (
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/weft-network/weft/cmd/weft/internal/deploy"
	"github.com/weft-network/weft/wasm/build"
)

const examples = "../../../../chaincode-examples"

// Every example that has a test file beside it is held to it, and to what it
// read and wrote when somebody last looked.
func TestExamplesDoWhatTheirTestFilesSay(t *testing.T) {
	if testing.Short() {
		t.Skip("builds and compiles chaincode, which the race detector makes slow")
	}
	files, err := filepath.Glob(filepath.Join(examples, "*", filePrefix+"*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatal(err, "no example has a test file")
	}
	cache := compiledDir(t)
	for _, file := range files {
		dir := filepath.Dir(file)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			suite, err := ReadSuite(file)
			if err != nil {
				t.Fatal(err)
			}
			bench, err := Open(t.Context(), dir, cache, func(deploy.Step) {}, slog.New(slog.DiscardHandler))
			if errors.Is(err, build.ErrToolchain) && os.Getenv("CI") != "true" {
				t.Skip(err)
			}
			if err != nil {
				t.Fatal(err)
			}
			defer bench.Close()
			result, err := Run(t.Context(), bench, suite, false)
			if err != nil {
				t.Fatal(err)
			}
			if result.Golden == "" {
				t.Errorf("there is no %s: %v", goldenName(file), fs.ErrNotExist)
			}
			for _, s := range result.Steps {
				if len(s.Wrong) > 0 {
					t.Errorf("step %d %s:\n%s", s.Number, s.Call, strings.Join(s.Wrong, "\n"))
				}
			}
			for _, wrong := range result.Wrong {
				t.Error(wrong)
			}
		})
	}
	t.Run("port", func(t *testing.T) { portsAsItIs(t, filepath.Join(examples, "asset-contract"), cache) })
}

// portsAsItIs tries what make port does, with compiled code that is there.
func portsAsItIs(t *testing.T, dir, cache string) {
	p, err := RunPort(t.Context(), dir, cache, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if !p.Fabric || p.Init.Status != 200 || p.Metadata == nil || len(p.Warnings) > 0 {
		t.Errorf("fabric %v, init %+v, warnings %q", p.Fabric, p.Init, p.Warnings)
	}
	if !slices.ContainsFunc(p.Functions, func(f Function) bool { return f.String() == "Register:Create(string, number)" }) {
		t.Errorf("functions %v", p.Functions)
	}
}
