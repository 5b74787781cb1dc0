package chain

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/weft-network/weft/ledger/store/storetest"
)

// filledDisk has a ledger of n blocks, closed, over several segments.
func filledDisk(t *testing.T, disk *storetest.Disk, rng *rand.Rand, n int) *model {
	t.Helper()
	m := newModel()
	c := openTest(t, disk, Options{Replay: replay, SegmentBytes: 8000})
	for range n {
		appendNext(t, c, m, rng)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestARolledBackLedgerIsOneThatNeverHadTheRest(t *testing.T) {
	rng := seeded(t, 3)
	for range 6 {
		disk := storetest.NewDisk()
		m := filledDisk(t, disk, rng, 25)
		height := 1 + rng.Uint64N(24)
		o := Options{FS: disk, Replay: replay, SegmentBytes: 8000}
		if err := Rollback("ledger", height, o); err != nil {
			t.Fatal(err)
		}
		c := openTest(t, disk, o)
		if c.Height() != height {
			t.Fatalf("height %d after a rollback to %d", c.Height(), height)
		}
		m = m.at(height)
		m.check(t, c)
		goOn(t, c, m, rng) // other blocks may follow than those that are gone
	}
}

func TestARollbackThatCrashesIsCompletedOrHasNotBegun(t *testing.T) {
	const before, after = 20, 7
	for _, x := range []struct {
		name    string
		disk    *storetest.Disk
		percent int
	}{
		{"only what was synced", storetest.NewDisk(), 0},
		{"half of the rest", storetest.NewJournalledDisk(), 50},
		{"all of the rest", storetest.NewJournalledDisk(), 100},
	} {
		t.Run(x.name, func(t *testing.T) {
			rng := seeded(t, *crashSeed)
			m := filledDisk(t, x.disk, rng, before)
			var mu sync.Mutex
			var images []*storetest.Disk
			x.disk.BeforeWrite = func(int64, string) error {
				mu.Lock()
				defer mu.Unlock()
				images = append(images, x.disk.Crash(x.percent, rng))
				return nil
			}
			o := Options{FS: x.disk, Replay: replay, SegmentBytes: 8000}
			if err := Rollback("ledger", after, o); err != nil {
				t.Fatal(err)
			}
			x.disk.BeforeWrite = nil
			begun := false
			for i, disk := range images {
				c := openTest(t, disk, Options{Replay: replay, SegmentBytes: 8000})
				switch h := c.Height(); {
				case h == after:
					begun = true
				case h != before, begun:
					t.Fatalf("height %d after crash %d of %d", h, i, len(images))
				}
				m.at(c.Height()).check(t, c)
				if i%5 == 0 {
					goOn(t, c, m.at(c.Height()), rng)
				}
				if err := c.Close(); err != nil {
					t.Fatal(err)
				}
				if names, _ := disk.List("ledger"); len(names) != 2 {
					t.Errorf("crash %d left %q", i, names)
				}
			}
			if !begun {
				t.Error("no crash came after the plan was written")
			}
		})
	}
}

func TestARollbackThatCannotBeIsRefusedAndChangesNothing(t *testing.T) {
	rng := seeded(t, 4)
	disk := storetest.NewDisk()
	m := filledDisk(t, disk, rng, 10)
	peer := Options{FS: disk, Replay: replay, SegmentBytes: 8000}
	orderer := Options{FS: disk, NoSync: true, SegmentBytes: 8000}
	for _, x := range []struct {
		height uint64
		o      Options
		says   string
	}{
		{0, peer, "genesis block"},
		{10, peer, "nothing to take back"},
		{11, peer, "nothing to take back"},
		{5, orderer, "Raft log"},
	} {
		if err := Rollback("ledger", x.height, x.o); err == nil || !strings.Contains(err.Error(), x.says) {
			t.Errorf("to %d: %v", x.height, err)
		}
	}
	c := openTest(t, disk, peer)
	m.check(t, c)
}

func TestWhoOnlyReadsIsToldOfAnInterruptedRollback(t *testing.T) {
	rng := seeded(t, 5)
	disk := storetest.NewDisk()
	m := filledDisk(t, disk, rng, 10)
	var crashed *storetest.Disk
	disk.BeforeWrite = func(_ int64, path string) error {
		if crashed == nil && strings.Contains(path, discardedIndex) {
			crashed = disk.Crash(0, nil)
		}
		return nil
	}
	if err := Rollback("ledger", 4, Options{FS: disk, Replay: replay}); err != nil {
		t.Fatal(err)
	}
	if _, err := Open("ledger", Options{FS: crashed, Replay: replay, ReadOnly: true}); !errors.Is(err, ErrRollback) {
		t.Fatalf("opened for reading: %v", err)
	}
	if err := Rollback("ledger", 2, Options{FS: crashed, Replay: replay}); err != nil { // completes that one first
		t.Fatal(err)
	}
	c := openTest(t, crashed, Options{Replay: replay})
	if c.Height() != 2 {
		t.Errorf("height %d", c.Height())
	}
	m.at(2).check(t, c)
}

// discardedIndex is in the path of an index that is on its way out.
const discardedIndex = indexDir + ".discarded"

func TestADroppedIndexIsMadeAgain(t *testing.T) {
	rng := seeded(t, 6)
	disk := storetest.NewDisk()
	m := filledDisk(t, disk, rng, 20)
	if err := DropIndex("ledger", Options{FS: disk}); err != nil {
		t.Fatal(err)
	}
	var told []string
	c := openTest(t, disk, Options{Replay: replay, Progress: func(h, of uint64) { told = append(told, fmt.Sprint(h, "/", of)) }})
	m.check(t, c)
	if len(told) == 0 || told[len(told)-1] != "20/20" {
		t.Errorf("the progress was %q", told)
	}
}

func TestARollbackMendsWhatIsDamagedAfterIt(t *testing.T) {
	dir := t.TempDir()
	o := Options{Replay: replay, SegmentBytes: 8000}
	c, err := Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	rng, m := seeded(t, 7), newModel()
	for range 20 {
		appendNext(t, c, m, rng)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, blocksDir, "0000000002.seg")
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	raw[len(raw)-10] ^= 1
	if err := os.WriteFile(file, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Rollback(dir, 3, o); err != nil {
		t.Fatal(err)
	}
	if c, err = Open(dir, o); err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if m = m.at(3); c.Height() != 3 {
		t.Fatalf("height %d", c.Height())
	}
	m.check(t, c)
}
