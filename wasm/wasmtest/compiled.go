package wasmtest

import (
	"os"
	"path/filepath"
)

// CompiledVariable names the folder of machine code that the test processes of
// one run share: a large module is compiled once, not by every package.
const CompiledVariable = "WEFT_TEST_COMPILED"

// CompiledDir is a folder for machine code: the one that the run shares, or a
// new one of this caller. Call remove in the end.
func CompiledDir() (dir string, remove func(), err error) {
	if dir := os.Getenv(CompiledVariable); dir != "" {
		return dir, func() {}, nil
	}
	dir, err = os.MkdirTemp("", "weft-test-compiled-")
	if err != nil {
		return "", nil, err
	}
	return filepath.Join(dir, "compiled"), func() { os.RemoveAll(dir) }, nil
}
