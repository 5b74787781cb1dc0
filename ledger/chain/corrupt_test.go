package chain

import (
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/weft-network/weft/ledger/store/storetest"
)

var corruptions = flag.Int("corruptions", 200, "files that TestCorruptFiles damages")

// kindOf is what a file of a ledger is.
func kindOf(file string) string {
	base := path.Base(file)
	for _, kind := range []string{"MANIFEST", "OPTIONS", "FORMAT", "LOCK", "SYNCED", "marker"} {
		if strings.HasPrefix(base, kind) {
			return kind
		}
	}
	return path.Ext(base)
}

// history of a ledger's files: how they were at several times, the last being
// now, with a write-ahead log that was not flushed.
func filesOverTime(t *testing.T, calls [][]Entry, o Options) []*storetest.Disk {
	t.Helper()
	disk, dice := storetest.NewJournalledDisk(), rand.New(rand.NewPCG(*crashSeed, 0))
	var times []*storetest.Disk
	o.FS = disk
	const starts = 4
	for i := range starts {
		c, err := Open("ledger", o)
		if err != nil {
			t.Fatal(err)
		}
		part := calls[i*len(calls)/starts : (i+1)*len(calls)/starts]
		for n, entries := range part {
			if err := c.AppendAll(again(entries)); err != nil {
				t.Fatal(err)
			}
			if n%4 == 3 {
				times = append(times, disk.Crash(100, dice))
			}
		}
		times = append(times, disk.Crash(100, dice))
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		if i < starts-1 {
			times = append(times, disk.Crash(100, dice))
		}
	}
	return times
}

// damage changes one file and tells how.
type damage struct {
	name string
	do   func(rng *rand.Rand, times []*storetest.Disk, disk *storetest.Disk, file string) error
}

var damages = []damage{
	{"flip a bit", edited(func(rng *rand.Rand, b []byte) []byte {
		b[rng.IntN(len(b))] ^= 1 << rng.IntN(8)
		return b
	})},
	{"zero a page", edited(func(rng *rand.Rand, b []byte) []byte {
		from := rng.IntN(len(b)) &^ 4095
		clear(b[from:min(len(b), from+4096)])
		return b
	})},
	{"truncate", edited(func(rng *rand.Rand, b []byte) []byte { return b[:rng.IntN(len(b))] })},
	{"swap", func(rng *rand.Rand, _ []*storetest.Disk, disk *storetest.Disk, file string) error {
		all, err := disk.Files("ledger")
		if err != nil {
			return err
		}
		// With one of its kind if there is one: others are told apart easily.
		alike := slices.DeleteFunc(slices.Clone(all), func(f string) bool { return f == file || kindOf(f) != kindOf(file) })
		if len(alike) == 0 {
			alike = all
		}
		other := alike[rng.IntN(len(alike))]
		a, err := disk.ReadFile(file)
		b, err2 := disk.ReadFile(other)
		return errors.Join(err, err2, disk.WriteFile(file, b), disk.WriteFile(other, a))
	}},
	{"old copy", func(rng *rand.Rand, times []*storetest.Disk, disk *storetest.Disk, file string) error {
		for _, i := range rng.Perm(len(times) - 1) {
			if b, err := times[i].ReadFile(file); err == nil {
				return disk.WriteFile(file, b)
			}
		}
		return nil
	}},
	{"delete", func(_ *rand.Rand, _ []*storetest.Disk, disk *storetest.Disk, file string) error {
		return disk.Remove(file)
	}},
}

func edited(change func(*rand.Rand, []byte) []byte) func(*rand.Rand, []*storetest.Disk, *storetest.Disk, string) error {
	return func(rng *rand.Rand, _ []*storetest.Disk, disk *storetest.Disk, file string) error {
		b, err := disk.ReadFile(file)
		if err != nil || len(b) == 0 {
			return err
		}
		return disk.WriteFile(file, change(rng, b))
	}
}

