package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/weft-network/weft/cmd/weft/internal/project"
	"github.com/weft-network/weft/wasm/build"
)

// A new project is built, tested and deployed without a line changed.
func TestANewProjectWorksAsItIs(t *testing.T) {
	n := shared(t)
	for _, lang := range project.Languages() {
		t.Run(lang, func(t *testing.T) {
			name := "new-" + lang
			dir := filepath.Join(t.TempDir(), name)
			succeeds(t, weft, "chaincode", "new", "--lang", lang, dir)
			file := filepath.Join(dir, name+".wasm")
			if o := run(t, weft, "chaincode", "build", dir, "--output", file); o.code != 0 {
				if strings.Contains(o.text, build.ErrToolchain.Error()) && os.Getenv("CI") != "true" {
					t.Skip(o.text)
				}
				t.Fatal(o.text)
			}
			succeeds(t, weft, "chaincode", "test", "--file", filepath.Join(dir, "weft-test.yaml"), file)

			succeeds(t, weft, "--dir", n.Dir, "chaincode", "deploy", "--channel", channel1, "--name", name, file)
			succeeds(t, weft, "--dir", n.Dir, "tx", "submit", "--channel", channel1, "--chaincode", name, "Create", "bike", "Ada")
			n.level(t)
			succeeds(t, weft, "--dir", n.Dir, "tx", "submit", "--channel", channel1, "--chaincode", name, "Transfer", "bike", "Bob")
			if said := succeeds(t, weft, "--dir", n.Dir, "tx", "evaluate", "--channel", channel1, "--chaincode", name, "List"); !strings.Contains(said, "bike Bob") {
				t.Errorf("the list is %q", said)
			}
		})
	}
}
