package store

import (
	"errors"
	"fmt"
	"io/fs"
)

const (
	// writeTemp is the name, after that of its file, of what WriteFile has not
	// finished.
	writeTemp = ".tmp"
	// discarded is the name, after its own, of a directory on its way out.
	discarded = ".discarded"
)

// ErrInUse answers the opening of a directory that another process has open. It
// follows the directory's name.
var ErrInUse = errors.New("is in use by another process")

// WriteFile writes a small file so that a crash leaves the old one, or none, or
// the new one, whole; it is durable when WriteFile returns.
func WriteFile(path string, data []byte, o Options) error {
	fsys := o.withDefaults().FS
	f, err := fsys.Create(path+writeTemp, diskWrites)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := fsys.Rename(path+writeTemp, path); err != nil {
		return err
	}
	return syncDir(fsys, fsys.PathDir(path))
}

// ReadFile reads a file that WriteFile wrote, of a few dozen bytes at most.
// There may be none: errors.Is(err, fs.ErrNotExist).
func ReadFile(path string, o Options) (string, error) {
	return readSmall(o.withDefaults().FS, path)
}

// RemoveUnwritten removes what a crash left of a file that WriteFile writes.
func RemoveUnwritten(path string, o Options) error { return RemoveFile(path+writeTemp, o) }

// RemoveFile removes a file, durably. One that is not there is no error.
func RemoveFile(path string, o Options) error {
	fsys := o.withDefaults().FS
	if _, err := fsys.Stat(path); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	}
	if err := fsys.Remove(path); err != nil {
		return err
	}
	return syncDir(fsys, fsys.PathDir(path))
}

// Discard removes a directory that nobody has open, and what an earlier Discard
// of it left. It goes under another name first, so that a crash leaves it whole
// or gone for whoever looks for it by its own. One that is not there is no error.
func Discard(dir string, o Options) error {
	fsys := o.withDefaults().FS
	out := dir + discarded
	if err := RemoveDiscarded(dir, o); err != nil {
		return err
	}
	if _, err := fsys.Stat(dir); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	}
	if err := fsys.Rename(dir, out); err != nil {
		return err
	}
	if err := syncDir(fsys, fsys.PathDir(dir)); err != nil {
		return err
	}
	return fsys.RemoveAll(out)
}

// RemoveDiscarded removes what a crash left of a directory that Discard removes.
func RemoveDiscarded(dir string, o Options) error {
	return o.withDefaults().FS.RemoveAll(dir + discarded)
}
