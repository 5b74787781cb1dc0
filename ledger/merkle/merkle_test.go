package merkle

import (
	"encoding/hex"
	"fmt"
	"testing"

	"github.com/hyperledger/fabric-protos-go-apiv2/ledger/rwset/kvrwset"
	"github.com/weft-network/weft/ledger"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"
)

func summary(degree uint32, n int) ([]*kvrwset.KVRead, *kvrwset.QueryReadsMerkleSummary) {
	t, _ := New(degree)
	for i := range n {
		t.Add(fmt.Sprintf("key%03d", i), ledger.Version{Block: 1, Tx: uint64(i)})
	}
	return t.Done()
}

// reads hashes results from to (excluded) as one node of level 1.
func reads(from, to int) []byte {
	q := &kvrwset.QueryReads{}
	for i := from; i < to; i++ {
		q.KvReads = append(q.KvReads, &kvrwset.KVRead{Key: fmt.Sprintf("key%03d", i), Version: &kvrwset.Version{BlockNum: 1, TxNum: uint64(i)}})
	}
	raw, _ := proto.Marshal(q)
	return hash(raw)
}

func TestFewResultsAreListedAndManyAreHashed(t *testing.T) {
	for _, c := range []struct {
		n      int
		level  uint32
		hashes [][]byte
	}{
		{n: 0}, {n: 3},
		{4, 1, [][]byte{reads(0, 4)}},
		{5, 1, [][]byte{reads(0, 4), reads(4, 5)}},
		{12, 1, [][]byte{reads(0, 4), reads(4, 8), reads(8, 12)}},
		{16, 2, [][]byte{hash(reads(0, 4), reads(4, 8), reads(8, 12), reads(12, 16))}},
		{17, 2, [][]byte{hash(reads(0, 4), reads(4, 8), reads(8, 12), reads(12, 16)), reads(16, 17)}},
	} {
		raw, s := summary(3, c.n)
		if c.hashes == nil {
			if s != nil || len(raw) != c.n {
				t.Errorf("%d results: %v, %v", c.n, raw, s)
			}
			continue
		}
		if want := (&kvrwset.QueryReadsMerkleSummary{MaxDegree: 3, MaxLevel: c.level, MaxLevelHashes: c.hashes}); !Equal(s, want) {
			t.Errorf("%d results: %v, want %v", c.n, s, want)
		}
	}
}

func TestASummaryNeverHasMoreHashesThanItsDegreeAndTellsResultsApart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		degree := rapid.Uint32Range(2, 5).Draw(t, "degree")
		a, b := rapid.IntRange(6, 300).Draw(t, "a"), rapid.IntRange(6, 300).Draw(t, "b")
		_, sa := summary(degree, a)
		_, sb := summary(degree, b)
		if len(sa.MaxLevelHashes) > int(degree) || Equal(sa, sb) != (a == b) {
			t.Fatalf("%d and %d results: %d hashes %s", a, b, len(sa.MaxLevelHashes), hex.EncodeToString(sa.MaxLevelHashes[0]))
		}
	})
}

func TestDegreesBelowTwoAreRefused(t *testing.T) {
	if _, err := New(1); err == nil {
		t.Error("degree 1")
	}
}
