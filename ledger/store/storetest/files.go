package storetest

import (
	"errors"
	"io"
	"slices"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// Files are the paths of all files below a directory, sorted.
func (d *Disk) Files(dir string) ([]string, error) {
	names, err := d.List(dir)
	if err != nil {
		return nil, err
	}
	var all []string
	for _, name := range names {
		path := d.PathJoin(dir, name)
		info, err := d.Stat(path)
		if err != nil {
			return nil, err
		}
		if !info.IsDir() {
			all = append(all, path)
			continue
		}
		below, err := d.Files(path)
		if err != nil {
			return nil, err
		}
		all = append(all, below...)
	}
	slices.Sort(all)
	return all, nil
}

// ReadFile reads a whole file.
func (d *Disk) ReadFile(path string) ([]byte, error) {
	f, err := d.Open(path)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(f)
	return b, errors.Join(err, f.Close())
}

// WriteFile replaces a file, as somebody does who knows nothing of the store.
func (d *Disk) WriteFile(path string, b []byte) error {
	f, err := d.Create(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	return errors.Join(err, f.Sync(), f.Close())
}
