package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/weft-network/weft/wasm/pack"
	"github.com/weft-network/weft/wasm/wasmtest"
)

// weft runs a command line with a cache of compiled code of its own.
func weft(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	var out, errs bytes.Buffer
	code = run(t.Context(), args, &out, &errs)
	return code, out.String(), errs.String()
}

// answers is a chaincode that answers status 500 without a word to every call.
func answers() []byte { return wasmtest.Chaincode(1, "", wasmtest.I32(1)) }

func file(t *testing.T, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestInspectTellsOfModulesAndPackages(t *testing.T) {
	pkg, err := pack.Write("try_1", answers())
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{file(t, "a.wasm", answers()), file(t, "a.tar.gz", pkg)} {
		code, out, errs := weft(t, "chaincode", "inspect", path, "-o", "json", "--call", "f", "x")
		var got struct {
			Label, PackageID string
			Bytes            int
			Limits           []struct{ Used, Limit int }
			Start            struct{ ABI, Profile, ImageHash string }
			Call             struct {
				Call   string
				Status int
				Fuel   uint64
			}
		}
		if err := json.Unmarshal([]byte(out), &got); code != exitOK || err != nil {
			t.Fatal(path, code, errs, err)
		}
		if got.Bytes != len(answers()) || len(got.Limits) == 0 || got.Start.ABI != "1.0" || len(got.Start.ImageHash) != 64 {
			t.Errorf("%s: %s", path, out)
		}
		if got.Call.Call != "f x" || got.Call.Status != 500 || got.Call.Fuel == 0 {
			t.Errorf("%s: the call came to %+v", path, got.Call)
		}
		if isPackage := strings.HasSuffix(path, ".gz"); (got.Label == "try_1") != isPackage || (got.PackageID == pack.ID("try_1", pkg)) != isPackage {
			t.Errorf("%s: label %q, id %q", path, got.Label, got.PackageID)
		}
	}
	for want, args := range map[string][]string{
		"is no chaincode": {file(t, "b.wasm", []byte("hello"))},
		"is a folder":     {t.TempDir()},
		"no such file":    {filepath.Join(t.TempDir(), "nowhere.wasm")},
		"for --call":      {file(t, "a.wasm", answers()), "x"},
	} {
		if code, _, errs := weft(t, append([]string{"chaincode", "inspect"}, args...)...); code == exitOK || !strings.Contains(errs, want) {
			t.Errorf("want %q, got exit code %d and %q", want, code, errs)
		}
	}
}

func TestChaincodeTestEndsWithOneWhenSomethingIsNotAsExpected(t *testing.T) {
	module := file(t, "a.wasm", answers())
	write := func(name, text string) string {
		path := filepath.Join(filepath.Dir(module), name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	if code, _, errs := weft(t, "chaincode", "test", module); code != exitFailure || !strings.Contains(errs, "there is no weft-test.yaml") {
		t.Errorf("without a test file: %d, %s", code, errs)
	}
	write("weft-test.yaml", `steps: [{call: f, expect: {status: 500}}]`)
	if code, out, errs := weft(t, "chaincode", "test", module, "--update"); code != exitOK || !strings.Contains(out, "weft-test.golden is written") {
		t.Errorf("update: %d, %s%s", code, out, errs)
	}
	if code, out, errs := weft(t, "chaincode", "test", module, "-o", "json"); code != exitOK || !strings.Contains(out, `"golden"`) {
		t.Errorf("as expected: %d, %s%s", code, out, errs)
	}
	write("weft-test.golden", "=== 1 f\nstatus 200\n")
	if code, out, _ := weft(t, "chaincode", "test", module); code != exitFailure || !strings.Contains(out, "- status 200") || !strings.Contains(out, "+ status 500") {
		t.Errorf("another golden file: %d, %s", code, out)
	}
	good := write("weft-test-2.yaml", `steps: [{call: f}]`)
	if code, out, _ := weft(t, "chaincode", "test", module, "-f", good); code != exitFailure || !strings.Contains(out, "status 500, want 200") {
		t.Errorf("another status: %d, %s", code, out)
	}
}

func TestACallThatTheHostEndsCanBeExpected(t *testing.T) {
	suite := file(t, "weft-test.yaml", []byte(`steps: [{call: f, expect: {fails: "EXHAUSTED: fuel 100000000 used in function \"f\""}}]`))
	code, out, errs := weft(t, "chaincode", "test", file(t, "a.wasm", wasmtest.EndlessLoop()), "-f", suite)
	if code != exitOK || !strings.Contains(out, "ended") {
		t.Errorf("%d: %s%s", code, out, errs)
	}
	if code, out, _ = weft(t, "chaincode", "inspect", file(t, "a.wasm", wasmtest.EndlessLoop()), "--call", "f"); code != exitOK || !strings.Contains(out, "100000000 fuel of 100000000") {
		t.Errorf("%d: %s", code, out)
	}
}
