package chain

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/weft-network/weft/ledger"
	"github.com/weft-network/weft/ledger/block"
	"github.com/weft-network/weft/ledger/state"
)

// fromEnv is a size that a benchmark can be given.
func fromEnv(b *testing.B, name string, otherwise int) int {
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		b.Fatalf("%s: %v", name, err)
	}
	return n
}

// stream makes blocks of transactions with two writes each, of random keys and
// bytes that do not compress, one after the other.
type stream struct {
	rng          *rand.Rand
	filler, keys int
	number       uint64
	previous     []byte
	txs          int
	bytes        int64 // of blocks and state
}

func (s *stream) next(txs int) Entry {
	var envelopes [][]byte
	for range txs {
		writes := make([]write, 2)
		for k := range writes {
			writes[k] = write{Ns: "cc", Key: fmt.Sprintf("asset%08d", s.rng.IntN(s.keys)), Value: s.text(200)}
		}
		envelopes = append(envelopes, endorsed(fmt.Sprint("nonce", s.txs), s.filler, writes...))
		s.txs++
	}
	raw := block.New(s.number, s.previous, envelopes)
	block.SetCodes(raw, make([]ledger.Code, txs))
	b := must(ledger.ParseBlock(raw))
	s.number, s.previous = s.number+1, b.Hash
	updates := must(replay(b, nothing{}))
	for i := range updates {
		s.bytes += int64(len(updates[i].Namespace) + len(updates[i].Key) + len(updates[i].Value))
	}
	s.bytes += int64(proto.Size(raw))
	return Entry{b, Commit{Updates: updates}}
}

// text is of letters, as documents are.
func (s *stream) text(n int) string {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/"
	out := make([]byte, n)
	for i := range out {
		out[i] = letters[s.rng.IntN(len(letters))]
	}
	return string(out)
}

// nothing is a state without keys.
type nothing struct{ state.Reader }

func (nothing) Entry(string, string, string) (*state.Entry, error) { return nil, nil }

func (nothing) NoMetadata() bool { return true }

// BenchmarkLedger builds a ledger of WEFT_BENCH_TXS transactions (20,000 if not
// set) of some 3 KB and reports what it cost on disk, how long opening takes
// after a clean close, after a kill, and without an index, and the memory that a
// replay takes.
func BenchmarkLedger(b *testing.B) {
	txs := fromEnv(b, "WEFT_BENCH_TXS", 20_000)
	for range b.N {
		dir := b.TempDir()
		ledgerDir := filepath.Join(dir, "ledger")
		c, err := Open(ledgerDir, Options{Replay: replay})
		if err != nil {
			b.Fatal(err)
		}
		s := &stream{rng: rand.New(rand.NewPCG(1, 1)), filler: fromEnv(b, "WEFT_BENCH_FILLER", 2400), keys: max(txs/2, 1000)}
		for s.txs < txs {
			if err := c.AppendAll([]Entry{s.next(100), s.next(100), s.next(100), s.next(100), s.next(100)}); err != nil {
				b.Fatal(err)
			}
		}
		killed := filepath.Join(dir, "killed")
		for copyAsKilled(ledgerDir, killed) != nil { // something goes on in the background
			if err := os.RemoveAll(killed); err != nil {
				b.Fatal(err)
			}
			time.Sleep(time.Second)
		}
		written, size := c.db.Written(), must(c.log.Size())
		if err := c.Close(); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(written.Total()+size)/float64(s.bytes), "written/raw-byte")
		b.ReportMetric(float64(written.Log)/float64(txs), "log-B/tx")
		b.ReportMetric(float64(written.Flushed)/float64(txs), "flushed-B/tx")
		b.ReportMetric(float64(written.Compacted)/float64(txs), "compacted-B/tx")
		b.ReportMetric(float64(s.bytes)/float64(txs), "raw-B/tx")

		opened := func(dir string) (time.Duration, Recovery) {
			began := time.Now()
			c, err := Open(dir, Options{Replay: replay})
			took := time.Since(began)
			if err != nil {
				b.Fatal(err)
			}
			if c.Height() != s.number {
				b.Fatalf("height %d, want %d", c.Height(), s.number)
			}
			if err := c.Close(); err != nil {
				b.Fatal(err)
			}
			return took, c.Recovery()
		}
		took, _ := opened(ledgerDir)
		b.ReportMetric(float64(took.Milliseconds()), "clean-open-ms")
		took, r := opened(killed)
		b.ReportMetric(float64(took.Milliseconds()), "killed-open-ms")
		b.ReportMetric(float64(s.number-r.IndexHeight), "killed-blocks-replayed")

		if err := os.RemoveAll(filepath.Join(ledgerDir, indexDir)); err != nil {
			b.Fatal(err)
		}
		peak := heapWhile(func() { took, _ = opened(ledgerDir) })
		b.ReportMetric(float64(txs)/took.Seconds(), "replay-tx/s")
		b.ReportMetric(float64(peak)/(1<<20), "replay-heap-MiB")
	}
}

// heapWhile is the most memory of Go's heap in use while f runs.
func heapWhile(f func()) uint64 {
	runtime.GC()
	done, peak := make(chan struct{}), make(chan uint64)
	go func() {
		most := uint64(0)
		for tick := time.NewTicker(50 * time.Millisecond); ; {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			most = max(most, m.HeapInuse)
			select {
			case <-done:
				peak <- most
				return
			case <-tick.C:
			}
		}
	}()
	f()
	close(done)
	return <-peak
}

// copyAsKilled is the ledger's directory as the death of its process would leave
// it. The segments, which are only added to, are shared.
func copyAsKilled(from, to string) error {
	return filepath.WalkDir(from, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		target := filepath.Join(to, strings.TrimPrefix(path, from))
		switch {
		case d.IsDir():
			return os.MkdirAll(target, 0o700)
		case strings.HasSuffix(path, ".seg"):
			return os.Link(path, target)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(target, data, 0o600)
	})
}
