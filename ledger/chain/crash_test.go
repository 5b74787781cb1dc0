package chain

import (
	"errors"
	"flag"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/weft-network/weft/ledger/state"
	"github.com/weft-network/weft/ledger/store/storetest"
)

var crashSeed = flag.Uint64("crash.seed", 1, "seed of the crash tests")

// image is the disk as a crash left it, and the height acknowledged before.
type image struct {
	disk  *storetest.Disk
	acked uint64
	at    int64
}

// crashEverywhere appends blocks, with a restart midway, and takes an image of
// the disk before every change of it.
func crashEverywhere(t *testing.T, rng *rand.Rand, disk *storetest.Disk, percent, blocks int, o Options) (*model, []image) {
	var (
		mu     sync.Mutex
		images []image
		acked  atomic.Uint64
	)
	m := newModel()
	dice := rand.New(rand.NewPCG(rng.Uint64(), 0))
	disk.BeforeWrite = func(i int64, _ string) error {
		mu.Lock()
		defer mu.Unlock()
		before := acked.Load()
		images = append(images, image{disk.Crash(percent, dice), before, i})
		return nil
	}
	for range 2 {
		c := openTest(t, disk, o)
		for range blocks / 2 {
			appendAny(t, c, m, rng)
			acked.Store(c.Height())
		}
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	return m, images
}

// appendAny is appendNext for chains with and without state.
func appendAny(t testing.TB, c *Chain, m *model, rng *rand.Rand) {
	t.Helper()
	b := m.nextBlock(rng)
	var commit Commit
	if !c.blocksOnly() {
		commit = m.commit(b)
	}
	if err := c.Append(b, commit); err != nil {
		t.Fatal(err)
	}
	m.add(b)
}

// at is the model at a lower height.
func (m *model) at(h uint64) *model {
	cut := &model{
		blocks: m.blocks[:h:h], states: m.states[: h+1 : h+1], commits: m.commits[:h:h], txs: map[string]TxInfo{},
		history: map[place][]state.Modification{}, findings: m.findings, txsPerBlock: m.txsPerBlock,
	}
	for id, info := range m.txs {
		if info.Block < h {
			cut.txs[id] = info
		}
	}
	for p, all := range m.history {
		for _, w := range all {
			if w.Version.Block < h {
				cut.history[p] = append(cut.history[p], w)
			}
		}
	}
	return cut
}

func TestCrashAtEveryWriteKeepsWhatWasAcknowledged(t *testing.T) {
	o := Options{Replay: replay, SegmentBytes: 8000}
	for _, x := range []struct {
		name    string
		disk    *storetest.Disk
		percent int
	}{
		{"only what was synced", storetest.NewDisk(), 0},
		{"a third of the rest", storetest.NewJournalledDisk(), 30},
		{"most of the rest", storetest.NewJournalledDisk(), 90},
	} {
		t.Run(x.name, func(t *testing.T) {
			rng := seeded(t, *crashSeed)
			m, images := crashEverywhere(t, rng, x.disk, x.percent, 12, o)
			t.Logf("%d crashes", len(images))
			for k := *crashSeed % 3; k < uint64(len(images)); k += 3 { // for time's sake
				i := images[k]
				again := crashDuringRecovery(t, rng, i, x.percent, o)
				m.checkCrash(t, i, rng, o)
				m.checkCrash(t, again, rng, o)
			}
		})
	}
}

func (m *model) checkCrash(t *testing.T, i image, rng *rand.Rand, o Options) {
	t.Helper()
	c := openTest(t, i.disk, o)
	if c.Height() < i.acked {
		t.Fatalf("height %d after crash %d, but %d was acknowledged", c.Height(), i.at, i.acked)
	}
	m.check(t, c)
	goOn(t, c, m.at(c.Height()), rng)
}

// crashDuringRecovery opens the image and crashes at some write of that.
func crashDuringRecovery(t *testing.T, rng *rand.Rand, i image, percent int, o Options) image {
	disk := i.disk.Crash(0, nil)
	k := 1 + rng.Int64N(12)
	crashed := i.disk.Crash(0, nil)
	disk.BeforeWrite = func(n int64, _ string) error {
		if n == k {
			crashed = disk.Crash(percent, rng)
		}
		return nil
	}
	if err := openTest(t, disk, o).Close(); err != nil {
		t.Fatal(err)
	}
	return image{crashed, i.acked, i.at}
}

// goOn appends to a recovered chain and restarts it.
func goOn(t *testing.T, c *Chain, m *model, rng *rand.Rand) {
	t.Helper()
	for range 3 {
		appendAny(t, c, m, rng)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	o := c.opts
	c, err := Open("ledger", o)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if c.Height() != uint64(len(m.blocks)) {
		t.Fatalf("height %d after a restart, want %d", c.Height(), len(m.blocks))
	}
	if !c.blocksOnly() {
		m.check(t, c)
	} else {
		m.checkBlocks(t, c)
	}
}

func TestCrashOfUnsyncedChainKeepsWhatWasSynced(t *testing.T) {
	for name, o := range map[string]Options{
		"blocks only": {NoSync: true, SegmentBytes: 8000},
		"with state":  {NoSync: true, SegmentBytes: 8000, Replay: replay},
	} {
		t.Run(name, func(t *testing.T) {
			rng := seeded(t, *crashSeed)
			var synced atomic.Uint64
			disk, m := storetest.NewJournalledDisk(), newModel()
			c := openTest(t, disk, o)
			var images []image
			for n := range 40 {
				appendAny(t, c, m, rng)
				if n%7 == 6 {
					if err := c.Sync(); err != nil {
						t.Fatal(err)
					}
					synced.Store(c.Height())
				}
				images = append(images, image{disk.Crash(60, rng), synced.Load(), disk.Writes()})
			}
			for _, i := range images {
				c := openTest(t, i.disk, o)
				if c.Height() < i.acked {
					t.Fatalf("height %d after the crash, but %d was synced", c.Height(), i.acked)
				}
				m.checkBlocks(t, c)
				if name == "with state" {
					m.check(t, c)
				}
				goOn(t, c, m.at(c.Height()), rng)
			}
		})
	}
}

// checkBlocks is check for a chain without state.
func (m *model) checkBlocks(t fataler, c *Chain) {
	t.Helper()
	config := uint64(0)
	for n := range c.Height() {
		got, err := c.Block(n)
		if err != nil || string(got.Header.DataHash) != string(m.blocks[n].Header.DataHash) {
			t.Fatalf("block %d differs (%v)", n, err)
		}
		if _, err := c.BlockByHash(blockHash(got)); err != nil {
			t.Fatalf("block %d by hash: %v", n, err)
		}
		if isConfig(got) {
			config = n
		}
	}
	for n := c.Height(); n < uint64(len(m.blocks)); n++ {
		if _, err := c.BlockByHash(blockHash(m.blocks[n])); !errors.Is(err, ErrNotFound) {
			t.Fatalf("block %d is not on the ledger, but by its hash: %v", n, err)
		}
	}
	if c.LastConfig() != config {
		t.Fatalf("last config is %d, want %d", c.LastConfig(), config)
	}
}
