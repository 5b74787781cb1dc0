package chain

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/weft-network/weft/ledger/store"
	"github.com/weft-network/weft/ledger/store/storetest"
)

// smallDisk mounts 64 MiB of memory, which needs the superuser.
func smallDisk(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("weft-test", dir, "tmpfs", 0, "size=64m"); err != nil {
		t.Skipf("DISK FULL IS NOT TESTED: a file system cannot be mounted here (%v); run the tests as root", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// fill takes all the room that a disk has.
func fill(t *testing.T, dir string) (free func()) {
	t.Helper()
	path := filepath.Join(dir, "filler")
	f, err := os.Create(path)
	for b := make([]byte, 64<<10); err == nil; {
		_, err = f.Write(b)
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("fill the disk: %v", err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
}

func TestFullDiskRefusesBlocksAndResumesByItself(t *testing.T) {
	rng, m, dir := seeded(t, 30), newModel(), smallDisk(t)
	c, err := Open(filepath.Join(dir, "ledger"), Options{Replay: replay, Fatal: func(msg string) { t.Errorf("the process stops: %s", msg); select {} }})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for range 3 {
		for range 10 {
			appendNext(t, c, m, rng)
		}
		free := fill(t, dir)
		b := m.nextBlock(rng)
		for range 10 {
			if err := c.Append(b, m.commit(b)); !errors.Is(err, store.ErrDiskFull) {
				t.Fatalf("append on a full disk said %v", err)
			}
			m.check(t, c) // reads go on
		}
		free()
		appendNext(t, c, m, rng)
	}
	m.check(t, c)
}

// TestDiskThatFillsUpMidwayLosesNothing: the write itself fails, of the log or of
// the index, since others took the room after the ledger had asked. What ends
// there, the ledger or the process, begins anew once there is room.
func TestDiskThatFillsUpMidwayLosesNothing(t *testing.T) {
	rng, ended := seeded(t, 31), map[string]int{}
	for range 3 {
		m, dir := newModel(), smallDisk(t)
		crash := filepath.Join(dir, "ledger")
		stopped, failed := make(chan string, 1), make(chan error, 1)
		o := Options{Replay: replay, FS: storetest.Deaf(), Fatal: func(msg string) { stopped <- msg; select {} }}
		c, err := Open(crash, o)
		if err != nil {
			t.Fatal(err)
		}
		free := fill(t, dir)
		var acked atomic.Uint64
		var turn sync.Mutex // of who makes blocks, until it is over
		over := false
		next := func() []Entry {
			turn.Lock()
			defer turn.Unlock()
			if over {
				return nil
			}
			return m.nextEntries(rng, 1)
		}
		go func() {
			for entries := next(); entries != nil; entries = next() {
				if err := c.AppendAll(entries); err != nil {
					failed <- err
					return
				}
				acked.Store(c.Height())
			}
		}()
		select {
		case err := <-failed:
			if !errors.Is(err, syscall.ENOSPC) {
				t.Fatalf("append said %v", err)
			}
			if errs, wrong := m.answers(c); len(errs)+len(wrong) > 0 {
				t.Fatalf("%v, %q", errs, wrong)
			}
			ended["an error"]++
		case msg := <-stopped:
			t.Log(msg)
			ended["the process stops"]++
		}
		turn.Lock()
		over = true
		turn.Unlock()
		free()
		// As another process would find it: this one may hold the locks for ever.
		after, promised := filepath.Join(dir, "after"), acked.Load()
		copyAtRest(t, after, crash)
		if c, err = Open(after, Options{Replay: replay}); err != nil {
			t.Fatal(err)
		}
		if c.Height() < promised {
			t.Fatalf("height %d, but %d was acknowledged", c.Height(), promised)
		}
		m.check(t, c)
		if err := errors.Join(c.Close(), os.RemoveAll(after)); err != nil {
			t.Fatal(err)
		}
	}
	t.Log(ended)
}

// copyAtRest copies a folder as it is at one moment. What works in it in the
// background does so for a while after there is room again.
func copyAtRest(t *testing.T, to, from string) {
	t.Helper()
	for {
		before := contents(t, from)
		err := os.CopyFS(to, os.DirFS(from))
		if err == nil && contents(t, from) == before {
			return
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		if err := os.RemoveAll(to); err != nil {
			t.Fatal(err)
		}
	}
}

// contents lists the files below a folder with their sizes and times.
func contents(t *testing.T, dir string) string {
	t.Helper()
	var list strings.Builder
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil {
			fmt.Fprintln(&list, path, info.Size(), info.ModTime().UnixNano())
		}
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return list.String()
}