// TestCorruptFilesAreDetectedOrDoNotMatter damages one file of a ledger in turn,
// of each kind and in each way. The ledger then says so, naming the file, or
// answers everything rightly; what the index alone lost can be made again.
func TestCorruptFilesAreDetectedOrDoNotMatter(t *testing.T) {
	o := Options{Replay: replay, SegmentBytes: 12_000}
	m, calls := load(*crashSeed, 30)
	times := filesOverTime(t, calls, o)
	now := times[len(times)-1]
	byKind := map[string][]string{}
	for _, f := range must(now.Files("ledger")) {
		byKind[kindOf(f)] = append(byKind[kindOf(f)], f)
	}
	kinds := sortedKeys(byKind)
	t.Logf("seed %d; files %v", *crashSeed, byKind)
	became := map[string]int{}
	n := *corruptions
	if testing.Short() {
		n = 10
	}
	for i := range n {
		rng := rand.New(rand.NewPCG(*crashSeed, uint64(i)))
		kind := kinds[i%len(kinds)]
		file := byKind[kind][rng.IntN(len(byKind[kind]))]
		d := damages[i/len(kinds)%len(damages)]
		disk := now.Crash(100, rng)
		if err := d.do(rng, times, disk, file); err != nil {
			t.Fatal(err)
		}
		what := fmt.Sprintf("corruption %d (%s of %s)", i, d.name, file)
		became[kind+" "+m.checkCorrupt(t, what, disk, o)]++
	}
	for _, b := range sortedKeys(became) {
		t.Logf("%4d %s", became[b], b)
	}
}

// checkCorrupt opens a damaged ledger and asks it for everything.
func (m *model) checkCorrupt(t *testing.T, what string, disk *storetest.Disk, o Options) string {
	t.Helper()
	log := &lines{}
	o.FS = disk
	o.Logger = slog.New(slog.NewTextHandler(log, nil))
	o.Fatal = func(msg string) { t.Fatalf("%s: the process stops: %s", what, msg) }
	c, err := Open("ledger", o)
	if err != nil {
		m.checkError(t, what, err, log)
		return m.rebuild(t, what, disk, o, err)
	}
	defer c.Close()
	errs, wrong := m.answers(c)
	if len(wrong) > 0 {
		t.Fatalf("%s: %d wrong answers, the first: %s", what, len(wrong), wrong[0])
	}
	for _, err := range errs {
		m.checkError(t, what, err, log)
	}
	switch {
	case len(errs) > 0:
		return "told when it was read"
	case c.Height() != m.height() && c.Recovery().TornBytes > 0 && strings.Contains(log.String(), "unfinished block") && strings.Contains(log.String(), ".seg"):
		// Nothing on this disk proves that the last block was ever whole.
		return "told as an unfinished block, which the network has"
	case c.Height() != m.height():
		t.Fatalf("%s: height %d, want %d", what, c.Height(), m.height())
	case c.Recovery().IndexHeight < c.Height():
		return "mended by a replay"
	}
	return "did not matter"
}

// checkError: an operator is told which file it is about.
func (m *model) checkError(t *testing.T, what string, err error, log *lines) {
	t.Helper()
	for _, named := range []string{".seg", "FORMAT", "ledger/index", "ledger/blocks"} {
		if strings.Contains(err.Error()+log.String(), named) {
			return
		}
	}
	t.Errorf("%s: no file is named: %v", what, err)
}

// rebuild makes the index again if the error says that this will do.
func (m *model) rebuild(t *testing.T, what string, disk *storetest.Disk, o Options, err error) string {
	t.Helper()
	if !errors.Is(err, ErrIndex) {
		return "told when it was opened"
	}
	if err := DropIndex("ledger", Options{FS: disk}); err != nil {
		t.Fatalf("%s: drop the index: %v", what, err)
	}
	c, err := Open("ledger", o)
	if err != nil && strings.Contains(err.Error(), ".seg") && strings.Contains(what, "swap") {
		return "told when it was opened: the other file of the swap"
	}
	if err != nil {
		t.Fatalf("%s: open without the index: %v", what, err)
	}
	defer c.Close()
	if c.Height() != m.height() {
		t.Fatalf("%s: height %d after the index was made again, want %d", what, c.Height(), m.height())
	}
	m.check(t, c)
	return "told when it was opened, mended by a new index"
}
