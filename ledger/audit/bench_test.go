package audit_test

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/weft-network/weft/ledger/audit"
	"github.com/weft-network/weft/ledger/ledgertest"
)

// BenchmarkVerify checks a ledger of blocks of 500 transactions with two
// endorsements, two reads and two writes each: everything, from the files to the
// comparison of the state.
func BenchmarkVerify(b *testing.B) {
	const blocks, txs = 6, 500
	n := newNode(b, audit.Peer)
	n.commit(n.net.Define(ledgertest.Definition{Name: "cc", Policy: "AND('Org1MSP.peer','Org2MSP.peer')"}))
	for k := range blocks {
		var envelopes [][]byte
		for i := range txs {
			set := ledgertest.NewRWSet()
			cc := set.NS("cc")
			for _, key := range []string{fmt.Sprintf("a%04d", i), fmt.Sprintf("b%04d", i)} {
				if k == 0 {
					cc.Read(key, nil)
				} else {
					cc.Read(key, ledgertest.At(uint64(k)+1, uint64(i)))
				}
				cc.Write(key, fmt.Sprintf("value %d of %d", k, i))
			}
			envelopes = append(envelopes, n.net.Tx(ledgertest.Tx{Chaincode: "cc", Set: set}))
		}
		n.commit(envelopes...)
	}
	dir := n.close()
	b.ResetTimer()
	for range b.N {
		v, err := audit.Verify(b.Context(), dir, audit.VerifyOptions{Workers: runtime.GOMAXPROCS(0), Temp: b.TempDir()})
		if err != nil || v.Fault() != nil {
			b.Fatal(err, v.Fault())
		}
	}
	b.ReportMetric(float64(blocks*txs*b.N)/b.Elapsed().Seconds(), "tx/s")
}
