package chain

import (
	"fmt"
	"testing"

	"github.com/weft-network/weft/ledger"
	"github.com/weft-network/weft/ledger/block"
	"github.com/weft-network/weft/ledger/state"
)

// BenchmarkAppend commits blocks of transactions of about 3 KB with two writes
// each, on the real disk.
func BenchmarkAppend(b *testing.B) {
	for _, txs := range []int{1, 100, 500} {
		for _, noSync := range []bool{false, true} {
			b.Run(fmt.Sprintf("txs=%d/nosync=%v", txs, noSync), func(b *testing.B) {
				c, err := Open(b.TempDir(), Options{Replay: replay, NoSync: noSync})
				if err != nil {
					b.Fatal(err)
				}
				defer c.Close()
				blocks, updates := makeBlocks(b.N, txs)
				b.ResetTimer()
				for n := range blocks {
					if err := c.Append(blocks[n], Commit{Updates: updates[n]}); err != nil {
						b.Fatal(err)
					}
				}
				b.StopTimer()
				b.ReportMetric(float64(b.N*txs)/b.Elapsed().Seconds(), "tx/s")
			})
		}
	}
}

func makeBlocks(n, txs int) (blocks []*ledger.Block, updates []state.Batch) {
	var previous []byte
	for number := range n {
		var envelopes [][]byte
		var u state.Batch
		for i := range txs {
			nonce := fmt.Sprint(number*txs + i)
			writes := make([]write, 2)
			for k := range writes {
				writes[k] = write{Ns: "cc", Key: fmt.Sprintf("key%d-%04d", k, (number*txs+i)%5000), Value: string(make([]byte, 100))}
			}
			envelopes = append(envelopes, endorsed(nonce, 2400, writes...))
			for k := range 2 {
				u = append(u, state.Update{Namespace: "cc", Key: fmt.Sprintf("key%d-%04d", k, (number*txs+i)%5000), Value: make([]byte, 100), Version: ledger.Version{Block: uint64(number), Tx: uint64(i)}})
			}
		}
		raw := block.New(uint64(number), previous, envelopes)
		block.SetCodes(raw, make([]ledger.Code, txs))
		b := must(ledger.ParseBlock(raw))
		previous = b.Hash
		blocks, updates = append(blocks, b), append(updates, u)
	}
	return blocks, updates
}

// BenchmarkSnapshot takes a snapshot and reads one key of it.
func BenchmarkSnapshot(b *testing.B) {
	c, err := Open(b.TempDir(), Options{Replay: replay, NoSync: true})
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	blocks, updates := makeBlocks(100, 100)
	for n := range blocks {
		if err := c.Append(blocks[n], Commit{Updates: updates[n]}); err != nil {
			b.Fatal(err)
		}
	}
	for i := 0; b.Loop(); i++ {
		s := c.Snapshot()
		if v, _, err := s.Get("cc", fmt.Sprintf("key0-%04d", i%5000)); err != nil || v == nil {
			b.Fatal(err)
		}
		s.Close()
	}
}
