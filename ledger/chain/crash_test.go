package chain

import (
	"errors"
	"flag"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"google.golang.org/protobuf/proto"

	"github.com/weft-network/weft/ledger"
	"github.com/weft-network/weft/ledger/state"
	"github.com/weft-network/weft/ledger/store/storetest"
)

var (
	crashSeed   = flag.Uint64("crash.seed", 1, "seed of the tests of crashes and faults")
	crashBlocks = flag.Int("crash.blocks", 30, "blocks of the load of TestCrashAtEveryWrite")
)

// image is the disk as a crash left it, and the height acknowledged before.
type image struct {
	disk  *storetest.Disk
	acked uint64
	at    int64
}

// load is what the tests of crashes and faults do to a ledger: blocks of up to
// ten transactions, appended by one, two or three, with a restart midway.
func load(seed uint64, blocks int) (*model, [][]Entry) {
	rng, m := rand.New(rand.NewPCG(seed, 1)), newModel()
	m.txsPerBlock = 10
	var calls [][]Entry
	for n := 0; n < blocks; {
		k := min(1+rng.IntN(3), blocks-n)
		calls = append(calls, m.nextEntries(rng, k))
		n += k
	}
	return m, calls
}

// again copies the entries: a chain sets hashes in blocks.
func again(entries []Entry) []Entry {
	var out []Entry
	for _, e := range entries {
		b := *e.Block
		b.Block = proto.Clone(e.Block.Block).(*common.Block)
		out = append(out, Entry{&b, e.Commit})
	}
	return out
}

// crashEverywhere puts a load on a ledger and hands the disk as a crash would
// leave it before every change of it to check, on two goroutines.
func crashEverywhere(t *testing.T, disk *storetest.Disk, percent int, calls [][]Entry, o Options, check func(image)) {
	var acked atomic.Uint64
	var taking sync.Mutex
	images := make(chan image, 4)
	dice := rand.New(rand.NewPCG(*crashSeed, 2))
	disk.BeforeWrite = func(i int64, _ string) error {
		taking.Lock()
		before := acked.Load() // or a later one would be asked of an earlier image
		img := image{disk.Crash(percent, dice), before, i}
		taking.Unlock()
		images <- img
		return nil
	}
	var checks sync.WaitGroup
	for range 2 {
		checks.Go(func() {
			for img := range images {
				if t.Failed() {
					continue
				}
				done := make(chan struct{})
				go func() { // which a failure ends
					defer close(done)
					check(img)
				}()
				<-done
			}
		})
	}
	for _, half := range [][][]Entry{calls[:len(calls)/2], calls[len(calls)/2:]} {
		c := openTest(t, disk, o)
		for _, entries := range half {
			if err := c.AppendAll(entries); err != nil {
				t.Error(err)
			}
			acked.Store(c.Height())
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
	disk.BeforeWrite = nil
	close(images)
	checks.Wait()
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
		history: map[place][]state.Modification{}, findings: map[ledger.Version]*ledger.Finding{}, txsPerBlock: m.txsPerBlock,
	}
	for id, info := range m.txs {
		if info.Block < h {
			cut.txs[id] = info
		}
	}
	for at, f := range m.findings {
		if at.Block < h {
			cut.findings[at] = f
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
	o := Options{Replay: replay, SegmentBytes: 16_000}
	blocks, every := *crashBlocks, int64(1)
	if testing.Short() {
		blocks, every = 6, 10
	}
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
			t.Logf("seed %d", *crashSeed)
			m, calls := load(*crashSeed, blocks)
			var crashes, lost, blocksReplayed atomic.Int64
			crashEverywhere(t, x.disk, x.percent, calls, o, func(i image) {
				if i.at%every != 0 {
					return
				}
				rng := rand.New(rand.NewPCG(*crashSeed, uint64(i.at)))
				crashes.Add(1)
				if i.at%10 == 0 {
					m.checkCrash(errorer{t}, crashDuringRecovery(errorer{t}, rng, i, x.percent, o), rng, o)
				}
				r, l := m.checkCrash(errorer{t}, i, rng, o)
				blocksReplayed.Add(r)
				lost.Add(l)
			})
			t.Logf("%d crashes; per crash %.1f blocks were replayed and %.1f findings lost", crashes.Load(),
				float64(blocksReplayed.Load())/float64(crashes.Load()), float64(lost.Load())/float64(crashes.Load()))
			if crashes.Load() < int64(blocks)/every {
				t.Error("too few for a test")
			}
		})
	}
}

// errorer fails a test from any goroutine, which ends.
type errorer struct{ testing.TB }

func (e errorer) Fatalf(format string, args ...any) {
	e.Helper()
	e.Errorf(format, args...)
	runtime.Goexit()
}

func (e errorer) Fatal(args ...any) {
	e.Helper()
	e.Error(args...)
	runtime.Goexit()
}

func (m *model) checkCrash(t testing.TB, i image, rng *rand.Rand, o Options) (replayed, lost int64) {
	t.Helper()
	o.FS = i.disk
	c, err := Open("ledger", o)
	if err != nil {
		t.Fatalf("open after crash %d: %v", i.at, err)
	}
	if c.Height() < i.acked {
		t.Fatalf("height %d after crash %d, but %d was acknowledged", c.Height(), i.at, i.acked)
	}
	m.check(t, c)
	replayed, lost = int64(c.Height()-c.Recovery().IndexHeight), int64(m.checkFindings(t, c))
	goOn(t, c, m.at(c.Height()), rng)
	return replayed, lost
}

// crashDuringRecovery opens the image and crashes at some write of that.
func crashDuringRecovery(t testing.TB, rng *rand.Rand, i image, percent int, o Options) image {
	disk := i.disk.Crash(0, nil)
	k := 1 + rng.Int64N(12)
	crashed := i.disk.Crash(0, nil)
	var taking sync.Mutex
	disk.BeforeWrite = func(n int64, _ string) error {
		if n == k {
			taking.Lock()
			crashed = disk.Crash(percent, rng)
			taking.Unlock()
		}
		return nil
	}
	o.FS = disk
	c, err := Open("ledger", o)
	if err != nil {
		t.Fatalf("open after crash %d: %v", i.at, err)
	}
	if err := c.Close(); err != nil {
		t.Fatalf("close after crash %d: %v", i.at, err)
	}
	taking.Lock()
	defer taking.Unlock()
	return image{crashed, i.acked, i.at}
}

// goOn appends to a recovered chain and restarts it.
func goOn(t testing.TB, c *Chain, m *model, rng *rand.Rand) {
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
			for n, i := range images {
				if testing.Short() && n%8 != 0 {
					continue
				}
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
