package chain

import (
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/weft-network/weft/ledger"
	"github.com/weft-network/weft/ledger/store"
	"github.com/weft-network/weft/ledger/store/storetest"
)

// built makes a ledger of that many blocks and closes it.
func built(t testing.TB, seed uint64, blocks int, o Options) (*storetest.Disk, *model) {
	t.Helper()
	rng, disk, m := seeded(t, seed), storetest.NewDisk(), newModel()
	c := openTest(t, disk, o)
	for range blocks {
		appendNext(t, c, m, rng)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	return disk, m
}

// setIndex changes the index of a closed ledger behind its back.
func setIndex(t testing.TB, disk *storetest.Disk, change func(db *store.DB, b *store.Batch)) {
	t.Helper()
	db, err := store.OpenDBWith("ledger/index", store.Options{FS: disk})
	if err != nil {
		t.Fatal(err)
	}
	b := db.NewBatch()
	change(db, b)
	if err := errors.Join(db.Apply(b, true), db.Close()); err != nil {
		t.Fatal(err)
	}
}

func TestIndexOfAnOlderFormatIsMadeAgain(t *testing.T) {
	disk, m := built(t, 20, 30, Options{Replay: replay})
	setIndex(t, disk, func(db *store.DB, b *store.Batch) {
		old := must(db.Get(savepointKey))
		old[0] = 1
		b.Set(savepointKey, old)
		// As format 1 had it, which format 2 would read as another value.
		b.Set(stateKey("a", "k1"), []byte{1, 0, 'v', 'a', 'l', 'u', 'e'})
		b.Set(stateKey("a", "only of format 1"), []byte{1, 0, 'v'})
	})
	var said strings.Builder
	c := openTest(t, disk, Options{Replay: replay, Logger: slog.New(slog.NewTextHandler(&said, nil))})
	if c.Height() != 30 || !strings.Contains(said.String(), "older format") {
		t.Fatalf("height %d; the log says %s", c.Height(), &said)
	}
	m.check(t, c)
}

func TestIndexOfANewerFormatIsRefused(t *testing.T) {
	disk, _ := built(t, 21, 3, Options{Replay: replay})
	setIndex(t, disk, func(db *store.DB, b *store.Batch) {
		newer := must(db.Get(savepointKey))
		newer[0] = savepointVersion + 1
		b.Set(savepointKey, newer)
	})
	for _, o := range []Options{{Replay: replay}, {ReadOnly: true}} {
		o.FS = disk
		if _, err := Open("ledger", o); !errors.Is(err, store.ErrNewerFormat) || errors.Is(err, ErrIndex) {
			t.Errorf("opened with the error %v", err)
		}
	}
}

func TestReplayTellsOfItsProgress(t *testing.T) {
	disk, m := built(t, 22, 20, Options{Replay: replay, SegmentBytes: 8000})
	if err := disk.RemoveAll("ledger/index"); err != nil {
		t.Fatal(err)
	}
	var told []string
	c := openTest(t, disk, Options{Replay: replay, Progress: func(h, of uint64) { told = append(told, fmt.Sprint(h, "/", of)) }})
	m.check(t, c)
	if len(told) != 20 || told[0] != "1/20" || told[19] != "20/20" {
		t.Errorf("%q", told)
	}
	if r := c.Recovery(); r.IndexHeight != 0 || r.Index != nil {
		t.Errorf("%+v", r)
	}
}

// A batch that is missing between two others is state that is wrong.
func TestIndexWithAHoleIsRefused(t *testing.T) {
	disk, _ := built(t, 23, 20, Options{Replay: replay})
	setIndex(t, disk, func(_ *store.DB, b *store.Batch) { b.Delete(numberKey(11)) })
	_, err := Open("ledger", Options{FS: disk, Replay: replay})
	if !errors.Is(err, ErrIndex) || !strings.Contains(err.Error(), "lacks block 11") {
		t.Fatalf("opened with the error %v", err)
	}
}

// files are all files of the ledger with their contents.
func files(t testing.TB, disk *storetest.Disk) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, path := range must(disk.Files("ledger")) {
		all[path] = string(must(disk.ReadFile(path)))
	}
	return all
}

