package store

import (
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// walSuffix is of the files of pebble's write-ahead log.
const walSuffix = ".log"

// maxPreallocate is how much of a file of the write-ahead log is taken at once.
const maxPreallocate = 8 << 20

// guard ends the process when pebble cannot write its write-ahead log, or make
// the names of new files durable, as Options.Fatal says. Pebble would end it too,
// but somewhere further on, and at times by a fault of the runtime that says
// nothing of a disk. While a store is being opened or closed pebble answers errors
// of its log, and guard keeps still.
type guard struct {
	FS
	armed *atomic.Bool
	fatal func(msg string)
}

// told ends the process if there is an error.
func (g guard) told(name string, err error) error {
	if err != nil && g.armed.Load() {
		g.fatal(fmt.Sprintf("write %s: %v", name, err))
	}
	return err
}

func (g guard) wrap(name string, f vfs.File, err error) (vfs.File, error) {
	if !strings.HasSuffix(name, walSuffix) {
		return f, err
	}
	if g.told(name, err) != nil {
		return nil, err
	}
	return guarded{f, g, name}, nil
}

func (g guard) OpenDir(name string) (vfs.File, error) {
	f, err := g.FS.OpenDir(name)
	if err != nil {
		return nil, err
	}
	return guardedDir{f, g, name}, nil
}

func (g guard) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := g.FS.Create(name, c)
	return g.wrap(name, f, err)
}

func (g guard) ReuseForWrite(oldname, newname string, c vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := g.FS.ReuseForWrite(oldname, newname, c)
	return g.wrap(newname, f, err)
}

func (g guard) Unwrap() vfs.FS { return g.FS }

// guardedDir is a directory. Pebble panics when it cannot be synced, in the
// background too, and while it opens and closes.
type guardedDir struct {
	vfs.File
	g    guard
	name string
}

func (d guardedDir) Sync() error {
	err := d.File.Sync()
	if err != nil {
		d.g.fatal(fmt.Sprintf("sync %s: %v", d.name, err))
	}
	return err
}

// guarded is a file of the write-ahead log that is being written.
type guarded struct {
	vfs.File
	g    guard
	name string
}

func (f guarded) Write(b []byte) (int, error) {
	n, err := f.File.Write(b)
	return n, f.g.told(f.name, err)
}

func (f guarded) Sync() error     { return f.g.told(f.name, f.File.Sync()) }
func (f guarded) SyncData() error { return f.g.told(f.name, f.File.SyncData()) }
func (f guarded) Close() error    { return f.g.told(f.name, f.File.Close()) }

// Preallocate takes room on the disk, which is only a hint: pebble asks for more
// than a memory table of it at once, for stores that may stay empty.
func (f guarded) Preallocate(offset, length int64) error {
	return f.g.told(f.name, f.File.Preallocate(offset, min(length, maxPreallocate)))
}

func (f guarded) SyncTo(length int64) (bool, error) {
	full, err := f.File.SyncTo(length)
	return full, f.g.told(f.name, err)
}
