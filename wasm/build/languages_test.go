package build

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/weft-network/weft/wasm/lang"
)

// the smallest chaincode of each language that reads and writes
var smallest = map[Language]struct{ file, source string }{
	Rust: {"lib.rs", `
use weft::{Error, Result, Tx};
weft::contract!(invoke);
fn invoke(tx: &Tx) -> Result<Vec<u8>> {
    let args = tx.args();
    tx.put(args.text(0)?, args.bytes(1)?)?;
    tx.get(args.text(0)?)?.ok_or_else(|| Error::new("there is no such key"))
}`},
	AssemblyScript: {"index.ts", `
import { register, Tx } from "weft";
export { weft_abi, cc_init, cc_invoke } from "weft";
register((tx: Tx): Uint8Array | null => {
  tx.put(tx.arg(0), tx.args[1]);
  assert(tx.args.length == 2, "two arguments are needed");
  return tx.get(tx.arg(0));
});`},
	C: {"kv.c", `
#include <assert.h>
#include "weft.h"
int weft_invoke(void) {
	weft_bytes value;
	assert(weft_argc() == 2);
	weft_put(weft_arg(0), weft_arg(1));
	return weft_get(weft_arg(0), &value) ? weft_return(value) : weft_fail("there is no such key");
}`},
}

// needsToolchain skips where the toolchain is missing, but not in CI.
func needsToolchain(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		return
	}
	if errors.Is(err, ErrToolchain) && os.Getenv("CI") != "true" {
		t.Skip(err)
	}
	t.Fatal(err)
}

func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestEachLanguageGivesTheSameModuleAnywhere(t *testing.T) {
	if testing.Short() {
		t.Skip("runs compilers that the race detector does not see")
	}
	for language, small := range smallest {
		t.Run(string(language), func(t *testing.T) {
			t.Parallel()
			files := map[string]string{small.file: small.source}
			one, other := folder(t, files), folder(t, files)
			before := listing(t, one)
			a, err := Chaincode(t.Context(), one, "", Options{})
			needsToolchain(t, err)
			if !slices.Equal(before, listing(t, one)) {
				t.Error("the author's folder was changed")
			}
			b, err := Chaincode(t.Context(), other, "", Options{})
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(a.Code, b.Code) {
				t.Errorf("two modules of %d and %d bytes differ", len(a.Code), len(b.Code))
			}
			if a.Language != language || a.Toolchain == "" || !slices.Contains(a.Imports, "weft_v1.state_get") || len(a.Warnings) > 0 {
				t.Errorf("%s by %q, imports %v, warnings %q", a.Language, a.Toolchain, a.Imports, a.Warnings)
			}
			if bytes.Contains(a.Code, []byte(one)) || bytes.Contains(a.Code, []byte("weft-chaincode-")) {
				t.Error("the module holds the name of a folder")
			}
		})
	}
}

func TestACompilerThatIsMissingSaysWhatToInstall(t *testing.T) {
	nowhere := filepath.Join(t.TempDir(), "nothing")
	for language, want := range map[Language]string{
		Rust:           "apt-get install rustc libstd-rust-dev-wasm32 lld-14",
		AssemblyScript: "npm install --save-dev assemblyscript@" + AscVersion,
		C:              "apt-get install clang-19 lld-19 wasi-libc libclang-rt-19-dev-wasm32",
		Go:             "chaincode in Go needs the go command",
	} {
		files := map[string]string{"go.mod": "module x\n", "main.go": "package main\n"}
		if small, ok := smallest[language]; ok {
			files = map[string]string{small.file: small.source}
		}
		_, err := Chaincode(t.Context(), folder(t, files), "", Options{Go: nowhere, Rustc: nowhere, Clang: nowhere, Asc: nowhere})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: want %q, got %v", language, want, err)
		}
	}
}

func TestWhatLiesInAFolderDecidesOnTheLanguage(t *testing.T) {
	for want, files := range map[Language][]string{
		Go:             {"main.go", "package.json", "index.ts"},
		Rust:           {"Cargo.toml", "src/lib.rs"},
		AssemblyScript: {"assembly/index.ts", "package.json"},
		C:              {"[odd].c", "README.md"},
	} {
		all := map[string]string{}
		for _, name := range files {
			all[name] = ""
		}
		if got, err := Detect(folder(t, all)); got != want {
			t.Errorf("%v is %s, not %s (%v)", files, got, want, err)
		}
	}
	if _, err := Detect(t.TempDir()); err == nil || !strings.Contains(err.Error(), "holds no chaincode") {
		t.Errorf("an empty folder: %v", err)
	}
}