func TestReadingOnlyGivesEveryBlockAndChangesNothing(t *testing.T) {
	o := Options{Replay: replay, SegmentBytes: 8000}
	for name, x := range map[string]struct {
		index  uint64 // height of the index
		damage func(t *testing.T, disk *storetest.Disk)
		usable bool
	}{
		"whole":    {30, func(*testing.T, *storetest.Disk) {}, true},
		"no index": {0, func(t *testing.T, disk *storetest.Disk) { must(0, disk.RemoveAll("ledger/index")) }, false},
		"index behind": {0, func(t *testing.T, disk *storetest.Disk) {
			setIndex(t, disk, func(_ *store.DB, b *store.Batch) { b.Set(savepointKey, (&savepoint{}).encode()) })
		}, true},
		"older index": {0, func(t *testing.T, disk *storetest.Disk) {
			setIndex(t, disk, func(_ *store.DB, b *store.Batch) { b.Set(savepointKey, []byte{1, 0, 0}) })
		}, false},
		"index with a hole": {0, func(t *testing.T, disk *storetest.Disk) {
			setIndex(t, disk, func(_ *store.DB, b *store.Batch) { b.Delete(numberKey(5)) })
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			disk, m := built(t, 24, 30, o)
			x.damage(t, disk)
			before := files(t, disk)
			c := openTest(t, disk, Options{ReadOnly: true})
			r := c.Recovery()
			if c.Height() != 30 || r.IndexHeight != x.index || (r.Index == nil) != x.usable {
				t.Fatalf("height %d, %+v", c.Height(), r)
			}
			for n := range c.Height() {
				if b, err := c.Block(n); err != nil || string(blockHash(b)) != string(blockHash(m.blocks[n])) {
					t.Fatalf("block %d (%v)", n, err)
				}
			}
			if string(c.LastHash()) != string(blockHash(m.blocks[29])) || string(c.CommitHash()) != string(m.commits[29]) {
				t.Error("the tip differs")
			}
			if last, err := c.LastConfigBlock(); err != nil || !isConfig(last) || slices.ContainsFunc(m.blocks[last.Header.Number+1:], isConfig) {
				t.Errorf("the last config block is %d (%v)", c.LastConfig(), err)
			}
			if err := c.Append(m.nextBlock(seeded(t, 1)), Commit{}); !errors.Is(err, store.ErrReadOnly) {
				t.Errorf("append said %v", err)
			}
			s := c.Snapshot()
			_, err := s.Entry("a", "", "k1")
			if (err == nil) != x.usable {
				t.Errorf("state: %v", err)
			}
			if x.index == 30 {
				m.check(t, c)
			}
			if err := errors.Join(s.Close(), c.Close()); err != nil {
				t.Fatal(err)
			}
			for path, b := range files(t, disk) {
				if before[path] != b {
					t.Errorf("%s was changed", path)
				}
				delete(before, path)
			}
			for path := range before {
				t.Errorf("%s was removed", path)
			}
		})
	}
}

func TestSeveralBlocksAreAppendedByOneSync(t *testing.T) {
	rng, disk, m := seeded(t, 25), storetest.NewDisk(), newModel()
	var syncs atomic.Int64
	disk.BeforeOp = func(op storetest.Op) error {
		if op.Sync && strings.HasSuffix(op.Path, ".seg") {
			syncs.Add(1)
		}
		return nil
	}
	c := openTest(t, disk, Options{Replay: replay})
	appendNext(t, c, m, rng)
	before := syncs.Load()
	appendSeveral(t, c, m, rng, 7)
	if n := syncs.Load() - before; n != 1 || c.Height() != 8 {
		t.Errorf("%d syncs, height %d", n, c.Height())
	}
	m.check(t, c)
}

// appendSeveral appends by one call.
func appendSeveral(t testing.TB, c *Chain, m *model, rng *rand.Rand, n int) {
	t.Helper()
	if err := c.AppendAll(m.nextEntries(rng, n)); err != nil {
		t.Fatal(err)
	}
}

func TestSeveralBlocksAreRefusedTogether(t *testing.T) {
	rng, m := seeded(t, 26), newModel()
	c := openTest(t, storetest.NewDisk(), Options{Replay: replay})
	appendNext(t, c, m, rng)
	first := m.nextBlock(rng)
	again := *first
	if err := c.AppendAll([]Entry{{first, m.commit(first)}, {&again, m.commit(first)}}); err == nil {
		t.Fatal("one block was appended twice")
	}
	if c.Height() != 1 {
		t.Fatalf("height %d", c.Height())
	}
	appendNext(t, c, m, rng)
	if err := c.AppendAll(nil); err != nil {
		t.Error(err)
	}
	m.check(t, c)
}

func TestFullDiskRefusesBlocksUntilThereIsRoom(t *testing.T) {
	rng, disk, m := seeded(t, 27), storetest.NewDisk(), newModel()
	var left atomic.Uint64 // pebble asks too
	left.Store(1 << 30)
	disk.Room = left.Load
	c := openTest(t, disk, Options{Replay: replay})
	appendNext(t, c, m, rng)
	left.Store(1000)
	b := m.nextBlock(rng)
	for range 3 {
		if err := c.Append(b, m.commit(b)); !errors.Is(err, store.ErrDiskFull) {
			t.Fatalf("append said %v", err)
		}
	}
	m.check(t, c) // reads go on
	left.Store(1 << 30)
	if err := c.Append(b, m.commit(b)); err != nil {
		t.Fatal(err)
	}
	m.add(b)
	m.check(t, c)
}

func TestFindingsAreBounded(t *testing.T) {
	long := strings.Repeat("ä", 5000)
	orgs := slices.Repeat([]string{long}, 1000)
	f := &ledger.Finding{Text: long, Key: long, Policy: long, Signed: orgs, Missing: orgs}
	raw := encodeFinding(f)
	got, err := decodeFinding(raw)
	if err != nil || len(raw) > 400<<10 {
		t.Fatalf("%d bytes (%v)", len(raw), err)
	}
	if !strings.HasSuffix(got.Text, "ä…") || len(got.Signed) != maxFindingOrgs+1 {
		t.Errorf("%d bytes of text, %d organisations", len(got.Text), len(got.Signed))
	}
	for i := range raw[:200] {
		if _, err := decodeFinding(raw[:i]); err != nil && !errors.Is(err, errCorrupt) {
			t.Fatal(err)
		}
	}
}
