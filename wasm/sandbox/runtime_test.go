package sandbox

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/weft-network/weft/wasm"
	"github.com/weft-network/weft/wasm/wasmtest"
)

// load starts a runtime over a compiler's folder, as a peer does, and calls a
// chaincode once. It returns the files of the engine.
func load(t *testing.T, c *compiler) []string {
	t.Helper()
	ctx := context.Background()
	r, err := wasm.New(wasm.Config{CacheDir: c.cfg.Dir, Compile: c.Compile})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close(ctx)
	m, err := r.Load(ctx, "package", wasmtest.Chaincode(1, "", wasmtest.I32(0)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Invoke(ctx, &wasm.Call{TxID: "tx"}, nil); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(c.cfg.Dir, "wazero-*", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range files {
		info, err := os.Stat(f)
		if err != nil {
			t.Fatal(err)
		}
		files[i] += info.ModTime().String()
	}
	return files
}

func TestAColdStartLoadsAndNeverCompiles(t *testing.T) {
	dir := folder(t)
	first := newCompiler(t, dir, Limits{})
	before := load(t, first)
	if first.count() != 2 || len(before) != 2 { // the runtime's own test, and the chaincode
		t.Fatalf("%d children left %v", first.count(), before)
	}
	again := newCompiler(t, dir, Limits{})
	after := load(t, again)
	// The engine looks into the folder by itself, and would write what it
	// compiled there.
	if again.count() != 0 || !slices.Equal(before, after) {
		t.Errorf("%d children after a restart; files\n%v, then\n%v", again.count(), before, after)
	}
}

func TestARuntimeDoesNotRunDamagedCode(t *testing.T) {
	dir := folder(t)
	load(t, newCompiler(t, dir, Limits{}))
	files, err := filepath.Glob(filepath.Join(dir, "wazero-*", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		raw, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		write(t, f, raw[:len(raw)/2])
	}
	again := newCompiler(t, dir, Limits{})
	if load(t, again); again.count() != len(files) {
		t.Errorf("%d of %d files were compiled again", again.count(), len(files))
	}
}
