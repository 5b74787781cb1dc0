package project

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestAProjectIsCompleteInEachLanguage(t *testing.T) {
	for lang, library := range map[string]string{"go": "weft/wasm/guest/doc.go", "rust": "weft/src/lib.rs", "as": "weft/index.ts", "c": "weft/weft.h"} {
		dir := filepath.Join(t.TempDir(), "2nd-try")
		files, err := New(lang, dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range append(files, library) {
			data, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
			if err != nil {
				t.Errorf("%s: %v", lang, err)
			}
			if text := string(data); strings.Contains(text, "@NAME@") || strings.Contains(text, "@CRATE@") || strings.Contains(text, "@NEEDS@") {
				t.Errorf("%s: %s holds a placeholder", lang, name)
			}
		}
		for _, want := range []string{"README.md", "weft-test.yaml", "weft.json", ".gitignore", languages[lang].source} {
			if !slices.Contains(files, want) {
				t.Errorf("%s: there is no %s in %v", lang, want, files)
			}
		}
	}
}

func TestNothingIsOverwritten(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "mine")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := New("c", dir); err != nil {
		t.Errorf("an empty folder: %v", err)
	}
	if _, err := New("c", dir); err == nil || !strings.Contains(err.Error(), "is not empty") {
		t.Errorf("a folder with something in it: %v", err)
	}
}

func TestWhatCannotBeMadeSaysWhy(t *testing.T) {
	for _, c := range []struct{ lang, name, want string }{
		{"cobol", "x", `no language "cobol": it is one of go, rust, as, c`},
		{"go", "a b", `"a b" is no name of a chaincode`},
		{"go", "-a", "is no name of a chaincode"},
	} {
		if _, err := New(c.lang, filepath.Join(t.TempDir(), c.name)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %s: want %q, got %v", c.lang, c.name, c.want, err)
		}
	}
}
