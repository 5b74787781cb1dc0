package chain

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/weft-network/weft/ledger/store/storetest"
)

// faulty is a disk of which one use fails.
type faulty struct {
	*storetest.Disk
	failed  atomic.Bool
	at      storetest.Op
	mu      sync.Mutex
	retried []string // syncs of a file whose sync had failed
}

// failAt makes the i-th use of the disk fail of those that count.
func failAt(i int64, counts func(storetest.Op) bool) *faulty {
	f := &faulty{Disk: storetest.NewJournalledDisk()}
	var n atomic.Int64
	f.BeforeOp = func(op storetest.Op) error {
		if f.failed.Load() {
			if f.at.Sync && op.Sync && op.Path == f.at.Path {
				f.mu.Lock()
				f.retried = append(f.retried, op.Path)
				f.mu.Unlock()
			}
			return nil
		}
		if counts(op) && n.Add(1) == i {
			f.at = op
			f.failed.Store(true)
			return storetest.ErrDisk
		}
		return nil
	}
	return f
}

// outcome is what became of a load.
type outcome struct {
	acked uint64
	errs  []error  // that calls returned
	wrong []string // answers that are not the ledger's
	stop  string   // why the process would have ended
	said  string   // the errors of the log
}

// lines collects what is logged as an error.
type lines struct {
	mu  sync.Mutex
	all strings.Builder
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.Write(b)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.String()
}

// underFault puts a load on a ledger whose disk fails somewhere, like a process
// that goes on as long as it is let.
func underFault(disk *faulty, m *model, calls [][]Entry) outcome {
	var acked atomic.Uint64
	stopped, done := make(chan string, 1), make(chan outcome, 1)
	log := &lines{}
	o := Options{
		Replay: replay, SegmentBytes: 4000, FS: disk,
		Logger: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelWarn})),
		Fatal: func(msg string) {
			select {
			case stopped <- msg:
			default:
			}
			select {} // the process is no more
		},
	}
	go func() { done <- putLoad(m, calls, o, &acked) }()
	var out outcome
	select {
	case out = <-done:
	case out.stop = <-stopped:
	}
	out.acked, out.said = acked.Load(), log.String()
	return out
}

func putLoad(m *model, calls [][]Entry, o Options, acked *atomic.Uint64) (out outcome) {
	failed := func(err error) bool {
		if err != nil {
			out.errs = append(out.errs, err)
		}
		return err != nil
	}
	for _, half := range [][][]Entry{calls[:len(calls)/2], calls[len(calls)/2:]} {
		c, err := Open("ledger", o)
		if failed(err) {
			return out
		}
		for _, entries := range half {
			if failed(c.AppendAll(again(entries))) {
				break
			}
			acked.Store(c.Height())
		}
		errs, wrong := m.answers(c)
		out.errs, out.wrong = append(out.errs, errs...), append(out.wrong, wrong...)
		if failed(c.Close()) || len(out.errs) > 0 {
			return out
		}
	}
	return out
}

// answers asks a chain for everything. An answer is an error or right.
func (m *model) answers(c *Chain) (errs []error, wrong []string) {
	check := func(err error, ok bool, format string, args ...any) {
		switch {
		case err != nil:
			errs = append(errs, err)
		case !ok:
			wrong = append(wrong, fmt.Sprintf(format, args...))
		}
	}
	h := c.Height()
	if h > m.height() || h > 0 && (!bytes.Equal(c.LastHash(), blockHash(m.blocks[h-1])) || !bytes.Equal(c.CommitHash(), m.commits[h-1])) {
		return nil, []string{fmt.Sprintf("the tip at height %d", h)}
	}
	for n := range h {
		b, err := c.Block(n)
		check(err, proto.Equal(b, m.blocks[n]), "block %d", n)
		b, err = c.BlockByHash(blockHash(m.blocks[n]))
		check(err, proto.Equal(b, m.blocks[n]), "block %d by its hash", n)
	}
	for id, want := range m.txs {
		got, err := c.Tx(id)
		if want.Block >= h && errors.Is(err, ErrNotFound) {
			continue
		}
		check(err, got == want, "transaction %s", id)
	}
	s := c.Snapshot()
	defer s.Close()
	for _, ns := range modelNames {
		for _, collection := range modelCollections {
			for k := range 10 {
				p := place{ns, collection, fmt.Sprint("k", k)}
				e, err := s.Entry(p.ns, p.collection, p.key)
				want, there := m.states[h][p]
				check(err, (e != nil) == there && (e == nil || e.Version == want.Version && bytes.Equal(e.Value, want.Value) && bytes.Equal(e.Metadata, want.Metadata)), "entry %v at height %d is %+v, not %+v", p, h, e, want)
			}
		}
		text, err := recovered(func(t fataler) { m.checkRange(t, s, ns) })
		check(err, text == "", "%s", text)
	}
	text, err := recovered(func(t fataler) { m.checkHistory(t, s) })
	check(err, text == "", "%s", text)
	return errs, wrong
}

