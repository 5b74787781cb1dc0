package build

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/weft-network/weft/wasm/warmup"
)

func TestWarmUpCallsOfTheManifestGoIntoTheModule(t *testing.T) {
	dir, module := t.TempDir(), []byte("\x00asm\x01\x00\x00\x00")
	declare := func() ([]byte, error) {
		m, err := ReadManifest(dir)
		if err != nil {
			return nil, err
		}
		return m.declare(module)
	}
	if code, err := declare(); err != nil || string(code) != string(module) {
		t.Errorf("without a manifest: %q, %v", code, err)
	}
	text := `{"warmup": [["Create", "a1", "Ada"], ["Read", "a1"]]}`
	if err := os.WriteFile(filepath.Join(dir, ManifestFile), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	code, err := declare()
	if err != nil {
		t.Fatal(err)
	}
	calls, err := warmup.Read(code)
	if err != nil || len(calls) != 2 || string(calls[0][2]) != "Ada" || string(calls[1][0]) != "Read" {
		t.Errorf("%q, %v", calls, err)
	}
}

func TestAManifestThatIsWrongSaysWhere(t *testing.T) {
	for text, want := range map[string]string{
		`{"warm-up": []}`:             `unknown field "warm-up"`,
		`[]`:                          `one object with the key "warmup"`,
		`{"warmup": [["f", 1]]}`:      "cannot unmarshal number",
		`{"warmup": [["f"], []]}`:     "warm-up call 2 has no arguments",
		`{"warmup": []} {}`:           "something follows",
		`{"warmup": []}}`:             "something follows",
		strings.Repeat(" ", 1<<20+10): "larger than",
	} {
		if _, err := parseManifest([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.30s: want %q, got %v", text, want, err)
		}
	}
}

func FuzzManifest(f *testing.F) {
	f.Add([]byte(`{"warmup": [["Create", "a1"]]}`))
	f.Add([]byte(`{"warmup": null}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := parseManifest(data)
		if err != nil {
			return
		}
		if _, err := warmup.Encode(m.vectors()); err != nil {
			t.Fatalf("a manifest was taken that cannot be declared: %v", err)
		}
	})
}
