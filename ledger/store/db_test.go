package store_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/weft-network/weft/ledger/store"
	"github.com/weft-network/weft/ledger/store/storetest"
)

func openDB(t fataler, fs store.FS) *store.DB {
	d, err := store.OpenDBWith("db", store.Options{FS: fs})
	if err != nil {
		t.Fatalf("%v", err)
	}
	return d
}

func TestDBIsAnOrderedMap(t *testing.T) {
	key := rapid.SliceOfN(rapid.ByteRange('a', 'd'), 1, 2)
	rapid.Check(t, func(t *rapid.T) {
		disk := storetest.NewDisk()
		d, want := openDB(t, disk), map[string]string{}
		defer func() { _ = d.Close() }()
		t.Repeat(map[string]func(*rapid.T){
			"batch": func(t *rapid.T) {
				b := d.NewBatch()
				for range rapid.IntRange(0, 5).Draw(t, "writes") {
					k, v, end := key.Draw(t, "key"), key.Draw(t, "value"), key.Draw(t, "end")
					switch rapid.IntRange(0, 3).Draw(t, "kind") {
					case 0:
						b.Delete(k)
						delete(want, string(k))
					case 1:
						if bytes.Compare(k, end) < 0 {
							b.DeleteRange(k, end)
							maps.DeleteFunc(want, func(x, _ string) bool { return x >= string(k) && x < string(end) })
						}
					default:
						b.Set(k, v)
						want[string(k)] = string(v)
					}
				}
				if err := d.Apply(b, rapid.Bool().Draw(t, "sync")); err != nil {
					t.Fatal(err)
				}
			},
			"reopen": func(t *rapid.T) {
				if err := d.Close(); err != nil {
					t.Fatal(err)
				}
				d = openDB(t, disk)
			},
			"": func(t *rapid.T) {
				var keys []string
				err := d.Scan(nil, nil, func(k, v []byte) bool {
					keys = append(keys, string(k))
					got, err := d.Get(k)
					return err == nil && string(got) == want[string(k)] && string(v) == want[string(k)]
				})
				if sorted := slices.Sorted(maps.Keys(want)); err != nil || !slices.Equal(keys, sorted) {
					t.Fatalf("keys are %q (%v), want %q", keys, err, sorted)
				}
			},
		})
	})
}

func TestSyncedBatchSurvivesACrashWhole(t *testing.T) {
	disk := storetest.NewDisk()
	d := openDB(t, disk)
	defer d.Close()
	for i := range 20 {
		b := d.NewBatch()
		b.Set(fmt.Append(nil, "a", i), []byte("x"))
		b.Set(fmt.Append(nil, "b", i), nil)
		if err := d.Apply(b, true); err != nil {
			t.Fatal(err)
		}
		after := openDB(t, disk.Crash(0, nil))
		v, err := after.Get(fmt.Append(nil, "a", i))
		w, err2 := after.Get(fmt.Append(nil, "b", i))
		if string(v) != "x" || w == nil || len(w) > 0 || errors.Join(err, err2) != nil {
			t.Fatalf("after the crash: %q %q %v %v", v, w, err, err2)
		}
		_ = after.Close()
	}
}

func TestSnapshotSeesWholeBatches(t *testing.T) {
	d := openDB(t, storetest.NewDisk())
	defer d.Close()
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := range 300 {
			b := d.NewBatch()
			b.Set([]byte("a"), fmt.Append(nil, i))
			b.Set([]byte("b"), fmt.Append(nil, i))
			if err := d.Apply(b, false); err != nil {
				t.Error(err)
			}
		}
	})
	for range 300 {
		s, err := d.Snapshot()
		if err != nil {
			t.Fatal(err)
		}
		a, err := s.Get([]byte("a"))
		b, err2 := s.Get([]byte("b"))
		if !bytes.Equal(a, b) || errors.Join(err, err2, s.Close()) != nil {
			t.Fatalf("a is %s, b is %s (%v, %v)", a, b, err, err2)
		}
	}
	wg.Wait()
}

func TestWrittenCountsEachByteWhereItWasWritten(t *testing.T) {
	disk := storetest.NewDisk()
	d := openDB(t, disk)
	value := make([]byte, 100_000)
	b := d.NewBatch()
	b.Set([]byte("key"), value)
	if err := d.Apply(b, true); err != nil {
		t.Fatal(err)
	}
	w := d.Written()
	if w.Log < uint64(len(value)) || w.Log > 2*uint64(len(value)) || w.Flushed+w.Compacted > 0 || w.Total() != w.Log {
		t.Errorf("%d bytes were logged and none flushed, but it says %+v", len(value), w)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestForeignAndNewerDirectoriesAreRefused(t *testing.T) {
	for _, x := range []struct{ file, text, want string }{
		{"FORMAT", "weft store 2\n", "so use a newer one"},
		{"FORMAT", "weft log 1\n", "is not a Weft store"},
		{"FORMAT", "something else", "is not a Weft store"},
		{"notes.txt", "hello", "is not a Weft store: it has notes.txt"},
	} {
		dir := t.TempDir()
		name := filepath.Join(dir, x.file)
		if err := os.WriteFile(name, []byte(x.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := store.OpenDB(dir); err == nil || !strings.Contains(err.Error(), x.want) {
			t.Errorf("%s %q: %v", x.file, x.text, err)
		}
		if files, _ := os.ReadDir(dir); len(files) != 1 {
			t.Errorf("%s %q: the directory was changed", x.file, x.text)
		}
	}
}

func TestDirectoryOfAnotherProcessIsRefused(t *testing.T) {
	if dir := os.Getenv("STORE_TEST_DIR"); dir != "" { // the other process
		_, errDB := store.OpenDB(filepath.Join(dir, "db"))
		_, errLog := store.OpenLog(filepath.Join(dir, "log"), store.Options{})
		fmt.Println(errDB, errLog)
		return
	}
	dir := t.TempDir()
	d, err := store.OpenDB(filepath.Join(dir, "db"))
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	l, err := store.OpenLog(filepath.Join(dir, "log"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	other := exec.CommandContext(t.Context(), os.Args[0], "-test.run="+t.Name())
	other.Env = append(os.Environ(), "STORE_TEST_DIR="+dir)
	out, err := other.CombinedOutput()
	if err != nil || strings.Count(string(out), "is in use by another process") != 2 {
		t.Fatalf("the other process said %s (%v)", out, err)
	}
	if _, err := store.OpenDB(filepath.Join(dir, "db")); err == nil {
		t.Fatal("this process opened it twice")
	}
}

func TestClosedDBAnswersErrClosed(t *testing.T) {
	d := openDB(t, storetest.NewDisk())
	b := d.NewBatch()
	if err := errors.Join(d.Close(), d.Close()); err != nil {
		t.Fatal(err)
	}
	_, get := d.Get([]byte("a"))
	_, snap := d.Snapshot()
	for i, err := range []error{get, snap, d.Apply(b, true), d.Scan(nil, nil, nil)} {
		if !errors.Is(err, store.ErrClosed) {
			t.Errorf("call %d said %v", i, err)
		}
	}
}

func TestPrefixEnd(t *testing.T) {
	for prefix, want := range map[string]string{"a": "b", "a\xff": "b", "a\x00": "a\x01", "\xff\xff": "", "": ""} {
		if got := store.PrefixEnd([]byte(prefix)); string(got) != want || (want == "") != (got == nil) {
			t.Errorf("%q: %q, want %q", prefix, got, want)
		}
	}
}
