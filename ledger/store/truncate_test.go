package store_test

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/weft-network/weft/ledger/store"
	"github.com/weft-network/weft/ledger/store/storetest"
)

func TestATruncatedLogIsOneThatNeverHadTheRest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		disk := storetest.NewDisk()
		segment := rapid.Int64Range(1, 600).Draw(t, "segment bytes")
		l := openLog(t, disk, segment)
		var want [][]byte
		var at []store.Position
		fill := func(n int) {
			for range n {
				b := rapid.SliceOfN(rapid.Byte(), 1, 100).Draw(t, "record")
				p, err := l.Append(b)
				if err == nil {
					err = l.Sync()
				}
				if err != nil {
					t.Fatal(err)
				}
				want, at = append(want, b), append(at, p)
			}
		}
		check := func() {
			if got := all(t, l, 0); !slices.EqualFunc(got, want, bytes.Equal) {
				t.Fatalf("the log has %d records, want %d", len(got), len(want))
			}
		}
		fill(rapid.IntRange(1, 12).Draw(t, "records"))
		for range 3 {
			keep := rapid.IntRange(0, len(at)).Draw(t, "kept")
			end := l.End()
			if keep < len(at) {
				end = at[keep]
			}
			if err := l.Truncate(end); err != nil {
				t.Fatal(err)
			}
			want, at = want[:keep], at[:keep]
			check()
			fill(rapid.IntRange(0, 4).Draw(t, "more"))
			check()
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			l = openLog(t, disk, segment)
			check()
		}
		_ = l.Close()
	})
}

func TestATruncationThatCrashesLeavesWholeRecordsFromTheFirstOn(t *testing.T) {
	for _, percent := range []int{0, 50, 100} {
		rng := rand.New(rand.NewPCG(uint64(percent), 0))
		disk := storetest.NewDisk()
		at := filled(t, disk, 12, 300)
		l := openLog(t, disk, 300)
		var images []*storetest.Disk
		disk.BeforeWrite = func(int64, string) error {
			images = append(images, disk.Crash(percent, rng))
			return nil
		}
		if err := l.Truncate(at[4]); err != nil {
			t.Fatal(err)
		}
		disk.BeforeWrite = nil
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		if len(images) < 5 {
			t.Fatalf("only %d writes were seen", len(images))
		}
		for i, image := range append(images, disk.Crash(0, nil)) {
			l := openLog(t, image, 300)
			got := all(t, l, 0)
			if len(got) < 4 || len(got) > 12 || i == len(images) && len(got) != 4 {
				t.Errorf("%d %%, crash %d: %d records", percent, i, len(got))
			}
			for k, b := range got {
				if b[0] != byte(k+1) {
					t.Errorf("%d %%, crash %d: record %d is that of %d", percent, i, k, b[0]-1)
				}
			}
			if err := l.Truncate(at[4]); err != nil { // as after any crash
				t.Errorf("%d %%, crash %d: again: %v", percent, i, err)
			}
			if n := len(all(t, l, 0)); n != 4 {
				t.Errorf("%d %%, crash %d: %d records after the second try", percent, i, n)
			}
			_ = l.Close()
		}
	}
}

func TestATruncationOfNoRecordIsRefused(t *testing.T) {
	disk := storetest.NewDisk()
	at := filled(t, disk, 6, 300)
	l := openLog(t, disk, 300)
	if err := l.Truncate(l.End() + 1); err == nil {
		t.Error("a place after the end was taken")
	}
	if err := l.Truncate(at[2] + 1); err == nil {
		t.Error("a place inside a record was taken")
	}
	if n := len(all(t, l, 0)); n != 6 {
		t.Errorf("%d records of 6 are left", n)
	}
	_ = l.Close()
}