func TestOnlyACrateWithMoreThanWeftNeedsCargo(t *testing.T) {
	const head = "[package]\nname = \"my-asset\"\nedition = \"2021\"\n"
	for name, c := range map[string]struct {
		manifest string
		plain    bool
	}{
		"weft":                {head + "[lib]\ncrate-type = [\"cdylib\"]\n[dependencies]\nweft = { path = \"weft\" }\n", true},
		"tests need more":     {head + "[dependencies]\nweft = \"1\"\n[dev-dependencies]\nproptest = \"1\"\n", true},
		"another dependency":  {head + "[dependencies]\nweft = \"1\"\nserde = \"1\"\n", false},
		"a profile":           {head + "[profile.release]\nopt-level = \"s\"\n", false},
		"features":            {head + "[features]\nx = []\n", false},
		"a build script":      {head + "build = \"make.rs\"\n", false},
		"a workspace's value": {"[package]\nname = \"x\"\nedition.workspace = true\n", false},
	} {
		dir := folder(t, map[string]string{"Cargo.toml": c.manifest, "src/lib.rs": "", "weft/src/lib.rs": ""})
		got, err := readCrate(dir)
		if err != nil || got.plain != c.plain {
			t.Errorf("%s: plain is %v, not %v (%v)", name, got != nil && got.plain, c.plain, err)
		}
	}
	if _, err := readCrate(folder(t, map[string]string{"Cargo.toml": "[package"})); err == nil {
		t.Error("a broken manifest was taken")
	}
	if _, err := readCrate(folder(t, map[string]string{"Cargo.toml": head + "[dependencies]\nweft = { path = \"gone\" }\n"})); err == nil || !strings.Contains(err.Error(), "the crate weft") {
		t.Errorf("a library that is not there: %v", err)
	}
}

func TestGoThatExpectsAnOrdinaryMachineIsWarnedOf(t *testing.T) {
	dir := folder(t, map[string]string{
		"go.mod": "module x\n\ngo 1.24\n\nrequire github.com/weft-network/weft v1.0.0\n",
		"main.go": `package main

import (
	"net/http"
	system "os"

	"github.com/weft-network/weft/wasm/guest"
	"x/inner"
)

func main() {
	guest.Register(func(*guest.Tx) ([]byte, error) {
		go inner.Work()
		_, _ = http.Get("http://example.org")
		system.Exit(1)
		return system.ReadFile(system.Getenv("NAME"))
	})
}
`,
		"inner/inner.go": "package inner\n\nfunc Work() { go Work() }\n",
	})
	r, err := Chaincode(t.Context(), dir, "", Options{})
	if err != nil {
		t.Fatal(err)
	}
	all := strings.Join(r.Warnings, "\n")
	for _, want := range []string{
		"main.go:4: imports net/http: a chaincode has no network",
		"main.go:13: starts a goroutine",
		"main.go:16: calls os.ReadFile: a chaincode has no files",
		"main.go:16: calls os.Getenv: a chaincode's environment is empty",
		"inner/inner.go:3: starts a goroutine",
	} {
		if !strings.Contains(all, want) {
			t.Errorf("no warning %q", want)
		}
	}
	if len(r.Warnings) != 5 {
		t.Errorf("%d warnings:\n%s", len(r.Warnings), all)
	}
}

func TestAMistakeInTheSourceIsShownAsTheCompilerSaysIt(t *testing.T) {
	for language, want := range map[Language]string{Rust: "nothing", AssemblyScript: "Cannot find name 'nothing'", C: "nothing"} {
		if testing.Short() {
			t.Skip("runs compilers that the race detector does not see")
		}
		small := smallest[language]
		broken := folder(t, map[string]string{small.file: small.source + "\nnothing;\n"})
		_, err := Chaincode(t.Context(), broken, "", Options{})
		if errors.Is(err, ErrToolchain) {
			needsToolchain(t, err)
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: want %q, got %v", language, want, err)
		}
	}
}

func TestACrateWithDependenciesIsBuiltByCargoFromItsLockFile(t *testing.T) {
	if testing.Short() {
		t.Skip("runs compilers that the race detector does not see")
	}
	files := map[string]string{
		"Cargo.toml":       "[package]\nname = \"deeds\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[lib]\ncrate-type = [\"cdylib\"]\n[dependencies]\nweft = { path = \"weft\" }\nwords = { path = \"words\" }\n",
		"words/Cargo.toml": "[package]\nname = \"words\"\nversion = \"0.1.0\"\nedition = \"2021\"\n",
		"words/src/lib.rs": "pub const KEY: &str = \"key\";\n",
		"src/lib.rs":       "use weft::{Result, Tx};\nweft::contract!(invoke);\nfn invoke(tx: &Tx) -> Result<()> { tx.put(words::KEY, b\"1\") }\n",
	}
	dir := folder(t, files)
	if err := os.CopyFS(filepath.Join(dir, "weft"), lang.Rust()); err != nil {
		t.Fatal(err)
	}
	if _, err := Chaincode(t.Context(), dir, "", Options{}); err == nil || !strings.Contains(err.Error(), "run cargo generate-lockfile") {
		needsToolchain(t, err)
	}
	lock := "version = 3\n\n[[package]]\nname = \"deeds\"\nversion = \"0.1.0\"\ndependencies = [\n \"weft\",\n \"words\",\n]\n\n[[package]]\nname = \"weft\"\nversion = \"1.0.0\"\n\n[[package]]\nname = \"words\"\nversion = \"0.1.0\"\n"
	if err := os.WriteFile(filepath.Join(dir, "Cargo.lock"), []byte(lock), 0o644); err != nil {
		t.Fatal(err)
	}
	before := listing(t, dir)
	r, err := Chaincode(t.Context(), dir, "", Options{})
	needsToolchain(t, err)
	if !slices.Equal(before, listing(t, dir)) {
		t.Error("the author's folder was changed")
	}
	if !slices.Contains(r.Imports, "weft_v1.state_put") {
		t.Errorf("imports %v", r.Imports)
	}
}
