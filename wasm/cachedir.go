package wasm

import (
	"errors"
	"fmt"
	"os"
)

// CheckCacheDir makes the folder of compiled code, mode 0700, and refuses one that
// belongs to, or can be reached by, anybody else: it holds machine code.
func CheckCacheDir(dir string) error { return privateDir(dir) }

// privateDir makes dir with mode 0700 and refuses one that belongs to, or can
// be written by, anybody else.
func privateDir(dir string) error {
	if dir == "" {
		return errors.New("no directory is set")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return fmt.Errorf("%s is not a directory", dir)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 && ownerChecked {
		return fmt.Errorf("%s has mode %04o, so others can reach the machine code in it; run chmod 700 %s, after removing what is in it", dir, mode, dir)
	}
	return owned(dir, info)
}
