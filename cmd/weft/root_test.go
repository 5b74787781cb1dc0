package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestExitCodesAndWhatTheySay(t *testing.T) {
	nowhere := filepath.Join(t.TempDir(), "nowhere")
	foreign := t.TempDir()
	if err := os.WriteFile(filepath.Join(foreign, "thesis.txt"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	yaml := filepath.Join(foreign, "c.yaml")
	if err := os.WriteFile(yaml, []byte("chanel: c\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable() // stands in for weftd: it is only looked for
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		args string
		code int
		says string
	}{
		{"--help", exitOK, "Exit codes"},
		{"down --dir " + nowhere, exitOK, "nothing to do"},
		{"down --wipe -o json --dir " + nowhere, exitOK, `"found": false`},
		{"knit", exitUsage, `unknown command "knit"`},
		{"channel knit", exitUsage, `unknown command "knit"`},
		{"up now", exitUsage, `"now"`},
		{"up --peers 0", exitUsage, "--peers 0"},
		{"up --peers x", exitUsage, "--peers"},
		{"status -o xml", exitUsage, "table or json"},
		{"channel create", exitUsage, "accepts 1 arg"},
		{"channel create c2", exitUsage, `"orgs" not set`},
		{"channel join --channel c2", exitUsage, `"peer" not set`},
		{"status --dir " + nowhere, exitFailure, "weft up"},
		{"channel list --dir " + nowhere, exitFailure, "--dir"},
		{"up --weftd /nowhere/weftd --dir " + nowhere, exitFailure, "--weftd"},
		{"up --weftd " + self + " --peers 200 --dir " + nowhere, exitFailure, "1 to 100"},
		{"up --weftd " + self + " --dir " + foreign, exitFailure, "something else"},
		{"down --wipe --dir " + foreign, exitFailure, "something else"},
		{"channel genesis --config " + yaml + " --block x", exitFailure, `"chanel"`},
	} {
		var out bytes.Buffer
		if code := run(t.Context(), strings.Fields(tc.args), &out, &out); code != tc.code || !strings.Contains(out.String(), tc.says) {
			t.Errorf("weft %s: exit code %d, want %d and %q in\n%s", tc.args, code, tc.code, tc.says, &out)
		}
	}
	if _, err := os.Stat(nowhere); err == nil {
		t.Error("a command that was refused made the folder")
	}
}
