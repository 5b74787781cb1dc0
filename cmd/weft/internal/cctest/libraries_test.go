package cctest

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/weft-network/weft/cmd/weft/internal/deploy"
	"github.com/weft-network/weft/wasm/build"
)

const libraries = "../../../../wasm/lang/testdata"

// Each guest library asks the host alike and understands it alike: whatever the
// language, the calls answer, read and write the same.
func TestGuestLibrariesOfAllLanguagesAgree(t *testing.T) {
	if testing.Short() {
		t.Skip("builds and compiles chaincode, which the race detector makes slow")
	}
	cache := compiledDir(t)
	for _, probe := range []string{"probe-rust", "probe-as", "probe-c"} {
		t.Run(probe, func(t *testing.T) {
			bench, err := Open(t.Context(), filepath.Join(libraries, probe), cache, func(deploy.Step) {}, slog.New(slog.DiscardHandler))
			if errors.Is(err, build.ErrToolchain) && os.Getenv("CI") != "true" {
				t.Skip(err)
			}
			if err != nil {
				t.Fatal(err)
			}
			defer bench.Close()
			for _, file := range []string{"probe.yaml", "trap.yaml"} {
				suite, err := ReadSuite(filepath.Join(libraries, file))
				if err != nil {
					t.Fatal(err)
				}
				result, err := Run(t.Context(), bench, suite, false)
				if err != nil {
					t.Fatal(err)
				}
				for _, s := range result.Steps {
					if len(s.Wrong) > 0 {
						t.Errorf("step %d %s:\n%s", s.Number, s.Call, strings.Join(s.Wrong, "\n"))
					}
				}
			}
		})
	}
}
