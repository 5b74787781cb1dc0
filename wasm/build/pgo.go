package build

import (
	_ "embed"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// profile is what a profiler saw of the packages that chaincode in Go spends
// its time in. The compiler inlines what the profile says is called often: a
// call is dear in WebAssembly. That makes programs faster and never changes
// what they do, and it does not matter if the profile fits a version of Go, or
// a chaincode, badly. What wrote it does not come to the same bytes twice, so it
// is kept.
//
//go:generate go -C testdata/profile run -trimpath . ../../chaincode.pgo
//go:embed chaincode.pgo
var profile []byte

// authorsProfile is where the go command looks for one by itself.
const authorsProfile = "default.pgo"

// profileFlag makes the compiler use the author's profile or, if there is none,
// Weft's, which it writes to the scratch folder.
func (b *builder) profileFlag() (string, error) {
	_, err := os.Stat(filepath.Join(b.dir, authorsProfile))
	if err == nil {
		return "-pgo=auto", nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	name := filepath.Join(b.scratch, "chaincode.pgo")
	return "-pgo=" + name, os.WriteFile(name, profile, 0o600)
}
