package deploy

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/weft-network/weft/cmd/weft/internal/devnet"
)

func quiet(Step) {}

func TestWhatIsNoChaincodeIsRefusedBeforeAnythingIsSent(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "text.wasm")
	if err := os.WriteFile(text, []byte("hello, this is no module"), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		text:                         "is no chaincode",
		filepath.Join(dir, "absent"): "name a folder of source or a .wasm file",
	} {
		if _, err := Compile(context.Background(), path, quiet); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestPackageIDIsThatOfThePeers(t *testing.T) {
	raw, id, err := Pack("asset_1.0", []byte("\x00asm"), quiet)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := PackageID(raw); err != nil || got != id || !strings.HasPrefix(id, "asset_1.0:") {
		t.Fatalf("%s, %s, %v", id, got, err)
	}
	if _, err := Label([]byte("no package")); err == nil || !strings.Contains(err.Error(), "weft chaincode package") {
		t.Fatal(err)
	}
}

func TestImportsAreCountedByModule(t *testing.T) {
	if got := imports([]string{"wasi.a", "weft_v1.get", "wasi.b"}); got != "imports 2 of wasi, 1 of weft_v1" {
		t.Fatal(got)
	}
}

func TestWithout(t *testing.T) {
	a, b := &devnet.Node{Name: "a"}, &devnet.Node{Name: "b"}
	if got := without([]*devnet.Node{a, b}, []*devnet.Node{a}); len(got) != 1 || got[0] != b {
		t.Fatal(got)
	}
}

func TestThePhasesOfAnInstallAreToldWhenItIsDone(t *testing.T) {
	for want, names := range map[string][]string{
		"checked and compiled": nil,
		"checked, metered 0 ms, compiled code was found, started 0 ms": {"checking", "metering", "starting", "saving"},
		"checked, metered 0 ms, compiled 0 ms, started 0 ms":           {"waiting", "checking", "metering", "compiling", "starting", "saving"},
	} {
		p := newPhases()
		for _, name := range names {
			p.enter(name)
		}
		for i := range p.took {
			p.took[i].took = 0
		}
		if got := p.text(); got != want {
			t.Errorf("%v: got %s, want %s", names, got, want)
		}
	}
}
