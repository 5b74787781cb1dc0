package store_test

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/weft-network/weft/ledger/store"
	"github.com/weft-network/weft/ledger/store/storetest"
)

// contents is every file below dir with what it holds.
func contents(t *testing.T, fs store.FS, dir string) string {
	t.Helper()
	names, err := fs.List(dir)
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	all := ""
	for _, name := range names {
		f, err := fs.Open(fs.PathJoin(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(f)
		if err := errors.Join(err, f.Close()); err != nil {
			t.Fatal(err)
		}
		all += fmt.Sprintf("%s %x\n", name, b)
	}
	return all
}

func TestReadingOnlyChangesNothing(t *testing.T) {
	disk := storetest.NewDisk()
	filled(t, disk, 20, 500)
	d := openDB(t, disk)
	b := d.NewBatch()
	b.Set([]byte("k"), []byte("v"))
	if err := d.Apply(b, true); err != nil {
		t.Fatal(err)
	}
	crashed := disk.Crash(0, nil) // with a write-ahead log to be replayed
	before := contents(t, crashed, "log") + contents(t, crashed, "db")
	crashed.BeforeWrite = func(_ int64, path string) error {
		if !strings.HasSuffix(path, "LOCK") { // taking a lock counts
			t.Errorf("%s was written", path)
		}
		return nil
	}

	o := store.Options{FS: crashed, ReadOnly: true}
	l, err := store.OpenLog("log", o)
	if err != nil {
		t.Fatal(err)
	}
	if got := all(t, l, 0); len(got) != 20 {
		t.Errorf("%d records", len(got))
	}
	db, err := store.OpenDBWith("db", o)
	if err != nil {
		t.Fatal(err)
	}
	if v, err := db.Get([]byte("k")); string(v) != "v" || err != nil {
		t.Errorf("k is %q (%v)", v, err)
	}
	if _, err := l.Append([]byte("r")); !errors.Is(err, store.ErrReadOnly) {
		t.Errorf("append said %v", err)
	}
	batch := db.NewBatch()
	batch.Set([]byte("k"), []byte("w"))
	if err := db.Apply(batch, false); err == nil {
		t.Error("a batch was applied")
	}
	if err := errors.Join(l.Sync(), l.Close(), db.Close()); err != nil {
		t.Fatal(err)
	}
	if after := contents(t, crashed, "log") + contents(t, crashed, "db"); after != before {
		t.Errorf("after %s\nbefore %s", after, before)
	}
}

func TestReadingOnlyEndsBeforeATornTail(t *testing.T) {
	disk := storetest.NewDisk()
	filled(t, disk, 3, 0)
	unmark(t, disk)
	edit(t, disk, firstSegment, func(b []byte) []byte { b[len(b)-1] ^= 1; return b })
	l, err := store.OpenLog("log", store.Options{FS: disk, ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if got := all(t, l, 0); len(got) != 2 || l.Torn() != 116 {
		t.Errorf("%d records, %d bytes torn", len(got), l.Torn())
	}
}

func TestReadingOnlyNeedsSomethingToRead(t *testing.T) {
	disk := storetest.NewDisk()
	if err := disk.MkdirAll("log", 0o700); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"log", "nowhere"} {
		if _, err := store.OpenLog(dir, store.Options{FS: disk, ReadOnly: true}); err == nil {
			t.Errorf("%s was opened", dir)
		}
	}
}
