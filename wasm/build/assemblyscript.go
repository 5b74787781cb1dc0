package build

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/weft-network/weft/wasm/lang"
)

// AscVersion is the compiler that Weft is tested with.
const AscVersion = "0.28.20"

const needsAsc = "chaincode in AssemblyScript needs node and its compiler asc: on Debian apt-get install npm, then in the chaincode's folder npm install --save-dev assemblyscript@" + AscVersion

func buildAssemblyScript(ctx context.Context, t tool, opts Options) (*Result, error) {
	t.missing = needsAsc
	if t.command = opts.Asc; t.command == "" {
		found, ok := findAsc(t.dir)
		if !ok {
			return nil, toolchain(nil, needsAsc)
		}
		t.command = found
	}
	entry, err := ascEntry(t.dir)
	if err != nil {
		return nil, err
	}
	library, err := t.library(lang.AssemblyScript(), "index.ts")
	if err != nil {
		return nil, err
	}
	// The author's options would write files beside the sources, so there are
	// none but these. Without freeing, memory is as fast as it can be, and it
	// is reset after each transaction anyway.
	config := filepath.Join(t.scratch, "asconfig.json")
	if err := os.WriteFile(config, []byte("{}"), 0o600); err != nil {
		return nil, err
	}
	_, said, err := t.run(ctx, entry, "--config", config, "--path", filepath.Dir(library), "-O", "--runtime", "stub",
		"--use", "abort=weft_abort", "--exportStart", "_initialize", "--outFile", t.out())
	if err != nil {
		return nil, err
	}
	version, _, err := t.run(ctx, "--version")
	if err != nil {
		return nil, err
	}
	return &Result{Language: AssemblyScript, Toolchain: strings.Replace(firstLine(version), "Version", "asc", 1), Warnings: warned(said)}, nil
}

// findAsc looks in the node_modules of the folder and of those above, on the
// path, and where Weft's own scripts install it.
func findAsc(dir string) (string, bool) {
	within := filepath.Join("node_modules", ".bin", "asc")
	var places []string
	for at := dir; ; at = filepath.Dir(at) {
		places = append(places, filepath.Join(at, within))
		if at == filepath.Dir(at) {
			break
		}
	}
	places = append(places, "asc")
	if cache, err := os.UserCacheDir(); err == nil {
		places = append(places, filepath.Join(cache, "weft", "assemblyscript-"+AscVersion, within))
	}
	return first(places...)
}

// ascEntry is the file whose exports are the module's, relative to the folder:
// what asconfig.json says, or where people have it.
func ascEntry(dir string) (string, error) {
	data, err := os.ReadFile(filepath.Join(dir, "asconfig.json"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	var config struct {
		Entries []string `json:"entries"`
	}
	if err == nil {
		if err := json.Unmarshal(data, &config); err != nil {
			return "", fmt.Errorf("asconfig.json: %w", err)
		}
	}
	if len(config.Entries) > 0 {
		return config.Entries[0], nil
	}
	for _, name := range []string{"assembly/index.ts", "src/index.ts", "index.ts"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			return name, nil
		}
	}
	found, _ := filepath.Glob(filepath.Join(escape(dir), "*.ts"))
	if len(found) == 1 {
		return filepath.Base(found[0]), nil
	}
	return "", errors.New("there is no assembly/index.ts; name the file in asconfig.json, under entries")
}
