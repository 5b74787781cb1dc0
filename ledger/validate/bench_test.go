package validate

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"testing"

	"github.com/weft-network/weft/ledger"
	"github.com/weft-network/weft/ledger/ledgertest"
)

// transfers are transactions of cc that read and write two keys each, as
// endorsed as they are in a network.
func (p *peerOf) transfers(n int) [][]byte {
	envelopes := make([][]byte, n)
	for i := range envelopes {
		set, ns := cc()
		set.NS("_lifecycle").Read("namespaces/fields/cc/Sequence", ledgertest.At(1, 0))
		for k := range 2 {
			key := fmt.Sprintf("account%05d%d", i, k)
			ns.Read(key, ledgertest.At(2, 0)).Write(key, `{"owner":"tom","balance":12345}`)
			p.state.set("cc", key, ledger.Version{Block: 2})
		}
		envelopes[i] = p.call(set, org1, org2)
	}
	p.state.plain = true // as a ledger knows of itself
	return envelopes
}

// BenchmarkValidateTx is everything from the bytes of a transaction of two
// endorsements to its code and updates, on one core: three signatures and the
// rest. The rest alone is BenchmarkValidateTxSignaturesKnown.
func BenchmarkValidateTx(b *testing.B) { benchmarkTx(b, false) }

// BenchmarkValidateTxSignaturesKnown is BenchmarkValidateTx for a peer that has
// checked the signatures before.
func BenchmarkValidateTxSignaturesKnown(b *testing.B) { benchmarkTx(b, true) }

func benchmarkTx(b *testing.B, known bool) {
	const txs = 100
	p := newPeer(b, ccOfBoth)
	p.Vouch = known
	raw := p.blocks.Peek(p.transfers(txs)...)
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		if !known {
			b.StopTimer()
			raw = p.blocks.Peek(p.transfers(txs)...)
			b.StartTimer()
		}
		parsed, err := ledger.ParseBlock(raw)
		if err != nil {
			b.Fatal(err)
		}
		set, err := Prepare(b.Context(), parsed, p.cfg, 1)
		if err != nil {
			b.Fatal(err)
		}
		r, err := set.Finish(p.state)
		if err != nil || r.Codes[txs-1] != valid {
			b.Fatal(err, show(r))
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/txs, "µs/tx")
}

// BenchmarkValidateMVCC is Finish for a block of 500 transactions of two reads
// and two writes, signatures checked: policies, MVCC, updates.
func BenchmarkValidateMVCC(b *testing.B) {
	const txs = 500
	p := newPeer(b, ccOfBoth)
	p.Vouch = true
	set, err := Prepare(b.Context(), p.Parse(p.blocks.Peek(p.transfers(txs)...)), p.cfg, 1)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if r, err := set.Finish(p.state); err != nil || len(r.Updates) != 2*txs {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/1000, "ms/block")
}

// BenchmarkP256 is what the others are compared with.
func BenchmarkP256(b *testing.B) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	digest := sha256.Sum256([]byte("m"))
	sig, err := ecdsa.SignASN1(rand.Reader, key, digest[:])
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if !ecdsa.VerifyASN1(&key.PublicKey, digest[:], sig) {
			b.Fatal("bad")
		}
	}
}
