package store_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/weft-network/weft/ledger/store"
	"github.com/weft-network/weft/ledger/store/storetest"
)

var errCut = errors.New("the power is cut")

func openForgetting(fs store.FS) (*store.Log, error) {
	return store.OpenLog("log", store.Options{FS: fs, SegmentBytes: 100, Forgets: true})
}

// forgetful appends n synced records of which every few fill a segment, and
// forgets those before the k-th.
func forgetful(fs store.FS, n, k int) error {
	l, err := openForgetting(fs)
	if err != nil {
		return err
	}
	var at []store.Position
	for i := range n {
		p, err := l.Append(fmt.Appendf(nil, "record %d", i))
		if err == nil {
			err = l.Sync()
		}
		if err != nil {
			return err
		}
		at = append(at, p)
	}
	if err := l.Forget(at[k]); err != nil {
		return err
	}
	if _, err := l.Append([]byte("one more")); err != nil {
		return err
	}
	return l.Close()
}

// left is what a log that was opened anew begins and ends with.
func left(t *testing.T, fs store.FS) (first, last string, n int) {
	t.Helper()
	l, err := openForgetting(fs)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	records := all(t, l, 0)
	if len(records) == 0 {
		return "", "", 0
	}
	return string(records[0]), string(records[len(records)-1]), len(records)
}

func TestALogForgetsWholeSegmentsAndNothingAfterThePosition(t *testing.T) {
	disk := storetest.NewDisk()
	if err := forgetful(disk, 30, 20); err != nil {
		t.Fatal(err)
	}
	first, last, n := left(t, disk)
	var i int
	if _, err := fmt.Sscanf(first, "record %d", &i); err != nil || i > 20 || i < 15 || n != 30-i+1 || last != "one more" {
		t.Errorf("the log has %d records, from %q to %q", n, first, last)
	}
	if _, err := store.OpenLog("log", store.Options{FS: disk, SegmentBytes: 100}); err == nil {
		t.Error("a log that lacks its beginning passes as one that forgets nothing")
	}
}

func TestOnlyALogThatWasOpenedForItForgets(t *testing.T) {
	l := openLog(t, storetest.NewDisk(), 100)
	defer l.Close()
	if err := l.Forget(l.End()); err == nil {
		t.Error("it forgot")
	}
}

func TestACrashWhileALogForgetsLosesNothingAfterThePosition(t *testing.T) {
	for cut := int64(1); ; cut++ {
		disk := storetest.NewDisk()
		disk.BeforeWrite = func(i int64, _ string) error {
			if i >= cut {
				return errCut
			}
			return nil
		}
		err := forgetful(disk, 30, 20)
		if err == nil {
			return // there is no cut-th change
		}
		after := disk.Crash(int(cut)%101, rand.New(rand.NewPCG(uint64(cut), 1)))
		first, last, n := left(t, after)
		if n == 0 {
			continue // it ended before the first record
		}
		var from, to int
		if _, err := fmt.Sscanf(first, "record %d", &from); err != nil || from > 20 {
			t.Fatalf("cut at change %d: it begins with %q", cut, first)
		}
		if last == "one more" {
			to = 30
		} else if _, err := fmt.Sscanf(last, "record %d", &to); err != nil {
			t.Fatal(err)
		}
		if n != to-from+1 || from > 0 && to < 29 {
			t.Fatalf("cut at change %d: %d records from %q to %q", cut, n, first, last)
		}
	}
}
