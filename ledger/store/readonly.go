package store

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// ErrReadOnly answers a change of a store that was opened for reading only.
var ErrReadOnly = errors.New("it was opened for reading only")

// readOnly is a file system that nothing changes, so that whoever reads a
// ledger to judge it leaves it as it was found, whatever the code below does.
type readOnly struct{ FS }

func refused(op, name string) error { return fmt.Errorf("%s %s: %w", op, name, ErrReadOnly) }

func (readOnly) Create(name string, _ vfs.DiskWriteCategory) (vfs.File, error) {
	return nil, refused("create", name)
}

func (readOnly) Link(_, newname string) error { return refused("link", newname) }

func (readOnly) OpenReadWrite(name string, _ vfs.DiskWriteCategory, _ ...vfs.OpenOption) (vfs.File, error) {
	return nil, refused("write", name)
}

func (readOnly) Remove(name string) error { return refused("remove", name) }

func (readOnly) RemoveAll(name string) error { return refused("remove", name) }

func (readOnly) Rename(oldname, _ string) error { return refused("rename", oldname) }

func (readOnly) ReuseForWrite(oldname, _ string, _ vfs.DiskWriteCategory) (vfs.File, error) {
	return nil, refused("write", oldname)
}

func (readOnly) MkdirAll(dir string, _ os.FileMode) error { return refused("make", dir) }

// Lock takes the lock of a directory whose lock file is there and can be
// written: nobody else could write into another one.
func (r readOnly) Lock(name string) (io.Closer, error) {
	if _, err := r.Stat(name); errors.Is(err, fs.ErrNotExist) {
		return unlocked{}, nil
	}
	lock, err := r.FS.Lock(name)
	if errors.Is(err, syscall.EROFS) {
		return unlocked{}, nil
	}
	return lock, err
}

func (r readOnly) Unwrap() vfs.FS { return r.FS }

type unlocked struct{}

func (unlocked) Close() error { return nil }
