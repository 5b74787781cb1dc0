package commit

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"google.golang.org/protobuf/proto"

	"github.com/weft-network/weft/internal/cputest"
	"github.com/weft-network/weft/ledger/ledgertest"
)

// replayChain is a chain of transactions with two endorsements, two reads and
// two writes each, marshalled. All are valid.
func replayChain(tb testing.TB, n *ledgertest.Network, blocks, txs int) [][]byte {
	cut := n.Blocks()
	list := []*common.Block{cut.Next(n.Define(ledgertest.Definition{Name: "cc", Policy: "AND('Org1MSP.peer','Org2MSP.peer')"}))}
	for b := range blocks {
		envelopes := make([][]byte, txs)
		for i := range envelopes {
			set := ledgertest.NewRWSet()
			ns := set.NS("cc")
			for k := range 2 {
				key := fmt.Sprintf("key%d-%05d", k, i)
				var last = ledgertest.At(uint64(b)+1, uint64(i))
				if b == 0 {
					last = nil
				}
				ns.Read(key, last).Write(key, fmt.Sprintf("%0100d", b))
			}
			envelopes[i] = n.Tx(ledgertest.Tx{Chaincode: "cc", Set: set})
		}
		list = append(list, cut.Next(envelopes...))
	}
	raw := make([][]byte, len(list))
	for i, b := range list {
		var err error
		if raw[i], err = proto.Marshal(b); err != nil {
			tb.Fatal(err)
		}
	}
	return raw
}

// BenchmarkReplay is a peer that catches up: blocks come as bytes in their
// order, and everything is verified: orderers', creators' and endorsers'
// signatures, policies, reads. The state goes to the real disk. Besides the rate
// it reports the processors' time, and what is alive in memory after half
// of the chain and in the end: the two should be about the same.
func BenchmarkReplay(b *testing.B) {
	for _, txs := range []int{10, 500} {
		b.Run(fmt.Sprintf("block=%d", txs), func(b *testing.B) {
			const transactions = 8000
			n := ledgertest.New(b)
			chain := replayChain(b, n, transactions/txs, txs)
			var cpu time.Duration
			var half, end uint64
			b.ResetTimer()
			for range b.N {
				b.StopTimer()
				p := newPuller(b, n)
				cpu -= cputest.Process()
				b.StartTimer()
				p.pull(chain[:len(chain)/2])
				b.StopTimer()
				cpu += cputest.Process()
				half = live()
				cpu -= cputest.Process()
				b.StartTimer()
				p.pull(chain[len(chain)/2:])
				b.StopTimer()
				cpu += cputest.Process()
				end = live()
				p.close()
				b.StartTimer()
			}
			b.ReportMetric(float64(transactions*b.N)/b.Elapsed().Seconds(), "tx/s")
			b.ReportMetric(float64(cpu.Microseconds())/float64(transactions*b.N), "cpu-µs/tx")
			b.ReportMetric(float64(half)/(1<<20), "MB-half")
			b.ReportMetric(float64(end)/(1<<20), "MB-end")
		})
	}
}

// live is what is alive on the heap.
func live() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// puller is a peer that is given a chain.
type puller struct {
	b       *testing.B
	c       *Channel
	stop    func() error
	height  uint64
	invalid int
}

func newPuller(b *testing.B, n *ledgertest.Network) *puller {
	p := &puller{b: b, height: 1}
	var err error
	p.c, err = Open(Config{Dir: b.TempDir(), Genesis: proto.CloneOf(n.Genesis), Workers: runtime.GOMAXPROCS(0), OnCommit: func(done *Committed) {
		for _, code := range done.Codes {
			if code != 0 {
				p.invalid++
			}
		}
	}})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	done := make(chan error, 1)
	go func() { done <- p.c.Run(ctx) }()
	p.stop = func() error { cancel(); return <-done }
	return p
}

func (p *puller) pull(chain [][]byte) {
	for _, raw := range chain {
		block := &common.Block{}
		if err := proto.Unmarshal(raw, block); err != nil {
			p.b.Fatal(err)
		}
		if err := p.c.OfferWait(p.b.Context(), block); err != nil {
			p.b.Fatal(err)
		}
	}
	p.height += uint64(len(chain))
	if err := p.c.Ledger().WaitHeight(p.b.Context(), p.height); err != nil {
		p.b.Fatal(err)
	}
}

func (p *puller) close() {
	if err := errors.Join(p.stop(), p.c.Close()); err != nil {
		p.b.Fatal(err)
	}
	if p.invalid > 0 {
		p.b.Fatalf("%d transactions are not valid", p.invalid)
	}
}

// BenchmarkLone is the time from a block of one transaction that comes to an
// idle peer to its commit, fsync included.
func BenchmarkLone(b *testing.B) {
	n := ledgertest.New(b)
	cut := n.Blocks()
	blocks := []*common.Block{cut.Next(n.Define(ledgertest.Definition{Name: "cc", Policy: "AND('Org1MSP.peer','Org2MSP.peer')"}))}
	for len(blocks) < b.N+1 {
		set := ledgertest.NewRWSet()
		set.NS("cc").Write("key", "value")
		blocks = append(blocks, cut.Next(n.Tx(ledgertest.Tx{Chaincode: "cc", Set: set})))
	}
	c, err := Open(Config{Dir: b.TempDir(), Genesis: proto.CloneOf(n.Genesis), Workers: runtime.GOMAXPROCS(0)})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	for i, x := range blocks {
		if i == 1 {
			b.ResetTimer()
		}
		if err := c.OfferWait(ctx, x); err != nil {
			b.Fatal(err)
		}
		if err := c.Ledger().WaitHeight(ctx, uint64(i)+2); err != nil {
			b.Fatal(err)
		}
	}
	b.StopTimer()
	cancel()
	if err := errors.Join(<-done, c.Close()); err != nil {
		b.Fatal(err)
	}
}
