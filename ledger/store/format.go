package store

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"syscall"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// Every directory names what it holds and the version of its format in a file
// written before anything else.
const (
	formatFile = "FORMAT"
	formatTemp = "FORMAT.tmp"
	lockFile   = "LOCK" // pebble's name for it

	kindDB  = "store"
	kindLog = "log"

	dbFormat  = 1
	logFormat = 1

	// maxFormatBytes bounds the reading of a file that may be anything.
	maxFormatBytes = 64
)

// ErrNewerFormat refuses what a newer version of the program wrote.
var ErrNewerFormat = errors.New("so use a newer one")

// diskWrites is the category under which our files' writes are counted.
const diskWrites vfs.DiskWriteCategory = "weft"

// claim makes dir if needed, locks it against other processes and checks that
// it holds kind in a version that we know. A foreign directory is left as it is.
func claim(o Options, dir, kind string, version int) (*pebble.Lock, error) {
	fsys := o.FS
	if !o.ReadOnly {
		if err := mkdir(fsys, dir); err != nil {
			return nil, fmt.Errorf("make directory %s: %w", dir, err)
		}
	}
	fresh, err := checkFormat(fsys, dir, kind, version)
	if err != nil {
		return nil, err
	}
	if fresh && o.ReadOnly {
		return nil, fmt.Errorf("%s is empty", dir)
	}
	lock, err := pebble.LockDirectory(dir, fsys)
	if err != nil {
		return nil, lockError(dir, err)
	}
	if fresh {
		err = writeFormat(fsys, dir, kind, version)
	}
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return lock, nil
}

func lockError(dir string, err error) error {
	if errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.EACCES) {
		return fmt.Errorf("%s %w", dir, ErrInUse)
	}
	return fmt.Errorf("lock %s: %w", dir, err)
}

// checkFormat reports whether dir is empty, so that its format is ours to
// choose; otherwise it must be kind in a version up to version.
func checkFormat(fsys FS, dir, kind string, version int) (fresh bool, err error) {
	text, err := readSmall(fsys, fsys.PathJoin(dir, formatFile))
	if errors.Is(err, fs.ErrNotExist) {
		return true, checkEmpty(fsys, dir, kind)
	}
	if err != nil {
		return false, err
	}
	var found string
	var v int
	if _, err := fmt.Sscanf(text, "weft %s %d\n", &found, &v); err != nil || found != kind {
		return false, fmt.Errorf("%s is not a Weft %s: its %s file says %q", dir, kind, formatFile, text)
	}
	if v < 1 || v > version {
		return false, fmt.Errorf("%s has format %d of a Weft %s; this program reads formats 1 to %d, %w", dir, v, kind, version, ErrNewerFormat)
	}
	return false, nil
}

// checkEmpty refuses a directory with anything that a crash between mkdir and
// writeFormat would not leave.
func checkEmpty(fsys FS, dir, kind string) error {
	names, err := fsys.List(dir)
	if err != nil {
		return err
	}
	for _, n := range names {
		if n != lockFile && n != formatTemp {
			return fmt.Errorf("%s is not a Weft %s: it has %s but no %s file", dir, kind, n, formatFile)
		}
	}
	return nil
}

func writeFormat(fsys FS, dir, kind string, version int) error {
	temp := fsys.PathJoin(dir, formatTemp)
	f, err := fsys.Create(temp, diskWrites)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(f, "weft %s %d\n", kind, version)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("write %s: %w", temp, err)
	}
	// A crash before the rename leaves an empty directory with a stray file.
	if err := fsys.Rename(temp, fsys.PathJoin(dir, formatFile)); err != nil {
		return err
	}
	return syncDir(fsys, dir)
}

func readSmall(fsys FS, name string) (string, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return "", err
	}
	b, err := io.ReadAll(io.LimitReader(f, maxFormatBytes))
	return string(b), errors.Join(err, f.Close())
}

// mkdir makes dir and its parents so that they survive a crash.
func mkdir(fsys FS, dir string) error {
	if _, err := fsys.Stat(dir); err == nil || !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	parent := fsys.PathDir(dir)
	if parent == dir {
		return nil
	}
	if err := mkdir(fsys, parent); err != nil {
		return err
	}
	if err := fsys.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return syncDir(fsys, parent)
}

func syncDir(fsys FS, dir string) error {
	d, err := fsys.OpenDir(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
