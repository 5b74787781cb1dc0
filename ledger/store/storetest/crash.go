// Package storetest gives tests a disk that crashes. Production code never
// imports it.
package storetest

import (
	"errors"
	"math/rand/v2"
	"os"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/weft-network/weft/ledger/store"
)

// ErrDisk is what a Disk answers once it fails.
var ErrDisk = errors.New("injected disk failure")

// Disk is a file system in memory that knows what was synced. It is safe for
// concurrent use; its fields are set before it is used.
type Disk struct {
	store.FS
	mem        *vfs.MemFS
	journalled bool

	// BeforeWrite, if set, is called before the i-th change of the disk
	// (counted from 1, syncs included), which is to the file at path; an error
	// from it is that of the call. It may be called concurrently.
	BeforeWrite func(i int64, path string) error
	// BeforeOp, if set, is called before every use of the disk likewise.
	BeforeOp func(op Op) error
	// Room, if set, is how many bytes are free; else the disk cannot tell.
	Room func() uint64

	writes, ops atomic.Int64
}

// Op is one use of a disk.
type Op struct {
	I    int64 // counted from 1
	Path string
	// Write is false for a read. A sync and a removal are writes.
	Write, Sync, Remove bool
	Room                bool // asks how much room there is
}

// NewDisk makes an empty disk that keeps a directory's entries only when the
// directory was synced. A crash of it is either strict, or, with a percentage,
// may keep any subset of the entries.
func NewDisk() *Disk { return wrap(vfs.NewCrashableMem(), false) }

// NewJournalledDisk makes an empty disk whose directories survive in the order
// of their changes, as those of ext4 and XFS do; only data may be lost. Pebble
// counts on that order when it has not synced yet.
func NewJournalledDisk() *Disk { return wrap(vfs.NewCrashableMem(), true) }

func wrap(mem *vfs.MemFS, journalled bool) *Disk {
	d := &Disk{mem: mem, journalled: journalled}
	var fs store.FS = mem
	if journalled {
		fs = journal{mem}
	}
	d.FS = errorfs.Wrap(fs, errorfs.InjectorFunc(d.before))
	return d
}

// before is called before every use of the disk. Closing is none.
func (d *Disk) before(op errorfs.Op) error {
	if op.Kind == errorfs.OpFileClose {
		return nil
	}
	o := Op{I: d.ops.Add(1), Path: op.Path, Write: op.Kind.ReadOrWrite() == errorfs.OpIsWrite}
	switch op.Kind {
	case errorfs.OpFileSync, errorfs.OpFileSyncData, errorfs.OpFileSyncTo:
		o.Sync = true
	case errorfs.OpRemove, errorfs.OpRemoveAll:
		o.Remove = true
	case errorfs.OpGetDiskUsage:
		o.Room = true
	}
	if o.Write {
		if i := d.writes.Add(1); d.BeforeWrite != nil {
			if err := d.BeforeWrite(i, op.Path); err != nil {
				return err
			}
		}
	}
	if d.BeforeOp == nil {
		return nil
	}
	return d.BeforeOp(o)
}

// GetDiskUsage tells of Room.
func (d *Disk) GetDiskUsage(path string) (vfs.DiskUsage, error) {
	if d.Room == nil {
		return d.FS.GetDiskUsage(path)
	}
	return vfs.DiskUsage{AvailBytes: d.Room()}, nil
}

// Ops is how often the disk was used.
func (d *Disk) Ops() int64 { return d.ops.Load() }

// Writes is how often the disk was changed.
func (d *Disk) Writes() int64 { return d.writes.Load() }

// Crash is the disk as a power cut at this moment could leave it: all that was
// synced, and of the rest each block with a chance of that many percent.
func (d *Disk) Crash(unsyncedPercent int, rng *rand.Rand) *Disk {
	return wrap(d.mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: unsyncedPercent, RNG: rng}), d.journalled)
}

// journal syncs a directory whenever its entries change.
type journal struct{ *vfs.MemFS }

func (j journal) sync(name string, err error) error {
	if err != nil {
		return err
	}
	d, err := j.OpenDir(j.PathDir(name))
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func (j journal) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := j.MemFS.Create(name, c)
	return f, j.sync(name, err)
}

func (j journal) OpenReadWrite(name string, c vfs.DiskWriteCategory, o ...vfs.OpenOption) (vfs.File, error) {
	f, err := j.MemFS.OpenReadWrite(name, c, o...)
	return f, j.sync(name, err)
}

func (j journal) ReuseForWrite(oldname, newname string, c vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := j.MemFS.ReuseForWrite(oldname, newname, c)
	return f, j.sync(newname, err)
}

func (j journal) Link(oldname, newname string) error {
	return j.sync(newname, j.MemFS.Link(oldname, newname))
}

func (j journal) Rename(oldname, newname string) error {
	return j.sync(newname, j.MemFS.Rename(oldname, newname))
}

func (j journal) Remove(name string) error { return j.sync(name, j.MemFS.Remove(name)) }

func (j journal) MkdirAll(dir string, perm os.FileMode) error {
	return j.sync(dir, j.MemFS.MkdirAll(dir, perm))
}