// asker turns the failure of a check into an error, if an error is behind it.
type asker struct{}

func (asker) Helper() {}

func (asker) Fatalf(format string, args ...any) {
	for _, a := range args {
		if err, ok := a.(error); ok && err != nil {
			panic(err)
		}
	}
	panic(fmt.Sprintf(format, args...))
}

func recovered(check func(fataler)) (text string, err error) {
	defer func() {
		switch x := recover().(type) {
		case error:
			err = x
		case string:
			text = x
		}
	}()
	check(asker{})
	return "", nil
}

// checkFault checks what became of a load, and that a restart finds everything.
// It answers who was told of the fault.
func (m *model) checkFault(t *testing.T, disk *faulty, out outcome) (told string) {
	t.Helper()
	where := fmt.Sprintf("use %d of the disk, of %s (write %v, sync %v)", disk.at.I, disk.at.Path, disk.at.Write, disk.at.Sync)
	if len(out.wrong) > 0 {
		t.Fatalf("%s: wrong answers: %q", where, out.wrong)
	}
	switch {
	case out.stop != "":
		told = "the process stops"
	case len(out.errs) > 0:
		told = "an error"
	case out.said != "":
		told = "a line in the log"
	case harmless(disk.at):
		told = "nobody, and it was harmless"
	default:
		t.Errorf("%s: nobody was told", where)
	}
	disk.mu.Lock()
	if len(disk.retried) > 0 && out.stop == "" {
		t.Errorf("%s: was synced again", where)
	}
	disk.mu.Unlock()
	for _, percent := range []int{0, 100} { // a power cut, and a restart
		o := Options{Replay: replay, SegmentBytes: 4000, FS: disk.Crash(percent, rand.New(rand.NewPCG(*crashSeed, 3)))}
		c, err := Open("ledger", o)
		if err != nil {
			t.Fatalf("%s: restart with %d %% of what was not synced: %v", where, percent, err)
		}
		if c.Height() < out.acked {
			t.Fatalf("%s: height %d, but %d was acknowledged", where, c.Height(), out.acked)
		}
		m.check(t, c)
		if err := c.Close(); err != nil {
			t.Fatalf("%s: %v", where, err)
		}
	}
	return told
}

// harmless are the uses of a disk whose failure costs nothing: an old file of
// pebble's stays until the next start; pebble does not learn how large one of
// its files is, or what is in it for its statistics; and who cannot ask for room
// will be told by the write.
func harmless(op storetest.Op) bool {
	return op.Remove || op.Room || !op.Write && !strings.Contains(op.Path, "/"+blocksDir)
}

// TestEveryFaultOfTheDiskIsTold fails every single use of the disk in turn:
// opening, reading, writing, syncing, listing, renaming. Each is told of, no
// answer is wrong meanwhile, a sync that failed is not tried again, as what it
// was for may be lost, and a restart has all that was acknowledged.
func TestEveryFaultOfTheDiskIsTold(t *testing.T) {
	m, calls := load(*crashSeed, 8)
	step := int64(2)
	if testing.Short() {
		step = 60
	}
	for _, first := range []int64{1, 2} {
		t.Run(fmt.Sprint("from ", first), func(t *testing.T) {
			t.Parallel()
			faults, syncs, told := 0, 0, map[string]int{}
			for i := first; ; i += step {
				disk := failAt(i, func(storetest.Op) bool { return true })
				out := underFault(disk, m, calls)
				if !disk.failed.Load() {
					break
				}
				faults++
				if disk.at.Sync {
					syncs++
				}
				told[m.checkFault(t, disk, out)]++
			}
			t.Logf("%d faults, %d of them of syncs: %v", faults, syncs, told)
			if faults < 5 || syncs == 0 && !testing.Short() {
				t.Error("too few for a test")
			}
		})
	}
}
