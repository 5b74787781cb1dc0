package chain

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"

	"github.com/weft-network/weft/ledger"
	"github.com/weft-network/weft/ledger/block"
	"github.com/weft-network/weft/ledger/state"
	"github.com/weft-network/weft/ledger/store/storetest"
)

func openTest(t testing.TB, disk *storetest.Disk, o Options) *Chain {
	t.Helper()
	o.FS = disk
	c, err := Open("ledger", o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func appendNext(t testing.TB, c *Chain, m *model, rng *rand.Rand) {
	t.Helper()
	b := m.nextBlock(rng)
	if err := c.Append(b, m.commit(b)); err != nil {
		t.Fatal(err)
	}
	m.add(b)
}

func seeded(t testing.TB, seed uint64) *rand.Rand {
	t.Helper()
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

func TestLedgerEqualsModelAcrossReopening(t *testing.T) {
	rng, disk, m := seeded(t, 1), storetest.NewDisk(), newModel()
	starts, blocks := 5, 30
	if testing.Short() {
		starts, blocks = 3, 10
	}
	for range starts {
		c := openTest(t, disk, Options{Replay: replay, SegmentBytes: 20_000})
		m.check(t, c)
		for range blocks {
			appendNext(t, c, m, rng)
		}
		m.check(t, c)
		if last, err := c.LastConfigBlock(); err != nil || !block.IsConfig(last) {
			t.Fatalf("last config: %v", err)
		}
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestSnapshotKeepsItsHeight(t *testing.T) {
	rng, m := seeded(t, 2), newModel()
	c := openTest(t, storetest.NewDisk(), Options{Replay: replay})
	var wg sync.WaitGroup
	for range 40 {
		appendNext(t, c, m, rng)
		s, want := c.Snapshot(), &model{states: m.states}
		wg.Go(func() {
			defer s.Close()
			want.checkState(t, s)
		})
	}
	wg.Wait()
}

func TestIndexIsMadeAgainFromTheBlocks(t *testing.T) {
	rng, disk, m := seeded(t, 3), storetest.NewDisk(), newModel()
	c := openTest(t, disk, Options{Replay: replay, SegmentBytes: 20_000})
	for range 40 {
		appendNext(t, c, m, rng)
	}
	if err := errors.Join(c.Close(), disk.RemoveAll("ledger/"+indexDir)); err != nil {
		t.Fatal(err)
	}
	c = openTest(t, disk, Options{Replay: replay})
	if c.Height() != 40 {
		t.Fatalf("height %d after replay, want 40", c.Height())
	}
	m.check(t, c)
}

func TestLogThatLostSyncedBlocksIsRefused(t *testing.T) {
	rng, disk, m := seeded(t, 4), storetest.NewDisk(), newModel()
	c := openTest(t, disk, Options{Replay: replay})
	for range 3 {
		appendNext(t, c, m, rng)
	}
	if err := errors.Join(c.Close(), disk.RemoveAll("ledger/"+blocksDir)); err != nil {
		t.Fatal(err)
	}
	if _, err := Open("ledger", Options{FS: disk, Replay: replay}); err == nil || !strings.Contains(err.Error(), "lost synced blocks") {
		t.Fatalf("opened with the error %v", err)
	}
}

func TestAppendRefusesWhatIsNotTheNextBlock(t *testing.T) {
	rng, m := seeded(t, 5), newModel()
	c := openTest(t, storetest.NewDisk(), Options{Replay: replay})
	appendNext(t, c, m, rng)
	appendNext(t, c, m, rng)
	for name, change := range map[string]func(b *common.Block){
		"number":   func(b *common.Block) { b.Header.Number++ },
		"past":     func(b *common.Block) { b.Header.Number-- },
		"previous": func(b *common.Block) { b.Header.PreviousHash = []byte("other") },
		"no codes": func(b *common.Block) { block.SetCodes(b, nil) },
		"header":   func(b *common.Block) { b.Header = nil },
	} {
		b := m.nextBlock(rng)
		change(b.Block)
		if err := c.Append(b, Commit{}); err == nil {
			t.Errorf("%s: appended", name)
		}
	}
	unparsed := m.nextBlock(rng)
	unparsed.Txs = nil
	if err := c.Append(unparsed, Commit{}); err == nil {
		t.Error("unparsed: appended")
	}
	appendNext(t, c, m, rng) // refusals change nothing
	m.check(t, c)
}

func TestReplayThatDisagreesIsRefused(t *testing.T) {
	rng, disk, m := seeded(t, 6), storetest.NewDisk(), newModel()
	c := openTest(t, disk, Options{Replay: replay})
	for range 10 {
		appendNext(t, c, m, rng)
	}
	if err := errors.Join(c.Close(), disk.RemoveAll("ledger/"+indexDir)); err != nil {
		t.Fatal(err)
	}
	other := func(b *ledger.Block, _ state.Reader) (state.Batch, error) {
		return state.Batch{{Namespace: "a", Key: "other", Value: []byte("x")}}, nil
	}
	if _, err := Open("ledger", Options{FS: disk, Replay: other}); err == nil || !strings.Contains(err.Error(), "commit hash") {
		t.Fatalf("opened with the error %v", err)
	}
}

func TestOneDiskErrorEndsAppending(t *testing.T) {
	rng, disk, m := seeded(t, 7), storetest.NewDisk(), newModel()
	var failing atomic.Bool // pebble writes from goroutines of its own
	disk.BeforeWrite = func(_ int64, path string) error {
		if strings.HasPrefix(path, "ledger/"+blocksDir) && failing.CompareAndSwap(true, false) {
			return storetest.ErrDisk
		}
		return nil
	}
	c := openTest(t, disk, Options{Replay: replay})
	appendNext(t, c, m, rng)
	failing.Store(true)
	b := m.nextBlock(rng)
	for range 3 {
		if err := c.Append(b, m.commit(b)); !errors.Is(err, storetest.ErrDisk) {
			t.Fatalf("append said %v", err)
		}
	}
	if err := c.WaitHeight(t.Context(), 2); !errors.Is(err, storetest.ErrDisk) {
		t.Fatalf("wait said %v", err)
	}
	m.check(t, c) // reading goes on
}

func TestWaitHeight(t *testing.T) {
	rng, m := seeded(t, 8), newModel()
	c := openTest(t, storetest.NewDisk(), Options{Replay: replay})
	reached, closed := make(chan error, 1), make(chan error, 1)
	go func() { reached <- c.WaitHeight(t.Context(), 3) }()
	go func() { closed <- c.WaitHeight(t.Context(), 1000) }()
	for range 3 {
		appendNext(t, c, m, rng)
	}
	if err := <-reached; err != nil {
		t.Fatal(err)
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.WaitHeight(over, 4); !errors.Is(err, context.Canceled) {
		t.Fatalf("wait said %v", err)
	}
	c.Close()
	if err := <-closed; !errors.Is(err, ErrClosed) {
		t.Fatalf("wait on a closed ledger said %v", err)
	}
}

func TestClosedLedgerAnswersErrClosed(t *testing.T) {
	rng, m := seeded(t, 9), newModel()
	c := openTest(t, storetest.NewDisk(), Options{Replay: replay})
	appendNext(t, c, m, rng)
	if err := errors.Join(c.Close(), c.Close()); err != nil {
		t.Fatal(err)
	}
	s := c.Snapshot()
	_, _, get := s.Get("a", "k")
	_, rang := s.Range("a", "", "")
	_, block := c.Block(0)
	_, tx := c.Tx("tx")
	for i, err := range []error{get, rang, block, tx, c.Append(m.nextBlock(rng), Commit{}), c.Sync()} {
		if !errors.Is(err, ErrClosed) {
			t.Errorf("call %d said %v", i, err)
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestRangeBounds(t *testing.T) {
	c := openTest(t, storetest.NewDisk(), Options{Replay: replay})
	b := block.New(0, nil, [][]byte{config("t", write{Ns: "a", Key: "1", Value: "x"}, write{Ns: "a", Key: "2", Value: "x"}, write{Ns: "a", Key: "3", Value: "x"}, write{Ns: "b", Key: "2", Value: "y"})})
	block.SetCodes(b, []ledger.Code{0})
	pb := must(ledger.ParseBlock(b))
	if err := c.Append(pb, newModel().commit(pb)); err != nil {
		t.Fatal(err)
	}
	s := c.Snapshot()
	defer s.Close()
	for _, x := range []struct{ start, end, want string }{
		{"", "", "123"}, {"2", "", "23"}, {"", "3", "12"}, {"2", "3", "2"}, {"3", "2", ""}, {"2", "2", ""}, {"4", "", ""},
	} {
		it, err := s.Range("a", x.start, x.end)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for it.Next() {
			got += it.KV().Key
		}
		if err := errors.Join(it.Err(), it.Close(), it.Close()); err != nil || got != x.want {
			t.Errorf("[%s, %s) has %q (%v), want %q", x.start, x.end, got, err, x.want)
		}
	}
}
